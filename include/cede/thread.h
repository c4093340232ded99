/* SPDX-License-Identifier: MIT */
/*
 * Plain threads: those that a program starts, here or by itself, and those that run offloaded
 * functions and the jobs of pools.
 *
 *      struct cede_thread *thread;
 *
 *      r = cede_thread_start(NULL, scan, disk, &thread);       // int scan(void *disk)
 *      r = cede_thread_join(thread, &result);  // in a task, the other tasks go on
 *
 * A plain thread waits for the same objects as tasks, in the same queues, without having been made
 * known to the library before.  All objects that can be waited on, sleeping, deadlines and shields
 * work in it; what makes or names tasks does not, nor do cede_offload and links of futures, which
 * belong to a run.
 *
 * It lives on the real clock; in offloaded functions and pools see there.
 */
#ifndef CEDE_THREAD_H
#define CEDE_THREAD_H

#include <cede/base.h>

CEDE_BEGIN_DECLS

struct cede_thread;

struct cede_thread_options {
        const char *name;  /* in reports; the first 15 bytes in ps and gdb.  Kept, not copied */
        size_t stack_size; /* bytes, as a least; 0: as large as libc makes it */
};

/*
 * Starts a thread that runs fn(arg), with all signals blocked but those for its own faults; from
 * tasks and threads.  options NULL: all zero.  *ret_thread receives a handle, which is to be joined
 * once: there is no way to detach it.  A thread that nobody has joined when the program exits is
 * reported on standard error, whether it has ended or not.
 *
 * -EAGAIN  no thread could be started
 * -ENOMEM  there is no memory for the handle
 * -EINVAL  fn or ret_thread is NULL, or a stack of more than 1 GiB
 */
CEDE_API int cede_thread_start(const struct cede_thread_options *options, int (*fn)(void *arg),
                               void *arg, struct cede_thread **ret_thread) CEDE_MUST_CHECK;

/*
 * Waits for a thread's end.  0: *ret_result (if not NULL) is what its function returned, and the
 * handle is gone.  On failure the thread goes on and the handle stays valid.  What the thread's end
 * calls, destructors of thread-locals, is waited for by the whole loop.
 *
 * -ECANCELED  the caller is cancelled (also if the thread has ended)
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed, and the thread has not ended
 * -EDEADLK    the thread is the caller itself
 * -EBUSY      somebody else joins it already
 * -EINVAL     thread is NULL
 */
CEDE_API int cede_thread_join(struct cede_thread *thread, int *ret_result) CEDE_MUST_CHECK;

/*
 * Returns or sets the calling plain thread's priority: where an object's order is CEDE_PRIORITY,
 * higher goes first, as with tasks and among them.  It is 0 until it is set, and stays until it is
 * set again; it may be set before the thread's first wait.
 *
 * An offloaded function begins with 0, whatever an earlier one has set on the same thread.  A task
 * has a priority of its own, the main task of a run too: in tasks and callbacks these functions end
 * the program with a report (cede_task_set_priority and struct cede_callback are for those).
 */
CEDE_API int cede_thread_priority(void);
CEDE_API void cede_thread_set_priority(int priority);

CEDE_END_DECLS

#endif
