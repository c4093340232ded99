/* SPDX-License-Identifier: MIT */
/* For tests with several workers. */
#ifndef WORKERS_H
#define WORKERS_H

#include <sched.h>
#include <stdatomic.h>

#include "log.h"

enum { WORKERS = 3 };

static inline int run_on(unsigned workers, int (*fn)(void *), void *arg)
{
        return cede_run_with(fn, arg, &(struct cede_run_options){ .workers = workers });
}

/* A test whose main task runs on the first of three workers. */
#define WORKERS_TEST(id, ...)                                                                      \
        static void workers_##id(void);                                                            \
        static int workers_main_##id(void *arg)                                                    \
        {                                                                                          \
                (void)arg;                                                                         \
                workers_##id();                                                                    \
                return 0;                                                                          \
        }                                                                                          \
        TEST(id, __VA_ARGS__)                                                                      \
        {                                                                                          \
                EXPECT_EQ(run_on(WORKERS, workers_main_##id, NULL), 0);                            \
        }                                                                                          \
        static void workers_##id(void)

static atomic_int count;

static inline int times(int n)
{
        return test_slowed() ? n / 10 : n;
}

/* A tree of scopes; the value comes back through them. */

struct node {
        int depth;
        long sum;
};

static inline int tree(void *arg)
{
        struct node *me = arg;
        struct node children[3] = { 0 };
        struct cede_scope c;
        int r = 0;

        me->sum = 1;
        if (!me->depth)
                return 0;
        cede_scope_open(&c);
        for (int i = 0; i < 3 && r == 0; i++) {
                children[i].depth = me->depth - 1;
                r = cede_spawn(&c, tree, &children[i]);
        }
        r = cede_scope_close(&c, r);
        for (int i = 0; i < 3; i++)
                me->sum += children[i].sum;
        return r;
}

static atomic_int started;

/* Does not give way until so many have started: on other workers, hence. */
static inline void until_started(int n)
{
        while (atomic_load(&started) < n)
                sched_yield();
}

static inline int sleep_for_ever(void *arg)
{
        int r;

        (void)arg;
        atomic_fetch_add(&started, 1);
        r = cede_sleep(CEDE_SEC(1000));
        EXPECT_EQ(r, -ECANCELED);
        atomic_fetch_add(&count, 1);
        return r;
}

#endif
