/* SPDX-License-Identifier: MIT */
/*
 * Rate limiter.
 *
 * Let cost(n) = n * period / count, the time that n permissions take to come in, and depth =
 * cost(burst).  The bucket is described by the time `full` at which it will be full; a time that
 * has passed says that it is.  n permissions are there as soon as, after taking them, it would
 * be full again within `depth`:
 *
 *      full + cost(n) <= now + depth
 *
 * Times are exact: what a division leaves over is kept as a fraction, also by who slept for it
 * until the next whole nanosecond; so no rate drifts.
 *
 * The queue is that of a mutex, whose holder is at the head: it alone looks at the bucket, and
 * sleeps as long as there is not enough for it.  Nobody else takes anything meanwhile, so when
 * it wakes there is.  Cancelled, it unlocks, and has changed nothing.
 */
#include <cede/rate.h>

#include "base/text.h"
#include <cede/scope.h>
#include <cede/task.h>
#include <cede/time.h>
#include <errno.h>

/* Under `turn`: when there are n permissions. */
static int64_t when(struct cede_rate *r, long n, int64_t now)
{
        int64_t left;

        if (!r->used || r->full + (r->fraction > 0) < now) {
                __atomic_store_n(&r->full, now, __ATOMIC_RELAXED);
                r->fraction = 0;
                r->used = true;
        }
        left = (r->burst - n) * r->period - r->fraction;
        return r->full - left / r->count + (left < 0); /* rounded up */
}

/* Under `turn`: they are there. */
static void take(struct cede_rate *r, long n)
{
        int64_t cost = n * r->period + r->fraction;

        __atomic_store_n(&r->full, r->full + cost / r->count, __ATOMIC_RELAXED);
        r->fraction = cost % r->count;
}

int cede_rate_acquire(struct cede_rate *r, long n)
{
        int64_t now, at;
        int result;

        if (n < 1 || n > r->burst)
                return -EINVAL;
        result = cede_mutex_lock(&r->turn);
        if (result < 0 && result != -EOWNERDEAD)
                return result;
        do {
                now = cede_now();
                at = when(r, n, now);
                result = at <= now ? 0 : cede_sleep_until(at);
        } while (at > now && result == 0);
        if (result == 0)
                take(r, n);
        cede_mutex_unlock(&r->turn);
        return result;
}

/* Somebody waits: at least one permission has to come in before there is another one. */
static int64_t after_the_head(const struct cede_rate *r, long n)
{
        int64_t one = cede_now() + r->period / r->count + 1;
        int64_t enough =
                __atomic_load_n(&r->full, __ATOMIC_RELAXED) - (r->burst - n) * r->period / r->count;

        return enough > one ? enough : one;
}

int cede_rate_try_acquire(struct cede_rate *r, long n, int64_t *ret_again)
{
        int64_t now, at;
        int result;

        if (n < 1 || n > r->burst)
                return -EINVAL;
        result = cede_mutex_try_lock(&r->turn);
        if (result < 0 && result != -EOWNERDEAD) {
                if (ret_again)
                        *ret_again = after_the_head(r, n);
                return -EAGAIN;
        }
        now = cede_now();
        at = when(r, n, now);
        if (at <= now)
                take(r, n);
        cede_mutex_unlock(&r->turn);
        if (at <= now)
                return 0;
        if (ret_again)
                *ret_again = at;
        return -EAGAIN;
}

int cede_rate_init(struct cede_rate *r, long count, int64_t period, long burst,
                   enum cede_order order)
{
        if (count < 1 || period < 1 || burst < 1 || burst > CEDE_NEVER / 4 / period)
                return -EINVAL;
        *r = (struct cede_rate){ .count = count, .period = period, .burst = burst };
        return cede_mutex_init(&r->turn, order);
}

void cede_rate_finish(struct cede_rate *r)
{
        if (cede_mutex_locked(&r->turn))
                cede__die("rate %s is finished while somebody waits for it; join them first",
                          r->turn.name ? r->turn.name : "unnamed");
}

void cede_rate_set_name(struct cede_rate *r, const char *name)
{
        cede_mutex_set_name(&r->turn, name);
}

unsigned cede_rate_waiting(const struct cede_rate *r)
{
        return cede_mutex_waiting(&r->turn) + cede_mutex_locked(&r->turn);
}
