/* SPDX-License-Identifier: MIT */
/*
 * Threads that run jobs from a queue: what offloading and pools share (offload.c, pool.c).
 *
 * A job is a waiter in the crew's queue, in the queue's order.  A thread that takes it claims its
 * party first.  So beginning a job competes with cancelling it on the one cell, like any grant
 * (wait/wait.h):
 *
 *      thread: claim, run, finish(result)      the canceller loses: the job is waited for
 *      canceller: claim, withdraw, finish      the thread loses: the job is never run
 *
 * What becomes of the result is up to the kind of the job's party: a task goes on with it, a future
 * is resolved.
 *
 * `room` has a permit for each thread and each place in the queue.  Who brings a job takes one
 * before, and whoever sees the job's end gives it back.
 */
#ifndef CEDE_EXEC_CREW_H
#define CEDE_EXEC_CREW_H

#include "sched/loop.h"
#include "wait/wait.h"
#include <cede/sem.h>
#include <pthread.h>

enum { CEDE__CREW_THREADS = 4, CEDE__CREW_QUEUE = 1024 };

struct cede__job {
        struct cede__waiter waiter;
        int (*fn)(void *arg);
        void *arg;
        struct cede__outside *outside; /* whose work it is; NULL: no run's */
};

struct cede__crew {
        struct cede_sem room; /* threads + places in the queue */
        pthread_mutex_t lock;
        _Atomic uint32_t changes; /* under lock; idle threads sleep on it */
        struct cede__waitq jobs;  /* under lock */
        unsigned idle;            /* under lock: threads that wait for a job */
        bool stop;                /* under lock */
        unsigned threads;         /* under lock */
        pthread_t *thread;        /* as many as there may be */
        const char *name;         /* of the threads */
};

/* The crew that this thread belongs to. */
extern _Thread_local const struct cede__crew *cede__crew_here;

/* How many threads there are if the user says 0. */
unsigned cede__crew_default(void);

/* Without threads yet, which will be at most threads_max.  The order is known to be valid. */
void cede__crew_init(struct cede__crew *crew, pthread_t *thread, unsigned threads_max,
                     unsigned queue, enum cede_order order);

/* There are no jobs any more: ends the threads. */
void cede__crew_finish(struct cede__crew *crew);

/* Under the lock: starts one thread more; false: it could not be. */
bool cede__crew_grow(struct cede__crew *crew);

/* Under the lock: the next job to run, claimed; NULL when there is none. */
struct cede__job *cede__crew_take(struct cede__crew *crew);

/*
 * Under the lock, which it drops: begins the party's wait, and puts the job into the queue.  The
 * methods of `kind` find the crew as the waiter's object.
 */
void cede__crew_put(struct cede__crew *crew, struct cede__job *job, struct cede__party *party,
                    const struct cede__waitable *kind, struct cede__wrank rank, const void *site);

/* Methods of a job's wait. */
void cede__crew_withdraw(struct cede__waiter *w);
void cede__crew_resort(struct cede__waiter *w);
void cede__crew_describe(const struct cede__waiter *w, struct cede__text *t);

#endif
