/* SPDX-License-Identifier: MIT */
/*
 * Plain threads: those that a program starts by itself, and those that run offloaded functions.
 *
 * A plain thread waits for the same objects as tasks, in the same queues, without having been made
 * known to the library before.  All objects that can be waited on, sleeping, deadlines and shields
 * work in it; what makes or names tasks does not, nor do cede_offload and links of futures, which
 * belong to a run.
 */
#ifndef CEDE_THREAD_H
#define CEDE_THREAD_H

#include <cede/base.h>

CEDE_BEGIN_DECLS

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
