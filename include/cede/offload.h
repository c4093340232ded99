/* SPDX-License-Identifier: MIT */
/*
 * Offload: run a function that blocks, or computes for long, on a thread, while only the calling
 * task waits and the loop goes on.
 *
 *      static int resolve(void *arg)           // any function that blocks
 *      {
 *              struct query *q = arg;
 *              return getaddrinfo(q->host, NULL, NULL, &q->found) ? -EIO : 0;
 *      }
 *
 *      r = cede_offload(resolve, &q);          // what resolve returned, or -ECANCELED
 *
 * Cancellation.  A function that is still queued is withdrawn: it never runs.  One that has begun
 * is waited for, since its argument may lie on the caller's stack; its result is then returned, and
 * the cancellation is delivered by the next blocking call.
 *
 * The threads belong to the run: started when needed, at most as many as cede_run_options says,
 * joined when the run ends.  Their stacks are as large as libc makes them: 8 MiB or `ulimit -s`
 * with glibc, 128 KiB with musl unless the program is linked with -z stack-size.  The queue is
 * bounded: a caller that finds it full waits for room, in the same order.
 */
#ifndef CEDE_OFFLOAD_H
#define CEDE_OFFLOAD_H

#include <cede/base.h>

CEDE_BEGIN_DECLS

/*
 * Runs fn(arg) on a thread and waits for its result.  In fn, what works in a plain thread works.
 * On a virtual clock, time stands still meanwhile, except during cede_sleep; deadlines cannot be
 * set there.  fn begins with priority 0 (thread.h).
 *
 * Returns what fn returned, or why it was not run:
 *
 * -ECANCELED, -ETIMEDOUT  as for any blocking call
 * -EAGAIN                 not a single thread could be started, or not as many as the run shall
 *                         have at least
 * -ENOMEM                 there is no memory for the queue
 * -EINVAL                 fn is NULL
 *
 * Since fn's own results share the range, let fn store what must be told apart behind arg.
 */
CEDE_API int cede_offload(int (*fn)(void *arg), void *arg) CEDE_MUST_CHECK;

CEDE_END_DECLS

#endif
