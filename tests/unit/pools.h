/* SPDX-License-Identifier: MIT */
/* What the tests of pools share: one pool, and jobs that can be held. */
#ifndef POOLS_H
#define POOLS_H

#include "log.h"
#include "threads.h"
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct cede_pool *pool;

static inline void create(unsigned threads, unsigned queue, enum cede_order order)
{
        const struct cede_pool_options options = { "test-pool", threads, queue, order };

        EXPECT_EQ(cede_pool_create(&options, &pool), 0);
}

static inline void destroy(void)
{
        EXPECT_EQ(cede_pool_shutdown(pool, false), 0);
        cede_pool_destroy(pool);
}

static inline struct cede_future *submit(int (*fn)(void *), void *arg)
{
        struct cede_future *future = NULL;

        EXPECT_EQ(cede_pool_submit(pool, fn, arg, &future), 0);
        return future;
}

/* Takes the reference over. */
static inline int outcome(struct cede_future *future)
{
        void *value = N(-1);
        int r = cede_future_await(future, &value);

        cede_future_unref(future);
        return r < 0 ? r : (int)(intptr_t)value;
}

static inline struct cede_pool_stats stats(void)
{
        struct cede_pool_stats s;

        cede_pool_stats(pool, &s);
        return s;
}

/* A job that tells when it has begun and goes on when told to; one thread is assumed. */

static sem_t begun, go;
static atomic_int runs;

static inline int until_told(void *arg)
{
        atomic_fetch_add(&runs, 1);
        sem_post(&begun);
        while (sem_wait(&go) < 0)
                ;
        return (int)(intptr_t)arg;
}

static inline struct cede_future *occupy(void)
{
        struct cede_future *future;

        sem_init(&begun, 0, 0);
        sem_init(&go, 0, 0);
        future = submit(until_told, N(7));
        while (sem_wait(&begun) < 0)
                ;
        return future;
}

static inline int count_it(void *arg)
{
        atomic_fetch_add(&runs, 1);
        return (int)(intptr_t)arg;
}

static inline int submit_one(void *arg)
{
        struct cede_future *future = NULL;
        int r = cede_pool_submit(pool, count_it, arg, &future);

        note("%d:%s", (int)(intptr_t)arg, r == -EPIPE ? "closed" : word(r));
        return r < 0 ? 0 : outcome(future) < 0;
}

#endif
