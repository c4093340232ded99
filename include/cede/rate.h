/* SPDX-License-Identifier: MIT */
/*
 * Rate limiter: so many permissions per time, and some more at once after a pause (a token bucket).
 *
 *      static struct cede_rate calls = CEDE_RATE_INIT(10, CEDE_SEC(1), 3, CEDE_FIFO);
 *
 *      r = cede_rate_acquire(&calls, 1);       // ten a second, at most three in a row
 *      if (r < 0)
 *              return r;                       // cancelled or out of time: none was used up
 *
 * Permissions come in evenly, one each period / count, and are kept up to `burst` of them.  Nothing
 * is given back.  Time is that of the caller's loop (time.h), so on a virtual clock a program that
 * is limited to one call a minute is tested in no time; a rate is used by the tasks of one run, or
 * by those of several and by plain threads, on the real clock.
 *
 * Callers go in the order that was chosen.  The one at the head sleeps until there is enough for
 * it, and nobody passes it, so a large request is not starved by small ones; one that is
 * cancelled uses up nothing, and the next one sleeps instead.  Callbacks do not wait for a rate:
 * they try, and try again at the time that they are told (cede_sleep_until_async).
 *
 * The arithmetic is that of the generic cell rate algorithm (ITU-T I.371): not a counter that is
 * topped up, but the time at which the bucket will be full.
 */
#ifndef CEDE_RATE_H
#define CEDE_RATE_H

#include <cede/base.h>
#include <cede/mutex.h>

CEDE_BEGIN_DECLS

/* Visible so that it can be embedded; the fields belong to sync/rate.c. */
struct cede_rate {
        long count;             /* so many */
        int64_t period;         /* in so many nanoseconds */
        long burst;             /* at most so many at once */
        struct cede_mutex turn; /* its holder is the head of the queue */
        int64_t full;           /* atomic: when the bucket is full, unless more is taken */
        int64_t fraction;       /* under `turn`: and so many count-ths of a nanosecond */
        bool used;              /* under `turn`: `full` has a meaning */
};

#define CEDE_RATE_INIT(count, period, burst, order)                                                \
        {                                                                                          \
                (count) / CEDE__IS((count) > 0), (period) / CEDE__IS((period) > 0),                \
                        (burst) / CEDE__IS((burst) > 0), CEDE_MUTEX_INIT(order), 0, 0, false       \
        }

/*
 * Makes `r` a rate of `count` permissions per period (ns), of which at most `burst` come at once,
 * and which is not used yet: the first burst is there.
 * -EINVAL: one of them is less than 1, burst periods are beyond the range of times, or the order is
 * none.
 */
CEDE_API int cede_rate_init(struct cede_rate *r, long count, int64_t period, long burst,
                            enum cede_order order) CEDE_MUST_CHECK;

/* Ends a rate's life.  Ends the program with a report if anybody waits. */
CEDE_API void cede_rate_finish(struct cede_rate *r);

/* Names a rate, for reports.  The name is kept, not copied. */
CEDE_API void cede_rate_set_name(struct cede_rate *r, const char *name);

/*
 * Uses up n permissions, waiting for them if need be.  On failure none was used up.
 *
 * -ECANCELED  the caller is cancelled (also if there are enough)
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed; permissions that are there
 *             are still taken
 * -EINVAL     n is less than 1 or more than the burst: it could never be granted
 */
CEDE_API int cede_rate_acquire(struct cede_rate *r, long n) CEDE_MUST_CHECK;

/*
 * Uses up n permissions if that needs no waiting; also from cancelled tasks and from callbacks.
 * If ret_again is not NULL, *ret_again receives, on -EAGAIN, the time (cede_now()'s) before which
 * another try is in vain.
 *
 * -EAGAIN  there are not enough, or somebody waits for some
 * -EINVAL  n is less than 1 or more than the burst
 */
CEDE_API int cede_rate_try_acquire(struct cede_rate *r, long n, int64_t *ret_again) CEDE_MUST_CHECK;

/* Returns how many parties wait for permissions now; stale when read. */
CEDE_API unsigned cede_rate_waiting(const struct cede_rate *r);

CEDE_END_DECLS

#endif
