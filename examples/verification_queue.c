/* SPDX-License-Identifier: MIT */
/*
 * A user joins the queue every two seconds, and a referee takes four to verify one.
 *
 * The referees wait for users on a semaphore that counts those in the queue: nobody polls, and each
 * user goes to the referee that has waited longest.  After the last user the queue is closed, and
 * the referees go home when it is empty.
 *
 * With --seed the same is done as it often is, wrongly: one loop offers users to each referee in
 * turn, and itself sleeps while one is at work, so that only one ever is.  It never learns that no
 * more users come: as a thread it polls for ever (`threads`); as a task it is cancelled after a
 * while, and success is claimed with whoever is still in the queue (`asyncio`).
 */
#include "example.h"

#include <cede.h>

static long referees = 2, users = 6;
static int64_t every = CEDE_SEC(2), takes = CEDE_SEC(4);

/* Users are numbered from 1 on; in the queue are those who were added and not removed. */
static long added, removed, verified;
static bool closed;
static struct cede_sem in_queue; /* a permit for each user; once closed, more than enough */

static int add_users(void *arg)
{
        (void)arg;
        while (added < users) {
                int r = added ? cede_sleep(every) : 0;

                if (r < 0)
                        return r;
                say("ADDED u%ld", ++added);
                cede_sem_release(&in_queue);
        }
        return 0;
}

static int add_users_and_close(void *arg)
{
        int r = add_users(arg);

        if (r < 0)
                return r;
        closed = true;
        return cede_sem_release_n(&in_queue, referees); /* for those who find nobody any more */
}

static int referee(void *arg)
{
        char name = (char)(intptr_t)arg;
        long user;
        int r;

        for (;;) {
                r = cede_sem_acquire(&in_queue);
                if (r < 0)
                        return r;
                if (closed && removed == added)
                        return 0;
                user = ++removed;
                say("REMOVED u%ld by %c", user, name);
                r = cede_sleep(takes);
                if (r < 0)
                        return r;
                say("VERIFIED u%ld by %c", user, name);
                verified++;
        }
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

/* Between two rounds of the referees.  1: this would go on for ever. */
static int pause_between_rounds(bool idle)
{
        int r;

        if (seed == ASYNCIO)
                return cede_sleep(CEDE_SEC(1));
        if (!idle)
                return 0;
        if (added == users)
                return 1;
        r = cede_sem_acquire(&in_queue); /* a thread would ask again and again */
        if (r < 0)
                return r;
        return cede_sem_release(&in_queue);
}

static int serve_one_at_a_time(void *arg)
{
        int r;

        (void)arg;
        do {
                bool idle = true;

                for (int i = 0; i < referees; i++) {
                        if (cede_sem_try_acquire(&in_queue) < 0)
                                continue;
                        idle = false;
                        say("REMOVED u%ld by %c", ++removed, 'A' + i);
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
        if (r >= 0 && removed < added)
                say("note: %ld still in the queue, u%ld first", added - removed, removed + 1);
        return r;
}

static int verification_queue(void *arg)
{
        static int (*const ways[])(void) = { properly, with_threads, with_asyncio };

        (void)arg;
        return ways[seed]();
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
