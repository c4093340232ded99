/* SPDX-License-Identifier: MIT */
/*
 * Pools and threads without memory, and without threads: a scenario runs undisturbed, then again
 * for each resource that it took, with that one refused.  Each time it comes to its end, with an
 * error that says why, each job that was accepted has run, and nothing is left.
 */
#include "base/alloc.h"
#include "base/chooser.h"
#include "base/thread.h"
#include "pools.h"

/* Refuses the resource number `at`. */
struct fault {
        struct cede__chooser chooser;
        unsigned at;
        atomic_uint seen;
};

static unsigned refuse_one(struct cede__chooser *self, enum cede__choice kind, unsigned n)
{
        struct fault *f = (struct fault *)self;

        (void)n;
        return kind == CEDE__CHOOSE_FAULT && atomic_fetch_add(&f->seen, 1) == f->at;
}

static int submitted;

static int use_pool(void)
{
        void *args[] = { N(1), N(2), N(3) };
        struct cede_thread *thread;
        int r = cede_pool_submit(pool, count_it, N(4), NULL);

        if (r < 0)
                return r;
        submitted++;
        r = cede_pool_map(pool, return_it, args, 3, NULL);
        if (r < 0)
                return r;
        r = cede_thread_start(NULL, count_it, N(5), &thread);
        if (r < 0)
                return r;
        submitted++;
        return cede_thread_join(thread, NULL);
}

static int scenario(void *arg)
{
        int r = cede_pool_create(&(struct cede_pool_options){ .threads = 3 }, &pool);

        (void)arg;
        if (r < 0)
                return r;
        r = use_pool();
        destroy();
        return r;
}

/* False: there are not that many resources. */
static bool run_with_fault(unsigned at, int (*run)(int (*fn)(void *), void *arg))
{
        struct fault fault = { { .choose = refuse_one }, at, 0 };
        size_t live = cede__alloc_live();
        int r;

        submitted = 0;
        atomic_store(&runs, 0);
        cede__chooser = &fault.chooser;
        r = run(scenario, NULL);
        cede__chooser = NULL;
        EXPECT(r == 0 || r == -ENOMEM || r == -EAGAIN);
        EXPECT_EQ(r == 0, atomic_load(&fault.seen) <= at);
        EXPECT_EQ(atomic_load(&runs), submitted);
        EXPECT_EQ(cede__alloc_live(), live);
        EXPECT_EQ(atomic_load(&cede__threads_idle), 0);
        return atomic_load(&fault.seen) > at;
}

static int run_plainly(int (*fn)(void *), void *arg)
{
        return fn(arg);
}

static void refuse_each(int (*run)(int (*fn)(void *), void *arg), unsigned least)
{
        unsigned at = 0;

        EXPECT(!run_with_fault(UINT32_MAX, run));
        EXPECT_EQ(submitted, 2);
        while (run_with_fault(at, run))
                at++;
        EXPECT(at >= least);
}

/* A pool, its three threads, a job, a map and its three jobs, a handle and its thread. */
TEST(whatever_is_refused_nothing_is_left)
{
        refuse_each(run_plainly, 11);
}

/* The same, and what counts the jobs for the run. */
TEST(whatever_is_refused_in_a_run_nothing_is_left)
{
        refuse_each(run_virtual, 12);
}
