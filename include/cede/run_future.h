/* SPDX-License-Identifier: MIT */
/*
 * Running a callback under a lock, and its result as a future: mutual exclusion for code that does
 * not wait in a task.
 *
 *      static int next(void *unused, void *counter, void **ret_value)
 *      {
 *              *ret_value = record(counter);   // a future
 *              return CEDE_CHAIN;              // the lock is held until that is done
 *      }
 *
 *      d = cede_mutex_run_future(&m, next, counter);
 *
 * fn has the form of a callback of a future (future.h) and is called in the same way, once the lock
 * is held, in its turn with tasks, threads and other callbacks that want it: fn(NULL, arg, &value).
 * The lock is given back when fn has returned, a value or an error, or, if it returned CEDE_CHAIN,
 * when the future that it returned is done.  Then the future here is.
 *
 * Cancelling the future while it is queued leaves the queue: fn is never called.  From when it has
 * been given the lock on, fn is called, and the future that it returns is cancelled; the lock is
 * given back when that is done.
 *
 * After Twisted's DeferredLock.run and DeferredSemaphore.run.
 */
#ifndef CEDE_RUN_FUTURE_H
#define CEDE_RUN_FUTURE_H

#include <cede/base.h>
#include <cede/future.h>

CEDE_BEGIN_DECLS

struct cede_mutex;
struct cede_sem;

/*
 * Runs fn with one permit of a semaphore, or owning a mutex.  Returns a future for its result; NULL
 * if memory is short, and fn will not be called.  A mutex that cannot be locked (it is
 * recursive, -EINVAL), or whose last owner has ended with it (-EOWNERDEAD), fails the future, and
 * fn is not called.  Does not wait.  To be called in a run; fn is called there.
 */
CEDE_API struct cede_future *cede_sem_run_future(struct cede_sem *s,
                                                 int (*fn)(void *value, void *arg,
                                                           void **ret_value),
                                                 void *arg) CEDE_MUST_CHECK;
CEDE_API struct cede_future *cede_mutex_run_future(struct cede_mutex *m,
                                                   int (*fn)(void *value, void *arg,
                                                             void **ret_value),
                                                   void *arg) CEDE_MUST_CHECK;

CEDE_END_DECLS

#endif
