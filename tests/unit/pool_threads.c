/* SPDX-License-Identifier: MIT */
/* Pools: threads and tasks submit, cancel and shut down at once; each job ends exactly once. */
#include "base/prng.h"
#include "pools.h"

enum { SUBMITTERS = 3, EACH = 400 };

static atomic_int ran[SUBMITTERS][EACH];
static atomic_int accepted, withdrawn, refused;

static int run_once(void *arg)
{
        atomic_fetch_add((atomic_int *)arg, 1);
        return 3;
}

/* What it comes to is what has happened: run once and 3, or never and cancelled. */
static void expect_outcome(struct cede_future *future, atomic_int *times)
{
        int r = outcome(future);

        EXPECT(r == 3 || r == -ECANCELED);
        EXPECT_EQ(atomic_load(times), r == 3);
        atomic_fetch_add(&withdrawn, r != 3);
}

static int submit_and_cancel(void *arg)
{
        int who = (int)(intptr_t)arg;
        uint64_t draws = 0;
        struct cede_future *held[8] = { NULL };
        atomic_int *times[8];

        for (int i = 0; i < EACH; i++) {
                unsigned at = (unsigned)(cede__prng((uint64_t)who, draws++) % 8);
                int r;

                if (held[at]) {
                        if (cede__prng((uint64_t)who, draws++) % 2)
                                cede_future_cancel(held[at]);
                        expect_outcome(held[at], times[at]);
                        held[at] = NULL;
                }
                times[at] = &ran[who][i];
                r = cede_pool_submit(pool, run_once, times[at], &held[at]);
                if (r == -EPIPE) {
                        held[at] = NULL;
                        atomic_fetch_add(&refused, 1);
                        continue;
                }
                EXPECT_EQ(r, 0);
                atomic_fetch_add(&accepted, 1);
        }
        for (unsigned at = 0; at < 8; at++)
                if (held[at])
                        expect_outcome(held[at], times[at]);
        return 0;
}

static void expect_each_once(void)
{
        int total = 0;

        for (int who = 0; who < SUBMITTERS; who++)
                for (int i = 0; i < EACH; i++) {
                        EXPECT(atomic_load(&ran[who][i]) <= 1);
                        total += atomic_load(&ran[who][i]);
                }
        EXPECT_EQ(total, atomic_load(&accepted) - atomic_load(&withdrawn));
        EXPECT_EQ(atomic_load(&accepted) + atomic_load(&refused), SUBMITTERS * EACH);
}

static int tasks_submit(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, submit_and_cancel, N(1)), 0);
        EXPECT_EQ(cede_spawn(&c, submit_and_cancel, N(2)), 0);
        return cede_scope_close(&c, 0);
}

static void start_storm(struct cede_thread **thread)
{
        create(2, 2, CEDE_FIFO);
        EXPECT_EQ(cede_thread_start(NULL, submit_and_cancel, N(0), thread), 0);
}

TEST(each_job_runs_once_or_is_withdrawn)
{
        struct cede_thread *thread;

        start_storm(&thread);
        EXPECT_EQ(cede_run(tasks_submit, NULL), 0);
        EXPECT_EQ(cede_thread_join(thread, NULL), 0);
        destroy();
        EXPECT_EQ(atomic_load(&refused), 0);
        expect_each_once();
}

TEST(several_workers_share_a_pool)
{
        const struct cede_run_options two = { .workers = 2 };
        struct cede_thread *thread;

        start_storm(&thread);
        EXPECT_EQ(cede_run_with(tasks_submit, NULL, &two), 0);
        EXPECT_EQ(cede_thread_join(thread, NULL), 0);
        destroy();
        expect_each_once();
}

static int shut_down_midway(void *arg)
{
        while (atomic_load(&accepted) < SUBMITTERS * EACH / 3)
                sched_yield();
        return cede_pool_shutdown(pool, arg != NULL);
}

static void shut_down_a_storm(bool cancel_queued)
{
        struct cede_thread *thread, *closer;
        int result = -1;

        start_storm(&thread);
        EXPECT_EQ(cede_thread_start(NULL, shut_down_midway, N(cancel_queued), &closer), 0);
        EXPECT_EQ(cede_run(tasks_submit, NULL), 0);
        EXPECT_EQ(cede_thread_join(thread, NULL), 0);
        EXPECT_EQ(cede_thread_join(closer, &result), 0);
        EXPECT_EQ(result, 0);
        cede_pool_destroy(pool);
        expect_each_once();
}

TEST(shutdown_in_the_midst_runs_what_was_accepted)
{
        shut_down_a_storm(false);
}

TEST(shutdown_in_the_midst_withdraws_what_is_queued)
{
        shut_down_a_storm(true);
}
