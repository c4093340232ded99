/* SPDX-License-Identifier: MIT */
/* Waiting for several futures: what to make of them in the order in which they are done. */
#include <cede/gather.h>

#include "future/future.h"
#include <errno.h>
#include <limits.h>

/* Waits until they have all come, or one with which that is over; 1: its index. */
static int wait_for(struct cede_future *const *futures, size_t n,
                    bool (*is_last)(const struct cede_future *f), size_t *ret_index)
{
        struct cede_as_completed each;
        int r = cede_as_completed_open(&each, futures, n);

        if (r < 0)
                return r;
        do
                r = cede_as_completed_next(&each, ret_index);
        while (r > 0 && !is_last(futures[*ret_index]));
        cede_as_completed_close(&each);
        return r;
}

static bool any(const struct cede_future *f)
{
        (void)f;
        return true;
}

static bool none(const struct cede_future *f)
{
        (void)f;
        return false;
}

static bool failed(const struct cede_future *f)
{
        return f->error < 0;
}

int cede_gather(struct cede_future *const *futures, size_t n, void **values)
{
        size_t index;
        int r = wait_for(futures, n, failed, &index);

        if (r < 0)
                return r;
        if (r > 0)
                return cede__future_take(futures[index], NULL);
        for (size_t i = 0; values && i < n; i++)
                values[i] = futures[i]->value;
        return 0;
}

int cede_futures_wait(struct cede_future *const *futures, size_t n, enum cede_when when)
{
        size_t index;
        int r;

        if ((unsigned)when > CEDE_FIRST_FAILURE || n > INT_MAX)
                return -EINVAL;
        r = wait_for(futures, n,
                     when == CEDE_ALL             ? none :
                     when == CEDE_FIRST_COMPLETED ? any :
                                                    failed,
                     &index);
        return r < 0 ? r : (int)cede_futures_done(futures, n);
}

size_t cede_futures_done(struct cede_future *const *futures, size_t n)
{
        size_t done = 0;

        for (size_t i = 0; i < n; i++)
                done += futures[i] && cede__future_done(futures[i]);
        return done;
}

int cede_race(struct cede_future *const *futures, size_t n)
{
        size_t winner;
        int r;

        if (n == 0 || n > INT_MAX)
                return -EINVAL;
        r = wait_for(futures, n, any, &winner);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                if (i != winner)
                        cede_future_cancel(futures[i]);
        return (int)winner;
}
