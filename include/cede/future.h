/* SPDX-License-Identifier: MIT */
/*
 * Future: a value, or an error, that will be there later.  Resolved once, by anybody; awaited by
 * any number of tasks and threads; and callbacks can be chained to it.
 *
 *      static struct cede_future answer;       // all-zero: pending
 *
 *      r = cede_future_await(&answer, &value); // in any number of tasks and threads
 *      cede_future_resolve(&answer, value);    // lets all of them go on, now and later
 *
 * A chain.  Each link is a future of its own, which is done when its callback has been called:
 *
 *      got = cede_future_then(request, parse, NULL, NULL);     // a value goes to parse,
 *      safe = cede_future_then(got, NULL, use_default, NULL);  // a failure skips it
 *      r = cede_future_await(safe, &value);
 *
 *      static int parse(void *text, void *arg, void **ret_value)
 *      {
 *              *ret_value = parsed(text);      // the link's value; or return an error, or
 *              return 0;                       // CEDE_CHAIN with *ret_value a future to follow
 *      }
 *
 * Callbacks are called in the order in which they were added, by the run of the thread that added
 * them, in their turn among its ready tasks: never inside of whoever resolves, nor inside of
 * cede_future_then.  So a chain of a hundred thousand needs no more stack than one.  They must not
 * wait (callback.h): what has to wait returns a future, say of a spawned task, and CEDE_CHAIN.  A
 * link must be done before its run ends: cancel first what may stay pending.
 *
 * Memory.  A future embedded in your memory stays there until it is done, every await of it has
 * returned, every callback has been called, and nobody is cancelling it or a link to it any more.
 * One that a function here returns is counted: the caller has a reference, and gives it back with
 * cede_future_unref.  Who resolves it needs one too.
 *
 * A failure is not lost silently: when a future goes that has failed, and nobody has looked at its
 * error (by awaiting it, asking for the result, or a link), that is reported on standard error.  A
 * cancelled one may go unseen.
 *
 * After Twisted's Deferred and asyncio's Future; promises as in Liskov, Shrira: "Promises", 1988.
 */
#ifndef CEDE_FUTURE_H
#define CEDE_FUTURE_H

#include <cede/base.h>
#include <cede/internal.h>
#include <cede/order.h>

CEDE_BEGIN_DECLS

struct cede_callback;
struct cede_case;
struct cede__future_kind;

/* Visible so that it can be embedded; the fields belong to future/future.c. */
struct cede_future {
        uintptr_t word;       /* atomic: what has become of it << 1 | locked by the library */
        struct cede__waitq q; /* under it */
        void *value;          /* written before it is done, read after, as are the next two */
        int error;
        const void *site;                                    /* where it failed */
        void (*canceller)(struct cede_future *f, void *arg); /* under it, and its argument */
        void *canceller_arg;
        uint32_t references;                  /* atomic; 0: the memory is not the library's */
        const struct cede__future_kind *kind; /* constant */
        const char *name;
};

#define CEDE_FUTURE_INIT(order)                                                                    \
        {                                                                                          \
                0, CEDE__WAITQ_INIT(order), NULL, 0, NULL, NULL, NULL, 0, NULL, NULL               \
        }

/*
 * Makes `f` a pending future, whose waiters become ready in this order.  -EINVAL: the order is
 * none.
 */
CEDE_API int cede_future_init(struct cede_future *f, enum cede_order order) CEDE_MUST_CHECK;

/*
 * Ends an embedded future's life, done or not.  Ends the program with a report if anybody waits for
 * it.
 */
CEDE_API void cede_future_finish(struct cede_future *f);

/* Makes a pending future that is counted, with one reference.  Returns NULL if memory is short. */
CEDE_API struct cede_future *cede_future_new(void) CEDE_MUST_CHECK;

/*
 * Takes a reference to a future, or gives one back; the last one frees it.  Both do nothing to an
 * embedded one, and to NULL.  cede_future_ref returns `f`.  From any thread.
 */
CEDE_API struct cede_future *cede_future_ref(struct cede_future *f);
CEDE_API void cede_future_unref(struct cede_future *f);

/* Names a future, for reports.  The name is kept, not copied. */
CEDE_API void cede_future_set_name(struct cede_future *f, const char *name);

/*
 * Says that nobody needs to look at a future's error: that it failed is not reported when it goes.
 */
CEDE_API void cede_future_ignore(struct cede_future *f);

/*
 * Resolves a future with a value, or fails it with an error (< 0), and lets all who wait for it go
 * on.  Neither waits nor yields; from any thread.
 *
 * -EALREADY  it is done; nothing was changed
 * -EINVAL    the error is not negative
 */
CEDE_API int cede_future_resolve(struct cede_future *f, void *value);
CEDE_API int cede_future_fail(struct cede_future *f, int error);

/*
 * Waits until a future is done.  0: its value is in *ret_value (if that is not NULL).  If it
 * failed, returns its error.  One that is done is not waited for, and the caller does not yield.
 *
 * -ECANCELED  the caller is cancelled (also if the future is done); or the future was
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed, and the future is not done;
 *             or it was cancelled by cede_future_timeout
 * -EINVAL     f is NULL
 *
 * cede_future_result tells the caller's errors from the future's.
 */
CEDE_API int cede_future_await(struct cede_future *f, void **ret_value) CEDE_MUST_CHECK;

/*
 * Waits for a future with a callback (callback.h).  0: it will be called with 0, and finds the
 * value or the error by cede_future_result.
 */
CEDE_API int cede_future_await_async(struct cede_future *f,
                                     struct cede_callback *callback) CEDE_MUST_CHECK;

/*
 * Returns the case that a future is done, for cede_wait_any (any.h).  The case's result is 0 or the
 * future's error.
 */
CEDE_API struct cede_case cede_future_case(struct cede_future *f);

/*
 * Stores a future's value without waiting (ret_value may be NULL).  If it failed, returns its
 * error.  -EAGAIN: it is pending.
 */
CEDE_API int cede_future_result(struct cede_future *f, void **ret_value) CEDE_MUST_CHECK;

/* Returns whether a future is done: resolved, failed or cancelled. */
CEDE_API bool cede_future_is_done(const struct cede_future *f);

/* Returns how many parties wait for a future now, links included; stale when read. */
CEDE_API unsigned cede_future_waiting(const struct cede_future *f);

struct cede_future_stats {
        unsigned waiting;      /* parties waiting now */
        unsigned peak_waiting; /* the most that ever waited at a time */
};

/* Stores a consistent snapshot of a future's counters. */
CEDE_API void cede_future_stats(struct cede_future *f, struct cede_future_stats *ret_stats);

enum {
        CEDE_CHAIN = 1, /* returned by a callback: its link follows the future in *ret_value */
};

/*
 * Chains callbacks to a future, pending or done.  Returns a new future, their link; NULL if memory
 * is short, or f is NULL (so that only the last of a chain needs to be looked at).  A value goes to
 * on_value, an error to on_error; where that is NULL it goes on to the link as it is.  What the
 * callback returns decides the link:
 *
 *      0               resolved with *ret_value (NULL, if the callback does not set it)
 *      < 0             failed with that error
 *      CEDE_CHAIN      it follows the future *ret_value, whose reference it takes over
 *
 * f stays the caller's.  A link that is done before its turn (somebody has resolved it) calls
 * nothing.  To be called in a run; the callbacks are called there.
 */
CEDE_API struct cede_future *cede_future_then(
        struct cede_future *f, int (*on_value)(void *value, void *arg, void **ret_value),
        int (*on_error)(int error, void *arg, void **ret_value), void *arg);

/*
 * Cancels a pending future: its canceller is called, which may resolve or fail it; if it has not,
 * it fails with -ECANCELED.  A link does not fail at once: what it waits for is cancelled, and what
 * comes of that goes through its callbacks.  If that is not -ECANCELED (it was done already, or was
 * resolved all the same), a future which the callback returns is cancelled then.  Nothing
 * happens to one that is done.  From any thread; the canceller is called inside.
 */
CEDE_API void cede_future_cancel(struct cede_future *f);

/*
 * Sets what cancelling a future calls first, once: to end the work whose result it stands for.
 * Neither for links nor for what stands for a task or a run under a lock: they know what to cancel.
 */
CEDE_API void cede_future_set_canceller(struct cede_future *f,
                                        void (*canceller)(struct cede_future *f, void *arg),
                                        void *arg);

/*
 * Cancels a future after so many nanoseconds, if it is still pending then; if it comes to
 * -ECANCELED by that, its error is -ETIMEDOUT.  To be called in a run, which does it in a task.
 *
 * -ENOMEM  nothing will happen
 * -EINVAL  f is NULL, or embedded: it might be gone by then
 */
CEDE_API int cede_future_timeout(struct cede_future *f, int64_t ns) CEDE_MUST_CHECK;

/*
 * Spawns a child of `scope` (NULL: the run) as cede_spawn does, and stores a future for its result:
 * a value >= 0 as a pointer ((intptr_t)value is the number), or its error.  The error is the
 * future's alone: it neither fails the scope nor cancels the siblings.  Cancelling the future
 * cancels the task, and the future is done when the task has ended.
 *
 * -ENOMEM  nothing was spawned
 * -EINVAL  fn is NULL
 */
CEDE_API int cede_spawn_future(struct cede_scope *scope, int (*fn)(void *arg), void *arg,
                               struct cede_future **ret_future) CEDE_MUST_CHECK;

CEDE_END_DECLS

#endif
