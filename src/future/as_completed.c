/* SPDX-License-Identifier: MIT */
/*
 * Futures in the order in which they are done.
 *
 * At each future stands a callback waiter whose post is called by whoever makes it done, on that
 * thread: it appends itself to the list of those that have come, and releases the semaphore.  So
 * who takes a permit finds one in the list.
 *
 * Closing takes the waiters back.  One that cannot be taken back was granted: its post was called,
 * or is about to be, and touches what is closed here; so its permit is waited for.  That is a
 * matter of the other thread's next few instructions, and is shielded.
 */
#include <cede/gather.h>

#include "base/alloc.h"
#include "base/spin.h"
#include "future/future.h"
#include <cede/scope.h>
#include <errno.h>

enum { LOCKED = 1 };

static struct cede__arrival *arrival_of(struct cede_callback *callback)
{
        return cede__container_of(callback, struct cede__arrival, callback);
}

/* What has come is taken from the list, and its callback not called. */
static void not_called(struct cede_callback *callback, int result)
{
        (void)callback;
        (void)result;
}

static void come(struct cede_callback *callback)
{
        struct cede__arrival *arrival = arrival_of(callback);
        struct cede_as_completed *each = arrival->all;

        cede__spin_lock(&each->word, LOCKED);
        arrival->next = NULL;
        *each->last = arrival;
        each->last = &arrival->next;
        cede__spin_unlock(&each->word, 0);
        (void)cede_sem_release(&each->come); /* cannot overflow */
}

int cede_as_completed_open(struct cede_as_completed *each, struct cede_future *const *futures,
                           size_t n)
{
        struct cede__arrival *arrivals = each->few;

        for (size_t i = 0; i < n; i++)
                if (!futures[i])
                        return -EINVAL;
        if (n > sizeof(each->few) / sizeof(each->few[0]))
                arrivals = cede__alloc(n * sizeof(*arrivals));
        if (!arrivals)
                return -ENOMEM;
        each->word = 0;
        each->first = NULL;
        each->last = &each->first;
        each->come = (struct cede_sem){ 0 };
        cede_sem_set_name(&each->come, "futures to be done");
        each->n = n;
        each->taken = 0;
        each->arrivals = arrivals;
        for (size_t i = 0; i < n; i++) {
                arrivals[i].callback = (struct cede_callback){ .fn = not_called, .post = come };
                arrivals[i].all = each;
                cede__future_wait_async(futures[i], &arrivals[i].callback, CEDE__CALL_SITE);
        }
        return 0;
}

int cede_as_completed_next(struct cede_as_completed *each, size_t *ret_index)
{
        struct cede__arrival *arrival;
        int r;

        if (each->taken == each->n)
                return 0;
        r = cede_sem_acquire(&each->come);
        if (r < 0)
                return r;
        each->taken++;
        cede__spin_lock(&each->word, LOCKED);
        arrival = each->first;
        each->first = arrival->next;
        if (!each->first)
                each->last = &each->first;
        cede__spin_unlock(&each->word, 0);
        *ret_index = (size_t)(arrival - each->arrivals);
        return 1;
}

void cede_as_completed_close(struct cede_as_completed *each)
{
        size_t coming = each->n - each->taken;

        for (size_t i = 0; i < each->n && coming; i++)
                if (cede_callback_cancel(&each->arrivals[i].callback) == 0)
                        coming--;
        while (coming && cede_sem_try_acquire(&each->come) == 0)
                coming--;
        if (coming)
                CEDE_SHIELD
                        while (coming--)
                                (void)!cede_sem_acquire(&each->come);
        if (each->arrivals != each->few)
                cede__free(each->arrivals);
}
