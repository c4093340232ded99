/* SPDX-License-Identifier: MIT */
/*
 * A run under a lock: a callback that waits for the lock, then, if fn returned another future, for
 * that one (follow.h).
 *
 *      queued --granted--> fn called --0 or an error--> lock given back, done
 *         \                     \--CEDE_CHAIN--> follows --done--> lock given back, done
 *          \--cancelled--> done, fn is never called
 *
 * While it is queued the callback `turn` has a reference to the future; whoever ends its wait,
 * the loop or a canceller, gives that back.  The mutex is owned by `turn`.
 */
#include <cede/run_future.h>

#include "future/follow.h"
#include <cede/mutex.h>
#include <cede/sem.h>
#include <errno.h>

struct run {
        struct cede__follower follower; /* first */
        struct cede_callback turn;
        struct cede_sem *sem; /* one of the two */
        struct cede_mutex *mutex;
        int (*fn)(void *value, void *arg, void **ret_value);
        void *arg;
};

static void give_back(struct run *me)
{
        /* Neither can fail: it was taken. */
        if (me->sem)
                (void)cede_sem_release(me->sem);
        else
                (void)cede_mutex_unlock_async(me->mutex, &me->turn);
}

static void on_chained(struct cede_callback *callback, int result)
{
        struct cede__follower *f = cede__container_of(callback, struct cede__follower, callback);
        struct run *me = cede__container_of(f, struct run, follower);
        struct cede_future *source = cede__follow_leave(f);
        void *value = NULL;
        int r = cede__future_take(source, &value);

        (void)result;
        give_back(me);
        (void)cede__future_settle(&f->future, value, r, source->site);
        cede_future_unref(source);
        cede_future_unref(&f->future);
}

static void on_turn(struct cede_callback *callback, int result)
{
        struct run *me = cede__container_of(callback, struct run, turn);
        struct cede_future *future = &me->follower.future;
        void *value = NULL;

        if (result == 0 && !cede__future_done(future))
                result = me->fn(NULL, me->arg, &value);
        if (!cede__follow_result(&me->follower, &result, value, on_chained)) {
                give_back(me);
                (void)cede__future_settle(future, value, result,
                                          (const char *)(uintptr_t)me->fn + 1);
        }
        cede_future_unref(future);
}

static struct cede_future *cancel(struct cede_future *f)
{
        struct run *me = cede__container_of(f, struct run, follower.future);

        if (cede_callback_cancel(&me->turn) < 0)
                return cede__follow_cancel(f);
        (void)cede__future_settle(f, NULL, -ECANCELED, NULL);
        cede_future_unref(f); /* the turn's; the caller has one */
        return NULL;
}

static const struct cede__future_kind run_kind = { cancel };

static struct cede_future *run(struct cede_sem *s, struct cede_mutex *m,
                               int (*fn)(void *value, void *arg, void **ret_value), void *arg)
{
        struct run *me = cede__future_make(sizeof(*me), &run_kind);
        struct cede_future *future = me ? &me->follower.future : NULL;
        int r;

        if (!me)
                return NULL;
        me->turn.fn = on_turn;
        me->sem = s;
        me->mutex = m;
        me->fn = fn;
        me->arg = arg;
        cede_future_ref(future);
        r = s ? cede_sem_acquire_async(s, 1, &me->turn) : cede_mutex_lock_async(m, &me->turn);
        if (r < 0) {
                (void)cede__future_settle(future, NULL, r, CEDE__CALL_SITE);
                cede_future_unref(future);
        }
        return future;
}

struct cede_future *cede_sem_run_future(struct cede_sem *s,
                                        int (*fn)(void *value, void *arg, void **ret_value),
                                        void *arg)
{
        return run(s, NULL, fn, arg);
}

struct cede_future *cede_mutex_run_future(struct cede_mutex *m,
                                          int (*fn)(void *value, void *arg, void **ret_value),
                                          void *arg)
{
        return run(NULL, m, fn, arg);
}
