/* SPDX-License-Identifier: MIT */
#include "future/follow.h"

#include "base/text.h"
#include <errno.h>

void cede__follow(struct cede__follower *me, struct cede_future *source,
                  void (*on_source)(struct cede_callback *callback, int result))
{
        bool cancelled;
        uintptr_t flags;

        cede_future_ref(&me->future);
        cede_future_ref(source); /* until it is cancelled below */
        me->callback = (struct cede_callback){ .fn = on_source };
        flags = cede__future_lock(&me->future);
        me->source = source;
        cancelled = me->cancelled;
        cede__future_unlock(&me->future, flags);
        cede__future_wait_async(source, &me->callback, NULL);
        if (cancelled)
                cede_future_cancel(source);
        cede_future_unref(source);
}

struct cede_future *cede__follow_leave(struct cede__follower *me)
{
        uintptr_t flags = cede__future_lock(&me->future);
        struct cede_future *source = me->source;

        me->source = NULL;
        if (source->error == -ECANCELED)
                me->cancelled = false; /* that is how it hears of it */
        cede__future_unlock(&me->future, flags);
        return source;
}

struct cede_future *cede__follow_cancel(struct cede_future *f)
{
        struct cede__follower *me = cede__container_of(f, struct cede__follower, future);
        uintptr_t flags = cede__future_lock(f);
        struct cede_future *source = NULL;

        if (!(flags & CEDE__FUTURE_DONE)) {
                me->cancelled = true;
                source = cede_future_ref(me->source);
        }
        cede__future_unlock(f, flags);
        return source;
}

bool cede__follow_result(struct cede__follower *me, int *r, void *value,
                         void (*on_source)(struct cede_callback *callback, int result))
{
        if (*r > CEDE_CHAIN || (*r == CEDE_CHAIN && !value))
                cede__die("a callback of a future returned %d%s; it is to return 0, an error, or "
                          "CEDE_CHAIN and a future",
                          *r, *r == CEDE_CHAIN ? " and no future" : "");
        if (*r == CEDE_CHAIN && value == &me->future) {
                cede_future_unref(&me->future); /* the reference that was handed over */
                *r = -EDEADLK;
        }
        if (*r != CEDE_CHAIN)
                return false;
        cede__follow(me, value, on_source);
        return true;
}
