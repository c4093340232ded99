/* SPDX-License-Identifier: MIT */
/*
 * Pool: threads that run jobs from a queue, each job's result as a future.
 *
 *      struct cede_pool *pool;
 *      struct cede_future *sum;
 *
 *      r = cede_pool_create(&(struct cede_pool_options){ .threads = 2 }, &pool);
 *      r = cede_pool_submit(pool, add_up, &numbers, &sum);     // int add_up(void *numbers)
 *      r = cede_future_await(sum, &value);     // (intptr_t)value is what it returned, if >= 0
 *      cede_future_unref(sum);
 *      r = cede_pool_shutdown(pool, false);    // waits for what is left
 *      cede_pool_destroy(pool);
 *
 * It serves tasks of any run, callbacks and plain threads, also without any run.  To wait for one
 * function and nothing else, a task has less to do with cede_offload.
 *
 * Cancelling a job's future withdraws the job if it is still queued: it never runs.  One that has
 * begun is waited for, and its result stands: its argument may be in use.  An error that nobody
 * looks at is reported when the future goes, as of any future; if the caller did not ask for the
 * future, when the job has failed.
 *
 * Runs.  A job that a task or a callback submits belongs to their run, which waits for it at its
 * end, and does not take that for a deadlock.  On a virtual clock, time stands still while such
 * a job runs, except during cede_sleep in it; deadlines cannot be set there.  A job that a plain
 * thread or another job submits belongs to no run, and lives on the real clock.  A pool that has
 * no job hides no deadlock, although its threads exist.  With several workers on a virtual
 * clock, jobs are counted for each worker alone: time stands still for ever if all threads of a
 * pool sleep in jobs of one worker's tasks, and jobs of another worker's wait for those; give
 * such a pool more threads.
 *
 * A job that waits for another one of the same pool takes a thread from it: when all do so, none
 * goes on.  In a job, what works in a plain thread works; it begins with priority 0 (thread.h).
 *
 * After the executors of Python's concurrent.futures.
 */
#ifndef CEDE_POOL_H
#define CEDE_POOL_H

#include <cede/base.h>
#include <cede/order.h>

CEDE_BEGIN_DECLS

struct cede_future;
struct cede_pool;

struct cede_pool_options {
        const char *name;      /* of its threads, in reports, ps and gdb; kept, not copied */
        unsigned threads;      /* at most 1024; 0: 4 or the number of cores */
        unsigned queue;        /* most jobs queued for them; 0: 1024 */
        enum cede_order order; /* which of the queued runs next, by the submitter's priority */
};

/*
 * Makes a pool, and starts its threads, with all signals blocked.  options NULL: all zero.
 *
 * -EINVAL  the order is none, or there are too many threads
 * -ENOMEM  there is no memory
 * -EAGAIN  not all threads could be started: there is no pool
 */
CEDE_API int cede_pool_create(const struct cede_pool_options *options,
                              struct cede_pool **ret_pool) CEDE_MUST_CHECK;

/*
 * Ends a pool's life, and joins its threads.  NULL is ignored.  Ends the program with a report if
 * the pool was not shut down, or not all of its jobs have ended.
 */
CEDE_API void cede_pool_destroy(struct cede_pool *pool);

/*
 * Submits a job: fn(arg) will run on one of the threads, unless it is cancelled before.  If the
 * queue is full, waits for room.  *ret_future receives the future of its result, with a reference
 * to be given back; a result >= 0 is its value as a pointer, one < 0 its error.  If ret_future is
 * NULL, nobody can wait for it.  On failure nothing was submitted.
 *
 * -EPIPE      the pool is shut down, or was meanwhile
 * -ECANCELED  the caller is cancelled (also if there is room)
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed; if there is room, the job is
 *             still submitted
 * -ENOMEM     there is no memory for the job
 * -EINVAL     pool or fn is NULL
 */
CEDE_API int cede_pool_submit(struct cede_pool *pool, int (*fn)(void *arg), void *arg,
                              struct cede_future **ret_future) CEDE_MUST_CHECK;

/*
 * Submits a job if that needs no waiting; also from callbacks and from cancelled tasks.
 *
 * -EAGAIN  the queue is full
 * -EPIPE   the pool is shut down
 * -ENOMEM  there is no memory for the job
 * -EINVAL  pool or fn is NULL
 */
CEDE_API int cede_pool_try_submit(struct cede_pool *pool, int (*fn)(void *arg), void *arg,
                                  struct cede_future **ret_future) CEDE_MUST_CHECK;

/*
 * Runs fn(args[i]) for all i < n on the threads, and waits for them.  What fn returned is stored in
 * results[i] (results may be NULL).  0: none failed.  Else the error of the first that failed, in
 * the order of `args`: when it is that one's turn to be looked at, what is still queued is
 * withdrawn (-ECANCELED is its result), and what is running is waited for.  The same happens if the
 * caller is cancelled, or cannot submit.
 *
 * -EPIPE, -ECANCELED, -ETIMEDOUT, -ENOMEM  as for cede_pool_submit
 * -EINVAL                                  pool, fn, or args of n > 0 is NULL
 */
CEDE_API int cede_pool_map(struct cede_pool *pool, int (*fn)(void *arg), void *const *args,
                           size_t n, int *results) CEDE_MUST_CHECK;

/*
 * Shuts a pool down, and waits until all jobs have ended: those that are queued run, or with
 * cancel_queued, are withdrawn, and their futures cancelled.  Whoever waits for room fails with
 * -EPIPE.  On failure the pool takes no more jobs all the same; call it again to wait on.
 *
 * -ECANCELED, -ETIMEDOUT  as for any blocking call
 * -EDEADLK                a job of the same pool calls it; nothing was changed
 * -EINVAL                 pool is NULL
 */
CEDE_API int cede_pool_shutdown(struct cede_pool *pool, bool cancel_queued) CEDE_MUST_CHECK;

struct cede_pool_stats {
        unsigned threads;
        unsigned queued;      /* jobs that no thread has taken */
        unsigned peak_queued; /* the most that ever were at a time */
        unsigned unfinished;  /* jobs that are queued or run, and parties that wait for room */
        unsigned waiting;     /* parties that wait for room */
};

/* Stores a snapshot of a pool's counters. */
CEDE_API void cede_pool_stats(struct cede_pool *pool, struct cede_pool_stats *ret_stats);

CEDE_END_DECLS

#endif
