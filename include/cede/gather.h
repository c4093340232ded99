/* SPDX-License-Identifier: MIT */
/*
 * Waiting for several futures at once, in a task or a plain thread.
 *
 *      struct cede_future *all[] = { a, b, c };
 *      void *values[3];
 *
 *      r = cede_gather(all, 3, values);        // 0: all values; else the first failure, at once
 *
 * The futures stay the caller's, and go on, whatever comes of the wait (cede_race, which cancels
 * those that have lost, is the exception).  If the caller is cancelled, or its deadline passes, the
 * wait leaves nothing behind, and cede_future_is_done tells which are done.  Futures that are done
 * are not waited for.  The same future may stand there twice.
 *
 * For more than eight futures memory is allocated: -ENOMEM, and nothing was waited for.
 */
#ifndef CEDE_GATHER_H
#define CEDE_GATHER_H

#include <cede/base.h>
#include <cede/callback.h>
#include <cede/future.h>
#include <cede/sem.h>

CEDE_BEGIN_DECLS

/*
 * Waits for all of n futures.  0: their values are in `values` (if that is not NULL), in the same
 * order.  When one fails, returns its error at once; the first that fails, not the first in the
 * array.  An error of one of the others is nobody's then, unless you look at it.
 *
 * -ECANCELED  the caller is cancelled, or a future was
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed, or a future's
 * -ENOMEM     there is no memory to wait for so many
 * -EINVAL     one of them is NULL
 */
CEDE_API int cede_gather(struct cede_future *const *futures, size_t n,
                         void **values) CEDE_MUST_CHECK;

/* Until when cede_futures_wait waits. */
enum cede_when {
        CEDE_ALL,
        CEDE_FIRST_COMPLETED, /* any of them is done, with a value or an error */
        CEDE_FIRST_FAILURE,   /* one has failed, or all are done */
};

/*
 * Waits for some of n futures.  Returns how many are done; which ones, cede_future_is_done tells.
 * It looks at no error: that is left to the caller.
 *
 * -ECANCELED, -ETIMEDOUT  as for any blocking call; cede_futures_done tells how many are done
 * -ENOMEM                 there is no memory to wait for so many
 * -EINVAL                 one of them is NULL, or `when` is none of the three, or n is more than an
 *                         int can count
 */
CEDE_API int cede_futures_wait(struct cede_future *const *futures, size_t n,
                               enum cede_when when) CEDE_MUST_CHECK;

/* Returns how many of n futures are done, without waiting. */
CEDE_API size_t cede_futures_done(struct cede_future *const *futures, size_t n);

/*
 * Waits for the first of n futures that is done, with a value or an error, and cancels the others.
 * Returns which it is, by its index; cede_future_result has what came of it.
 *
 * -ECANCELED, -ETIMEDOUT  as for any blocking call; none was cancelled
 * -ENOMEM                 there is no memory to wait for so many
 * -EINVAL                 one of them is NULL; or n is 0, or more than an int can count
 */
CEDE_API int cede_race(struct cede_future *const *futures, size_t n) CEDE_MUST_CHECK;

/* One of the waits of a struct cede_as_completed. */
struct cede__arrival {
        struct cede_callback callback;
        struct cede_as_completed *all;
        struct cede__arrival *next; /* among those that have come; under all->word */
};

/*
 * Futures one by one, in the order in which they are done.  Visible so that it can live on the
 * stack; the fields belong to future/as_completed.c.  It must not be moved while it is open.
 *
 *      struct cede_as_completed each;
 *      size_t i;
 *
 *      r = cede_as_completed_open(&each, futures, n);
 *      if (r < 0)
 *              return r;
 *      while ((r = cede_as_completed_next(&each, &i)) > 0)
 *              use(futures[i]);
 *      cede_as_completed_close(&each);
 */
struct cede_as_completed {
        uintptr_t word;                      /* atomic: the library's lock bit */
        struct cede__arrival *first, **last; /* those that have come; under it */
        struct cede_sem come;                /* a permit for each */
        size_t n, taken;
        struct cede__arrival *arrivals; /* n, in the order of the futures */
        struct cede__arrival few[8];
};

/*
 * Begins to wait for n futures, which must stay until it is closed; their array need not.  Those
 * that are done come first, in the array's order.
 *
 * -ENOMEM  there is no memory to wait for so many; it is not open
 * -EINVAL  one of them is NULL; it is not open
 */
CEDE_API int cede_as_completed_open(struct cede_as_completed *each,
                                    struct cede_future *const *futures, size_t n) CEDE_MUST_CHECK;

/*
 * Waits for the next one that is done.  Returns 1, and stores its index; or 0 when there is none
 * left.
 *
 * -ECANCELED, -ETIMEDOUT  as for any blocking call; none is lost, it may be called again
 */
CEDE_API int cede_as_completed_next(struct cede_as_completed *each,
                                    size_t *ret_index) CEDE_MUST_CHECK;

/* Ends it.  The futures that did not come go on. */
CEDE_API void cede_as_completed_close(struct cede_as_completed *each);

CEDE_END_DECLS

#endif
