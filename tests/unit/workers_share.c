/* SPDX-License-Identifier: MIT */
/* Several workers: limits, objects, offloading and reports across them. */
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "workers.h"

/* A limit that is shared by the scopes of all workers. */

static struct cede_limit limit;
static atomic_int inside, most;

static int limited_tree(void *arg)
{
        int depth = *(int *)arg - 1, r = 0;
        int n = atomic_fetch_add(&inside, 1) + 1;
        struct cede_scope c;

        if (n > atomic_load(&most))
                atomic_store(&most, n);
        EXPECT(n <= 4);
        if (depth >= 0 && depth % 2)
                r = cede_yield();
        atomic_fetch_sub(&inside, 1); /* it lends its slot from here on */
        cede_scope_open_with(&c, &(struct cede_scope_options){ .limit = &limit });
        for (int i = 0; i < 3 && depth >= 0 && r == 0; i++)
                r = cede_spawn(&c, limited_tree, &depth);
        r = cede_scope_close(&c, r);
        atomic_fetch_add(&count, 1);
        return r;
}

WORKERS_TEST(a_limit_is_kept_across_workers, .seconds = 60)
{
        for (int round = 0; round < times(10); round++) {
                struct cede_limit_stats stats;
                int depth = 5;

                count = 0;
                EXPECT_EQ(cede_limit_init(&limit, 4, round % 2 ? CEDE_LIFO : CEDE_FIFO), 0);
                EXPECT_EQ(limited_tree(&depth), 0);
                EXPECT_EQ(count, 364);
                cede_limit_stats(&limit, &stats);
                EXPECT_EQ(stats.running, 0);
                cede_limit_finish(&limit);
        }
}

static int pass_through(void *arg)
{
        (void)arg;
        return cede_yield();
}

/* On a worker of its own: none of them gives way until all have started. */
static int hammer(void *arg)
{
        struct cede_scope c;
        int r = 0;

        (void)arg;
        atomic_fetch_add(&started, 1);
        until_started(WORKERS);
        cede_scope_open_with(&c, &(struct cede_scope_options){ .limit = &limit });
        for (int i = 0; i < times(10000) && r == 0; i++)
                r = cede_spawn(&c, pass_through, NULL);
        return cede_scope_close(&c, r);
}

WORKERS_TEST(a_limit_is_used_by_all_workers_at_once, .seconds = 60)
{
        struct cede_limit_stats stats;
        struct cede_scope c;

        EXPECT_EQ(cede_limit_init(&limit, 100, CEDE_FIFO), 0);
        cede_scope_open(&c);
        for (int i = 1; i < WORKERS; i++)
                EXPECT_EQ(cede_spawn(&c, hammer, NULL), 0);
        EXPECT_EQ(hammer(NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        cede_limit_stats(&limit, &stats);
        EXPECT_EQ(stats.running, 0);
        cede_limit_finish(&limit);
}

/* Objects between tasks of different workers. */

static struct cede_mutex mutex;
static struct cede_sem permits = CEDE_SEM_INIT(0, CEDE_FIFO);
static long counter;

static int count_up(void *arg)
{
        for (int i = 0; i < 200; i++) {
                EXPECT_EQ(cede_mutex_lock(&mutex), 0);
                counter++;
                if (i % 10 == 0)
                        EXPECT_EQ(cede_yield(), 0);
                cede_mutex_unlock(&mutex);
                if (arg)
                        cede_sem_release(&permits);
                else
                        EXPECT_EQ(cede_sem_acquire(&permits), 0);
        }
        return 0;
}

static void share_a_mutex(enum cede_transfer transfer)
{
        struct cede_scope c;
        int n = test_slowed() ? 4 : 40;

        counter = 0;
        EXPECT_EQ(cede_mutex_set_transfer(&mutex, transfer), 0);
        cede_scope_open(&c);
        for (intptr_t i = 0; i < n; i++)
                EXPECT_EQ(cede_spawn(&c, count_up, (void *)(i % 2)), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(counter, n * 200);
        EXPECT_EQ(cede_sem_value(&permits), 0);
        cede_mutex_finish(&mutex);
}

WORKERS_TEST(a_mutex_and_a_semaphore_between_workers, .seconds = 60)
{
        share_a_mutex(CEDE_STRICT);
        share_a_mutex(CEDE_ADAPTIVE);
}

static int double_it(void *arg)
{
        int *n = arg;

        *n *= 2;
        return 0;
}

static int offload_some(void *arg)
{
        (void)arg;
        for (int i = 0; i < 20; i++) {
                int n = i;

                EXPECT_EQ(cede_offload(double_it, &n), 0);
                EXPECT_EQ(n, 2 * i);
        }
        return 0;
}

WORKERS_TEST(all_workers_offload_to_one_pool, .seconds = 60)
{
        struct cede_scope c;

        cede_scope_open(&c);
        for (int i = 0; i < 10; i++)
                EXPECT_EQ(cede_spawn(&c, offload_some, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

/* Ends */

static int leave_stragglers(void *arg)
{
        (void)arg;
        for (int i = 0; i < 50; i++)
                EXPECT_EQ(cede_spawn(NULL, sleep_for_ever, NULL), 0);
        return 5;
}

TEST(stragglers_are_cancelled_on_all_workers)
{
        for (int round = 0; round < times(50); round++) {
                count = 0;
                EXPECT_EQ(run_on(WORKERS, leave_stragglers, NULL), 5);
                EXPECT_EQ(count, 50);
        }
}

static int wait_for_permit(void *arg)
{
        (void)arg;
        return cede_sem_acquire(&permits);
}

static int wait_on_all(void *arg)
{
        static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i" };
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        for (int i = 0; i < 9; i++)
                EXPECT_EQ(cede_spawn_with(&c, &(struct cede_spawn_options){ .name = names[i] },
                                          wait_for_permit, NULL, NULL),
                          0);
        return cede_scope_close(&c, 0);
}

TEST(a_deadlock_of_all_workers_is_reported)
{
        const char *text;

#ifdef __SANITIZE_THREAD__
        SKIP("ThreadSanitizer has an extra thread in a forked process, which counts as foreign");
#endif
        for (int round = 0; round < 5; round++) {
                capture_begin();
                EXPECT_EQ(run_on(WORKERS, wait_on_all, NULL), -EDEADLK);
                text = strstr(capture_end(), "deadlock: no task is ready");
                EXPECT(text);
                text = strstr(text, "\n  main (1): waits for the end of 9 children, at ");
                EXPECT(text);
                for (int i = 0; i < 9; i++) {
                        char line[100];

                        snprintf(line, sizeof(line),
                                 "\n    %c (%d): waits for semaphore unnamed (wants 1, 0 free, 9 "
                                 "waiting), at ",
                                 'a' + i, (2 + i) * WORKERS);
                        text = strchr(text + 1, '\n');
                        EXPECT(text);
                        EXPECT(strncmp(text, line, strlen(line)) == 0);
                }
                EXPECT_STR(strchr(text + 1, '\n'), "\n");
        }
}

static int take_and_sleep(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_sleep(CEDE_US(100)), 0);
        cede_sem_release(&permits);
        return 0;
}

/* Those who could wake somebody are asleep now and then, but it is no deadlock. */
WORKERS_TEST(nothing_is_reported_while_a_timer_of_some_worker_is_set, .seconds = 60)
{
        capture_begin();
        for (int round = 0; round < times(200); round++) {
                struct cede_scope c;

                cede_scope_open(&c);
                for (int i = 0; i < 6; i++)
                        EXPECT_EQ(cede_spawn(&c, i % 2 ? wait_for_permit : take_and_sleep, NULL),
                                  0);
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
        }
        EXPECT_STR(capture_end(), "");
}

static atomic_bool stop_printing;

static int print_tasks(void *arg)
{
        (void)arg;
        for (int i = 0; i < times(100); i++) {
                cede_print_tasks(STDERR_FILENO);
                EXPECT_EQ(cede_yield(), 0);
        }
        atomic_fetch_add(&count, 1);
        return 0;
}

static int change(void *arg)
{
        (void)arg;
        while (atomic_load(&count) < 2) {
                struct node root = { .depth = 2 };

                EXPECT_EQ(tree(&root), 0);
        }
        return 0;
}

/* The tree is walked while it changes on other workers: they stand still for that. */
WORKERS_TEST(the_tasks_are_printed_while_others_run, .seconds = 60)
{
        const char *text;
        struct cede_scope c;

        capture_begin();
        cede_scope_open(&c);
        for (int i = 0; i < 4; i++)
                EXPECT_EQ(cede_spawn(&c, change, NULL), 0);
        for (int i = 0; i < 2; i++)
                EXPECT_EQ(cede_spawn(&c, print_tasks, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        text = capture_end();
        EXPECT(strstr(text, "main (1): waits for the end of"));
        /* Where functions' names are not known, all are called tasks. */
        EXPECT(strstr(text, "change (") || strstr(text, "task ("));
        EXPECT(strstr(text, "tree (") || strstr(text, "task ("));
}

/* Somebody who computes is done without. */
static int compute(void *arg)
{
        atomic_fetch_add(&count, 1);
        while (!atomic_load((atomic_bool *)arg))
                ;
        return 0;
}

WORKERS_TEST(a_task_that_does_not_give_way_is_named)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, &(struct cede_spawn_options){ .name = "stubborn" }, compute,
                                  &stop_printing, NULL),
                  0);
        while (!atomic_load(&count))
                sched_yield();
        capture_begin();
        cede_print_tasks(STDERR_FILENO);
        EXPECT(strstr(capture_end(), "stubborn (6): on a worker whose task does not give way"));
        atomic_store(&stop_printing, true);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}
