/* SPDX-License-Identifier: MIT */
/*
 * Cancelling: up from a future to what it waits for, in a loop (a chain may be long), to the one
 * that waits for nobody.
 *
 * Another thread may resolve what is to be cancelled, or its canceller may, or the task that is
 * cancelled may succeed all the same.  Then its link goes on; what that waits for next is to be
 * cancelled, so the cancellation is left behind in each link on the way (follow.c).
 *
 * Links whose callbacks made them follow each other in a circle wait for nobody.  The walk ends
 * there too: it remembers one future on its way, one twice as far each time (Brent: "An improved
 * Monte Carlo factorization algorithm", 1980), and stops when it comes back to that.
 */
#include "future/future.h"

#include "base/text.h"
#include <errno.h>

static void cancel_plain(struct cede_future *f)
{
        uintptr_t flags = cede__future_lock(f);
        void (*canceller)(struct cede_future *, void *) = f->canceller;

        if (flags & (CEDE__FUTURE_DONE | CEDE__FUTURE_STOPPED)) {
                cede__future_unlock(f, flags);
                return; /* whoever called the canceller will see to it */
        }
        cede__future_unlock(f, flags | CEDE__FUTURE_STOPPED);
        if (canceller)
                canceller(f, f->canceller_arg);
        (void)cede__future_settle(f, NULL, -ECANCELED, NULL);
}

void cede_future_cancel(struct cede_future *f)
{
        struct cede_future *at = cede_future_ref(f), *before = NULL;
        size_t steps = 0, far = 1;

        while (at && at != before) {
                struct cede_future *here = at, *next = NULL;

                if (at->kind)
                        next = at->kind->cancel(at);
                else
                        cancel_plain(at);
                if (++steps == far) {
                        here = before;
                        before = at;
                        far *= 2;
                }
                cede_future_unref(here);
                at = next;
        }
        cede_future_unref(at);
        cede_future_unref(before);
}

void cede_future_set_canceller(struct cede_future *f,
                               void (*canceller)(struct cede_future *f, void *arg), void *arg)
{
        uintptr_t flags = cede__future_lock(f);

        if (f->kind)
                cede__die("a canceller is set for a future that stands for a link, a task or a "
                          "run under a lock; set it for what that waits for");
        f->canceller = canceller;
        f->canceller_arg = arg;
        cede__future_unlock(f, flags);
}
