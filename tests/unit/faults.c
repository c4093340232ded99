/* SPDX-License-Identifier: MIT */
/*
 * Whatever can be exhausted is, once at each place: a scenario that uses a bit of everything runs
 * first undisturbed, then again for each resource that it took, with that one refused.
 *
 * Each time the run must end, with 0 or an error that says why; every function that was spawned
 * must have run, and nothing may be left.
 */
#include "base/alloc.h"
#include "fault.h"
#include "test.h"
#include <cede.h>
#include <errno.h>
#include <stdio.h>

/* What the scenario leaves to be checked. */
static struct {
        unsigned spawned, ran, refused;
        unsigned offloaded, offload_refused;
        unsigned locals_set, locals_destroyed;
        bool main_ran;
        struct cede_sem sem;
        struct cede_limit limit;
} s;

static void destroy_local(void *value)
{
        *(unsigned *)value += 1;
}

static struct cede_local local = { destroy_local };

static int spawn(struct cede_scope *scope, size_t stack_size, int (*fn)(void *))
{
        struct cede_spawn_options options = { .name = "worker", .stack_size = stack_size };
        int r = cede_spawn_with(scope, &options, fn, NULL, NULL);

        EXPECT(r == 0 || r == -ENOMEM);
        s.spawned += r == 0;
        s.refused += r < 0;
        return r;
}

static int use_local(void)
{
        int r = cede_local_set(&local, &s.locals_destroyed);

        EXPECT(r == 0 || r == -ENOMEM);
        s.locals_set += r == 0;
        EXPECT((cede_local_get(&local) != NULL) == (r == 0));
        return r;
}

static int count_offloaded(void *arg)
{
        (void)arg;
        __atomic_fetch_add(&s.offloaded, 1, __ATOMIC_RELAXED);
        return 0;
}

static int use_offload(void)
{
        int r = cede_offload(count_offloaded, NULL);

        EXPECT(r == 0 || r == -ENOMEM || r == -EAGAIN || r == -ECANCELED);
        s.offload_refused += r < 0;
        return r;
}

static int sleep_with_a_permit(void *arg)
{
        int r;

        (void)arg;
        s.ran++;
        r = cede_sem_acquire(&s.sem);
        if (r < 0)
                return r;
        r = cede_sleep(CEDE_MS(1));
        cede_sem_release(&s.sem);
        return r < 0 ? r : use_local();
}

static int offload_something(void *arg)
{
        (void)arg;
        s.ran++;
        return use_offload();
}

static int time_out(void *arg)
{
        int r = 0;

        (void)arg;
        s.ran++;
        CEDE_TIMEOUT(CEDE_MS(2))
                r = cede_sleep(CEDE_SEC(3600));
        EXPECT(r == -ETIMEDOUT || r == -ECANCELED);
        return r == -ETIMEDOUT ? 0 : r;
}

/* A parent that lends its slot to its children. */
static int spawn_under_the_limit(void *arg)
{
        struct cede_scope children;
        int r;

        (void)arg;
        s.ran++;
        cede_scope_open_with(&children, &(struct cede_scope_options){ .limit = &s.limit });
        r = spawn(&children, 0, sleep_with_a_permit);
        if (r == 0)
                r = spawn(&children, 16 * 1024, sleep_with_a_permit);
        return cede_scope_close(&children, r);
}

static int (*const workers[])(void *) = { sleep_with_a_permit, offload_something, time_out,
                                          spawn_under_the_limit };

static int scenario(void *arg)
{
        struct cede_scope all, limited;
        int r = 0;

        (void)arg;
        s.main_ran = true;
        cede_scope_open(&all);
        for (int i = 0; i < 8 && r == 0; i++)
                r = spawn(&all, i % 2 ? 0 : 256 * 1024, workers[i % 4]);
        cede_scope_open_with(
                &limited, &(struct cede_scope_options){ .limit = &s.limit, .flags = CEDE_COLLECT });
        for (int i = 0; i < 4 && r == 0; i++)
                r = spawn(&limited, 0, workers[3 - i]);
        r = cede_scope_close(&limited, r);
        return cede_scope_close(&all, r < 0 ? r : use_local());
}

/* One run with resource number `at` refused; false if there are not that many. */
static bool run_with_fault(unsigned at, enum cede_clock clock)
{
        struct cede_run_options options = {
                .clock = clock, .watchdog = CEDE_SEC(100), .offload_threads = 2, .offload_queue = 1
        };
        struct fault fault = { { .choose = refuse_one }, at, 0 };
        size_t live = cede__alloc_live();
        int r;

        s = (typeof(s)){ 0 };
        EXPECT_EQ(cede_sem_init(&s.sem, 2, CEDE_PRIORITY), 0);
        EXPECT_EQ(cede_limit_init(&s.limit, 2, CEDE_LIFO), 0);
        cede__chooser = &fault.chooser;
        r = cede_run_with(scenario, NULL, &options);
        cede__chooser = NULL;
        fprintf(stderr, "fault %u: result %d\n", at, r);

        EXPECT(r == 0 || r == -ENOMEM || r == -EAGAIN);
        if (fault.seen <= at)
                EXPECT_EQ(r, 0);
        EXPECT_EQ(s.ran, s.spawned);
        EXPECT(s.main_ran || r < 0);
        if (s.refused > 0 || s.offload_refused > 0)
                EXPECT(r < 0);
        EXPECT_EQ(s.locals_set, s.locals_destroyed);
        EXPECT_EQ(cede_sem_value(&s.sem), 2);
        cede_sem_finish(&s.sem);
        cede_limit_finish(&s.limit);
        EXPECT_EQ(cede__alloc_live(), live);
        return fault.seen > at;
}

static unsigned refuse_each(enum cede_clock clock)
{
        unsigned at = 0;

        while (run_with_fault(at, clock))
                at++;
        return at;
}

TEST(undisturbed_it_succeeds)
{
        EXPECT(!run_with_fault(UINT32_MAX, CEDE_CLOCK_VIRTUAL));
        EXPECT_EQ(s.refused, 0);
        EXPECT(s.spawned > 12);
        EXPECT(s.offloaded > 0 && s.locals_set > 0);
}

TEST(each_resource_refused_once, .seconds = 60)
{
        /* The run, the signal stack, the watchdog, the records, each stack with slab and guard,
           the pool, its threads, each local value. */
        EXPECT(refuse_each(CEDE_CLOCK_VIRTUAL) > 20);
}

TEST(each_resource_refused_once_on_the_real_clock, .seconds = 60)
{
        EXPECT(refuse_each(CEDE_CLOCK_REAL) > 20);
}

static int spawn_one_refused(void *arg)
{
        struct fault fault = { { .choose = refuse_one }, 0, 0 };
        int refused;

        /* A spawn takes memory only now and then: until it does. */
        cede__chooser = &fault.chooser;
        do
                refused = spawn(NULL, 0, time_out);
        while (refused == 0 && s.spawned < 10000);
        cede__chooser = NULL;
        EXPECT_EQ(refused, -ENOMEM);
        /* Nothing has changed: the next attempt succeeds. */
        EXPECT_EQ(spawn(NULL, 0, time_out), 0);
        (void)arg;
        return 0;
}

TEST(a_refused_spawn_changes_nothing)
{
        struct cede_run_options options = { .clock = CEDE_CLOCK_VIRTUAL };

        EXPECT_EQ(cede_run_with(spawn_one_refused, NULL, &options), 0);
        EXPECT_EQ(s.ran, s.spawned);
}
