/* SPDX-License-Identifier: MIT */
/*
 * Callback waiters: wait for an object without a task or a thread to block.  For foreign event
 * loops, language bindings, and futures.
 *
 *      struct request {
 *              struct cede_callback turn;
 *              ...
 *      };
 *
 *      static void on_turn(struct cede_callback *turn, int result)
 *      {
 *              ...
 *              cede_sem_release(&sem);
 *      }
 *
 *      request->turn.fn = on_turn;
 *      r = cede_sem_acquire_async(&sem, 1, &request->turn);    // 0: on_turn will be called
 *
 * A callback stands in the same queue as tasks and threads, in the same order.  When it is granted
 * it holds the object from that moment, but is not called inside of whoever released it: it is
 * posted, so a chain of a hundred thousand needs no more stack than one.  Where to:
 *
 *      post == NULL    to the run of the thread that called the acquire function: fn takes its turn
 *                      among the ready tasks there.  A run that ends first calls what was granted.
 *      post != NULL    post(callback) is called, on whichever thread granted.  It makes a foreign
 *                      loop call cede_callback_run(callback), which calls fn.  It must not wait.
 *
 * fn may do what does not wait: release, try, acquire for another callback, spawn, cancel.
 */
#ifndef CEDE_CALLBACK_H
#define CEDE_CALLBACK_H

#include <cede/base.h>
#include <cede/internal.h>

CEDE_BEGIN_DECLS

/* The caller's memory, from the acquire until fn is called or cancel has returned 0. */
struct cede_callback {
        void (*fn)(struct cede_callback *callback, int result); /* result: 0; -EPIPE: see queue.h */
        void (*post)(struct cede_callback *callback);           /* NULL: to the run */
        int priority;                                           /* for CEDE_PRIORITY */
        struct cede__fiber fiber;                               /* the rest is the library's */
        struct cede__timer timer;
        struct cede__waiter waiter;
};

/*
 * Ends a callback's wait, from any thread; one for a time (cede_sleep_until_async) from that of its
 * run only.  0: fn will never be called, and the callback is the
 * caller's again.
 * -EALREADY: it was granted, and has been called or will be; it holds what it waited for.
 */
CEDE_API int cede_callback_cancel(struct cede_callback *callback) CEDE_MUST_CHECK;

/*
 * Calls a callback's fn.  To be used by foreign loops, once for each call of post, on the thread
 * that fn belongs to.
 */
CEDE_API void cede_callback_run(struct cede_callback *callback);

CEDE_END_DECLS

#endif
