/* SPDX-License-Identifier: MIT */
/*
 * Once: something that is done at the first call, and the others wait until it is.
 *
 *      static struct cede_once opened;         // all-zero: not done
 *
 *      r = cede_once_run(&opened, open_it, NULL);      // in any number of tasks and threads
 *
 * Failure.  If the function fails, the call that ran it returns its error, and the next one that
 * waits runs it in turn; so does a later call, until it succeeds once.  A task that is cancelled
 * while it runs the function is such a failure: the others do not suffer from it.
 *
 * Whoever runs the function owns the once until the function returns.  A wait for it is an edge of
 * a circle of owners, as one for a mutex is (mutex.h), and is found by the lock-order check.
 *
 * Lazy: a pointer that is made by a function at the first call, and returned by all.
 *
 *      static struct cede_lazy database = CEDE_LAZY_INIT(connect_to_it, NULL);
 *
 *      r = cede_lazy_get(&database, &db);
 *
 * When it has been done, a call costs one load.  It then returns 0 whatever the state of its
 * caller, cancelled ones included, since it does not wait.
 *
 * Source: Go's sync.Once (a flag, and a mutex held while it is done), with failure added as in
 * Rust's OnceCell::get_or_try_init.
 */
#ifndef CEDE_ONCE_H
#define CEDE_ONCE_H

#include <cede/base.h>
#include <cede/mutex.h>
#include <cede/order.h>

CEDE_BEGIN_DECLS

struct cede_callback;

/* Visible so that it can be embedded; the fields belong to sync/once.c. */
struct cede_once {
        bool done;               /* atomic */
        struct cede_mutex mutex; /* of who does it */
};

#define CEDE_ONCE_INIT(order)                                                                      \
        {                                                                                          \
                false, CEDE_MUTEX_INIT(order)                                                      \
        }

/*
 * Makes `o` a once that is not done.  If it fails, the next one of those who wait tries, in this
 * order.  -EINVAL: the order is none.
 */
CEDE_API int cede_once_init(struct cede_once *o, enum cede_order order) CEDE_MUST_CHECK;

/*
 * Ends a once's life, when all calls have returned.  Ends the program with a report if somebody
 * does it just now, or waits.
 */
CEDE_API void cede_once_finish(struct cede_once *o);

/* Names a once, for reports.  The name is kept, not copied. */
CEDE_API void cede_once_set_name(struct cede_once *o, const char *name);

/*
 * Calls fn(arg), unless a call of this once has succeeded already; waits, if one is under way, and
 * calls fn if that fails.  A result of 0 or more is success: then this returns 0, as do all others.
 * If fn fails, this returns its error.  Without having called fn:
 *
 * -ECANCELED  the caller is cancelled, and it is not done
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed, and somebody does it just
 *             now; if nobody does, fn is still called
 * -EDEADLK    the caller is in fn already, or waiting closed a circle of owners
 * -EINVAL     fn is NULL, and it is not done
 */
CEDE_API int cede_once_run(struct cede_once *o, int (*fn)(void *arg), void *arg) CEDE_MUST_CHECK;

/* What a callback is told by its result. */
enum cede_once_turn {
        CEDE_ONCE_MINE = 0, /* it is this callback's to do */
        CEDE_ONCE_DONE = 2, /* it has been done */
};

/*
 * Waits with a callback until a once is done, or is the callback's to do.  0: it will be called,
 * with CEDE_ONCE_DONE, or with CEDE_ONCE_MINE or -EOWNERDEAD.  In the latter cases it is to be done
 * now, here or elsewhere, and cede_once_end_async says how that went: 0 or more if it succeeded,
 * else another one tries.
 *
 * -EDEADLK     begin: it is this callback's already
 * -EOWNERDEAD  it is the callback's, and its last owner ended in the middle of it
 * -EPERM       end: it is not this callback's
 */
CEDE_API int cede_once_begin_async(struct cede_once *o,
                                   struct cede_callback *callback) CEDE_MUST_CHECK;
CEDE_API int cede_once_end_async(struct cede_once *o, struct cede_callback *callback, int result);

/* Returns whether a once is done: then what was written in it can be read. */
CEDE_API bool cede_once_is_done(const struct cede_once *o);

/* Returns how many parties wait for a once now; stale when read. */
CEDE_API unsigned cede_once_waiting(const struct cede_once *o);

/* Visible so that it can be embedded; the fields belong to sync/once.c. */
struct cede_lazy {
        void *value; /* atomic; NULL: not made */
        int (*make)(void *arg, void **ret_value);
        void *arg;
        struct cede_once once;
};

/* A lazy value that make(arg, &value) makes; in both forms it waits in the order of arrival. */
#define CEDE_LAZY_INIT(make, arg)                                                                  \
        {                                                                                          \
                NULL, make, arg, CEDE_ONCE_INIT(CEDE_FIFO)                                         \
        }

/*
 * Makes `l` a lazy value: the first call of cede_lazy_get makes it, by make(arg, &value), which
 * returns 0, having set value to something other than NULL, or an error.
 */
CEDE_API void cede_lazy_init(struct cede_lazy *l, int (*make)(void *arg, void **ret_value),
                             void *arg);

/*
 * Ends a lazy value's life; the value is the caller's.  Ends the program with a report if somebody
 * makes it just now, or waits.
 */
CEDE_API void cede_lazy_finish(struct cede_lazy *l);

/* Names a lazy value, for reports.  The name is kept, not copied. */
CEDE_API void cede_lazy_set_name(struct cede_lazy *l, const char *name);

/*
 * Stores the value, which is made if it has not been; waits, if it is being made, and makes it if
 * that fails.  If the function fails, returns its error.
 *
 * -ECANCELED  the caller is cancelled, and the value is not there
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed, and somebody makes it just
 *             now
 * -EDEADLK    the caller is making it already, or waiting closed a circle of owners
 * -EINVAL     there is no function, or it has succeeded without a value
 */
CEDE_API int cede_lazy_get(struct cede_lazy *l, void **ret_value) CEDE_MUST_CHECK;

/* Returns the value if it has been made, for its end; else NULL. */
CEDE_API void *cede_lazy_value(const struct cede_lazy *l);

CEDE_END_DECLS

#endif
