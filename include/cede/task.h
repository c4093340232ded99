/* SPDX-License-Identifier: MIT */
/*
 * Task: a function with a stack of its own, run by the loop of the thread that called cede_run.
 *
 * Tasks of one loop take turns: another one runs only when the running one waits, yields or ends.
 * What lies between two such calls needs no lock.  A spawned task runs when its spawner next gives
 * way; ready tasks run in the order in which they became ready.
 *
 * The checkpoints, where a task may be suspended and where a cancellation is delivered: cede_yield,
 * cede_sleep, cede_sleep_until, cede_task_join, cede_offload, and every acquire function that finds
 * its object taken.  cede_checkpoint delivers without suspending; cede_scope_close suspends without
 * delivering.  Nothing else does either.
 *
 * errno belongs to the thread, hence to all tasks of it: read it before the next checkpoint.
 *
 * Several workers (cede_run_options.workers).  A task starts on any of them, whichever has time
 * first, and stays there to its end: its thread, its errno and its thread-locals do not change
 * under it, and libraries that block or use those work in it.  Tasks of different workers do run at
 * once, so data that they share needs a mutex.  The order in which they become ready is promised
 * within one worker only, and a spawned task may begin before its spawner gives way.  Scopes,
 * handles, limits, objects and cancellation work across workers as within one.
 */
#ifndef CEDE_TASK_H
#define CEDE_TASK_H

#include <cede/base.h>
#include <cede/scope.h>

CEDE_BEGIN_DECLS

struct cede_task;

struct cede_spawn_options {
        const char *name;  /* for reports; kept, not copied: must outlive the task.  NULL: none */
        int priority;      /* higher goes first where an object's order is CEDE_PRIORITY */
        size_t stack_size; /* bytes, rounded up to a power of two; 0: the run's default */
};

/*
 * Spawns a child of `scope`: fn(arg) will run, once, and its result is 0 or positive for success,
 * -errno for failure.  Any task may spawn into a scope that is not closed yet.  NULL means the run
 * itself: such a task is cancelled, and waited for, when the main function has returned.  A number
 * is passed as (void *)(intptr_t)n.
 *
 * cede_spawn_with takes options (NULL: none).  If ret_task is not NULL, *ret_task receives a
 * handle, which is valid until it is joined or the scope closes, whichever comes first.
 *
 * -ENOMEM  nothing was spawned
 * -EINVAL  fn is NULL, or a stack of more than 1 GiB; nothing was spawned
 */
CEDE_API int cede_spawn(struct cede_scope *scope, int (*fn)(void *arg), void *arg) CEDE_MUST_CHECK;
CEDE_API int cede_spawn_with(struct cede_scope *scope, const struct cede_spawn_options *options,
                             int (*fn)(void *arg), void *arg,
                             struct cede_task **ret_task) CEDE_MUST_CHECK;

/*
 * Waits for a task's end.  0: *ret_result (if not NULL) is what its function returned, and the
 * handle is gone.  On failure the task goes on and the handle stays valid.
 *
 * -ECANCELED, -ETIMEDOUT  as for any blocking call
 * -EDEADLK                the task is the caller itself, or waits for it in turn, which is reported
 *                         as a circle, see mutex.h
 * -EBUSY                  somebody else joins it already
 * -EINVAL                 task is NULL
 */
CEDE_API int cede_task_join(struct cede_task *task, int *ret_result) CEDE_MUST_CHECK;

/*
 * Cancels one task, and everything in scopes that it opened.  Its -ECANCELED is no failure.  By a
 * handle, or by what the task, which is alive, got from cede_task_self.
 */
CEDE_API void cede_task_cancel(struct cede_task *task);

/* Lets every other ready task run first.  -ECANCELED, -ETIMEDOUT: before or after that. */
CEDE_API int cede_yield(void);

/*
 * Tells whether a blocking call would fail now, by -ECANCELED or -ETIMEDOUT.  Neither waits nor
 * yields.
 */
CEDE_API int cede_checkpoint(void);

/* Returns the calling task; NULL outside of any. */
CEDE_API struct cede_task *cede_task_self(void);

/*
 * Returns or sets what reports call a task: a number unique among 2^32 successive tasks of the run
 * (the main one is 1), and the name (kept, not copied).
 */
CEDE_API uint64_t cede_task_id(const struct cede_task *task);
CEDE_API const char *cede_task_name(const struct cede_task *task);
CEDE_API void cede_task_set_name(struct cede_task *task, const char *name);

/*
 * Returns or sets a task's priority.  A waiting task whose priority changes is sorted anew in its
 * queue at that moment.
 */
CEDE_API int cede_task_priority(const struct cede_task *task);
CEDE_API void cede_task_set_priority(struct cede_task *task, int priority);

/*
 * Forbids suspension in the block that follows: a checkpoint that would suspend inside it ends the
 * program with a report.  For code that relies on running in one go.  Regions nest.
 *
 *      CEDE_NO_SUSPEND {
 *              count = count + 1;
 *              log_change(count);              // aborts, should this ever come to wait
 *      }
 */
#define CEDE_NO_SUSPEND CEDE__NO_SUSPEND(CEDE__UNIQUE(cede__region))

#define CEDE__NO_SUSPEND(name)                                                                     \
        for (int name __attribute__((cleanup(cede__no_suspend_leave))) = cede__no_suspend_enter(); \
             name; name = cede__no_suspend_end())

CEDE_API int cede__no_suspend_enter(void);
CEDE_API int cede__no_suspend_end(void);
CEDE_API void cede__no_suspend_leave(int *region);

CEDE_END_DECLS

#endif
