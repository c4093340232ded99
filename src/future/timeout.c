/* SPDX-License-Identifier: MIT */
/*
 * Cancelling later: a task that waits for the future under a deadline.  The future may be done
 * before the task runs, so the task has a reference to it.
 */
#include "future/future.h"

#include "base/alloc.h"
#include <cede/scope.h>
#include <cede/task.h>
#include <cede/time.h>
#include <errno.h>

struct timeout {
        struct cede_future *future;
        int64_t deadline;
        const void *site;
};

/* From now on its -ECANCELED is a -ETIMEDOUT. */
static void set_late(struct cede_future *f)
{
        uintptr_t flags = cede__future_lock(f);

        cede__future_unlock(f, flags | CEDE__FUTURE_LATE);
}

static int run(void *arg)
{
        struct timeout *me = arg;
        int r = 0;

        CEDE_SCOPE_WITH(until, NULL, &(struct cede_scope_options){ .deadline = me->deadline })
        r = cede__future_wait(me->future, me->site);
        if (r == -ETIMEDOUT) {
                set_late(me->future);
                cede_future_cancel(me->future);
        }
        cede_future_unref(me->future);
        cede__free(me);
        return 0;
}

int cede_future_timeout(struct cede_future *f, int64_t ns)
{
        struct timeout *me;
        int64_t now = cede_now();
        int r;

        if (!f || !f->references)
                return -EINVAL;
        me = cede__alloc(sizeof(*me));
        if (!me)
                return -ENOMEM;
        me->future = cede_future_ref(f);
        me->deadline = ns <= 0 ? 1 : ns < CEDE_NEVER - now ? now + ns : CEDE_NEVER;
        me->site = CEDE__CALL_SITE;
        r = cede_spawn_with(NULL, &(struct cede_spawn_options){ .name = "timeout of a future" },
                            run, me, NULL);
        if (r < 0) {
                cede_future_unref(me->future);
                cede__free(me);
        }
        return r;
}
