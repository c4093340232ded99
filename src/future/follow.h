/* SPDX-License-Identifier: MIT */
/*
 * A future that waits for another one, its source, and goes on in a callback.
 *
 * From follow to leave it holds a reference to the source, and the callback one to the follower.
 * Cancelling it means to cancel the source, and leaves `cancelled` behind.  If there is no source,
 * or the source comes to something else than -ECANCELED, what it follows next is cancelled; a
 * fallback that is followed because of -ECANCELED is not.
 */
#ifndef CEDE_FUTURE_FOLLOW_H
#define CEDE_FUTURE_FOLLOW_H

#include "future/future.h"
#include <cede/callback.h>

struct cede__follower {
        struct cede_future future; /* first: it is freed by this address */
        struct cede_callback callback;
        struct cede_future *source; /* under the future's lock */
        bool cancelled;             /* likewise */
};

/* Takes over a reference to the source; on_source is called when it is done. */
void cede__follow(struct cede__follower *me, struct cede_future *source,
                  void (*on_source)(struct cede_callback *callback, int result));

/* By on_source: the source, whose reference is the caller's now, as is the callback's to `me`. */
struct cede_future *cede__follow_leave(struct cede__follower *me);

/*
 * A callback of a future has returned *r, and stored a value.  True: that was CEDE_CHAIN, and it
 * follows; else *r is what it comes to, 0 or an error.
 */
bool cede__follow_result(struct cede__follower *me, int *r, void *value,
                         void (*on_source)(struct cede_callback *callback, int result));

/* For struct cede__future_kind. */
struct cede_future *cede__follow_cancel(struct cede_future *f);

#endif
