/* SPDX-License-Identifier: MIT */
/*
 * Cancelling: up from a future to what it waits for, in a loop (a chain may be long), to the one
 * that waits for nobody.
 *
 * If that one turns out to be done by something else than the cancellation (another thread, or its
 * canceller, has resolved it), the link to it goes on, and may already wait for something else: so
 * the walk begins anew at the future that was to be cancelled, which finds its way further, or is
 * done.
 */
#include "future/future.h"

#include "base/text.h"
#include <errno.h>

/* -EALREADY: it is done, and not by this. */
static int cancel_plain(struct cede_future *f)
{
        uintptr_t flags = cede__future_lock(f);
        void (*canceller)(struct cede_future *, void *) = f->canceller;

        if (flags & CEDE__FUTURE_DONE) {
                cede__future_unlock(f, flags);
                return -EALREADY;
        }
        if (flags & CEDE__FUTURE_STOPPED) {
                cede__future_unlock(f, flags);
                return 0; /* whoever called the canceller will see to it */
        }
        cede__future_unlock(f, flags | CEDE__FUTURE_STOPPED);
        if (canceller)
                canceller(f, f->canceller_arg);
        return cede__future_settle(f, NULL, -ECANCELED, NULL);
}

void cede_future_cancel(struct cede_future *f)
{
        struct cede_future *at = cede_future_ref(f);

        while (at) {
                struct cede_future *next = NULL;
                int r = at->kind ? at->kind->cancel(at, &next) : cancel_plain(at);

                if (r == -EALREADY && at != f)
                        next = cede_future_ref(f);
                cede_future_unref(at);
                at = next;
        }
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
