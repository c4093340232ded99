/* SPDX-License-Identifier: MIT */
/*
 * A task's result as a future.
 *
 * The task opens a scope around its function, and cancelling the future cancels that scope, since
 * a scope can be cancelled from any thread.  Before it is open, and after the function has
 * returned, that is left as a flag.  The scope must not go while somebody cancels it:
 *
 *      canceller                               task
 *      --------------------------------------  -----------------------------------------
 *      lock; open: cancelling + 1; unlock
 *                                              the function returns
 *                                              lock; not open any more; unlock
 *      cancel the scope                        wait until nobody is cancelling
 *      cancelling - 1
 *                                              close the scope
 */
#include "future/future.h"

#include <cede/scope.h>
#include <cede/task.h>
#include <errno.h>

struct task_future {
        struct cede_future future; /* first */
        struct cede_scope scope;
        bool open, cancelled; /* under the future's lock */
        uintptr_t cancelling; /* atomic */
        int (*fn)(void *arg);
        void *arg;
};

static struct cede_future *cancel(struct cede_future *f)
{
        struct task_future *me = cede__container_of(f, struct task_future, future);
        uintptr_t flags = cede__future_lock(f);
        bool open = me->open;

        me->cancelled = true;
        if (open)
                __atomic_fetch_add(&me->cancelling, 1, __ATOMIC_RELAXED);
        cede__future_unlock(f, flags);
        if (open) {
                cede__step("cancel", &me->cancelling);
                cede_scope_cancel(&me->scope);
                cede__step("cancelled", &me->cancelling);
                /* pairs with the acquire in settle_cancels */
                __atomic_fetch_sub(&me->cancelling, 1, __ATOMIC_RELEASE);
        }
        return NULL;
}

static const struct cede__future_kind task_kind = { cancel };

/* Returns what `cancelled` was. */
static bool set_open(struct task_future *me, bool open)
{
        uintptr_t flags = cede__future_lock(&me->future);
        bool cancelled = me->cancelled;

        me->open = open;
        cede__future_unlock(&me->future, flags);
        return cancelled;
}

/* Those on this thread have done it by now; others need some dozen instructions. */
static void settle_cancels(struct task_future *me)
{
        uintptr_t n;

        while ((n = __atomic_load_n(&me->cancelling, __ATOMIC_ACQUIRE)))
                cede__spin_wait(&me->cancelling, n);
}

static int run(void *arg)
{
        struct task_future *me = arg;
        int r;

        cede_scope_open(&me->scope);
        if (set_open(me, true))
                cede_scope_cancel(&me->scope);
        r = me->fn(me->arg);
        set_open(me, false);
        settle_cancels(me);
        r = cede_scope_close(&me->scope, r);
        (void)cede__future_settle(&me->future, (void *)(intptr_t)r, r < 0 ? r : 0,
                                  /* no call: the place is the function */
                                  (const char *)(uintptr_t)me->fn + 1);
        cede_future_unref(&me->future);
        return 0;
}

int cede_spawn_future(struct cede_scope *scope, int (*fn)(void *arg), void *arg,
                      struct cede_future **ret_future)
{
        struct task_future *me;
        int r;

        if (!fn)
                return -EINVAL;
        me = cede__future_make(sizeof(*me), &task_kind);
        if (!me)
                return -ENOMEM;
        me->fn = fn;
        me->arg = arg;
        cede_future_ref(&me->future);
        r = cede_spawn(scope, run, me);
        if (r < 0) {
                cede_future_unref(&me->future);
                cede_future_unref(&me->future);
                return r;
        }
        *ret_future = &me->future;
        return 0;
}
