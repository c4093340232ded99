/* SPDX-License-Identifier: MIT */
/*
 * A user joins the queue every two seconds, and a referee takes four to verify one.
 *
 * Nobody polls: a user goes to the referee that has waited longest.  After the last user the queue
 * is closed, and the referees go home when it is empty.
 *
 * With --seed the same is done as it often is, wrongly: one loop offers users to each referee in
 * turn, and itself sleeps while one is at work, so that only one ever is.  It never learns that no
 * more users come: as a thread it polls for ever (`threads`); as a task it is cancelled after a
 * while, and success is claimed with whoever is still in the queue (`asyncio`).
 */
#include "example.h"

#include <cede.h>
#include <errno.h>

static long referees = 2, users = 6;
static int64_t every = CEDE_SEC(2), takes = CEDE_SEC(4);

/* Users are numbered from 1 on. */
static struct cede_queue queue = CEDE_QUEUE_INIT(sizeof(long), CEDE_UNBOUNDED, CEDE_FIFO);
static long added, verified;

static int add_users(void *arg)
{
        (void)arg;
        while (added < users) {
                int r = added ? cede_sleep(every) : 0;

                if (r < 0)
                        return r;
                say("ADDED u%ld", ++added);
                r = cede_queue_put(&queue, &added);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_users_and_close(void *arg)
{
        int r = add_users(arg);

        cede_queue_close(&queue);
        return r;
}

static int referee(void *arg)
{
        char name = (char)(intptr_t)arg;
        long user;
        int r;

        while ((r = cede_queue_get(&queue, &user)) == 0) {
                say("REMOVED u%ld by %c", user, name);
                r = cede_sleep(takes);
                if (r < 0)
                        return r;
                say("VERIFIED u%ld by %c", user, name);
                verified++;
        }
        return r == -EPIPE ? 0 : r;
}

static void claim_success(void)
{
        say("All users in test queue have been verified");
}

static int properly(void)
{
        int r = 0;

        CEDE_SCOPE(all, &r) {
                r = cede_spawn(&all, add_users_and_close, NULL);
                for (int i = 0; i < referees && r >= 0; i++)
                        r = cede_spawn(&all, referee, (void *)(intptr_t)('A' + i));
        }
        if (r >= 0 && verified == users)
                claim_success();
        return r;
}

/* What is wrong with the rest of the program is meant to be. */

enum { PROPERLY, THREADS, ASYNCIO };
static int seed = PROPERLY;

static long awaited; /* a user that was removed while the service had nothing to do; 0: none */

static int poll_queue(long *ret_user)
{
        if (!awaited)
                return cede_queue_try_get(&queue, ret_user);
        *ret_user = awaited;
        awaited = 0;
        return 0;
}

/* Between two rounds of the referees.  1: this would go on for ever. */
static int pause_between_rounds(bool idle)
{
        if (seed == ASYNCIO)
                return cede_sleep(CEDE_SEC(1));
        if (!idle)
                return 0;
        if (added == users)
                return 1;
        return cede_queue_get(&queue, &awaited); /* a thread would ask again and again */
}

static int serve_one_at_a_time(void *arg)
{
        int r;

        (void)arg;
        do {
                bool idle = true;

                for (int i = 0; i < referees; i++) {
                        long user;

                        if (poll_queue(&user) < 0)
                                continue;
                        idle = false;
                        say("REMOVED u%ld by %c", user, 'A' + i);
                        r = cede_sleep(takes); /* and nobody looks after the other referees */
                        if (r >= 0)
                                r = cede_checkpoint();
                        if (r < 0)
                                return r;
                }
                r = pause_between_rounds(idle);
        } while (r == 0);
        if (r > 0)
                say("note: the service goes on polling for ever; it is stopped here");
        return r < 0 ? r : 0;
}

static int with_threads(void)
{
        int r = 0;

        CEDE_SCOPE(all, &r) {
                r = cede_spawn(&all, add_users, NULL);
                if (r >= 0)
                        r = cede_spawn(&all, serve_one_at_a_time, NULL);
        }
        return r;
}

static int with_asyncio(void)
{
        struct cede_task *adding, *service;
        long left;
        int r = 0;

        CEDE_SCOPE(all, &r) {
                r = cede_spawn_with(&all, NULL, add_users, NULL, &adding);
                if (r >= 0)
                        r = cede_spawn_with(&all, NULL, serve_one_at_a_time, NULL, &service);
                if (r >= 0)
                        r = cede_task_join(adding, NULL);
                if (r >= 0)
                        r = cede_sleep(every);
                if (r >= 0)
                        r = cede_sleep(CEDE_SEC(10)); /* that should be enough, should it not? */
                if (r >= 0) {
                        cede_task_cancel(service);
                        claim_success();
                }
        }
        if (r >= 0 && cede_queue_try_get(&queue, &left) == 0)
                say("note: %zu still in the queue, u%ld first", cede_queue_size(&queue) + 1, left);
        return r;
}

static int verification_queue(void *arg)
{
        static int (*const ways[])(void) = { properly, with_threads, with_asyncio };

        int r = ways[seed]();

        (void)arg;
        cede_queue_finish(&queue);
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "referees", "N", "how many referees there are (2)", .number = &referees, .min = 1,
                  .max = 26 },
                { "users", "N", "how many users come (6)", .number = &users, .min = 1,
                  .max = 100000 },
                { "every", "S", "how often one comes (2)", .duration = &every, .max = 10000 },
                { "takes", "S", "how long it takes to verify one (4)", .duration = &takes,
                  .max = 10000 },
                { "seed", "none|threads|asyncio", "serve one user at a time, and never be done",
                  .choice = &seed },
                { 0 },
        };

        return example_main(argc, argv, "Users queue up to be verified by referees.", options,
                            verification_queue);
}
