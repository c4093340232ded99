/* SPDX-License-Identifier: MIT */
/* Links: futures that are done when a callback of another one has been called. */
#include "future/follow.h"

struct link {
        struct cede__follower follower; /* first */
        int (*on_value)(void *value, void *arg, void **ret_value);
        int (*on_error)(int error, void *arg, void **ret_value);
        void *arg;
};

static const struct cede__future_kind link_kind = { cede__follow_cancel };

static struct cede__follower *follower_of(struct cede_callback *callback)
{
        return cede__container_of(callback, struct cede__follower, callback);
}

/* What the callback returned CEDE_CHAIN with is done: as it is, so is the link. */
static void on_chained(struct cede_callback *callback, int result)
{
        struct cede__follower *me = follower_of(callback);
        struct cede_future *source = cede__follow_leave(me);
        void *value = NULL;
        int r = cede__future_take(source, &value);

        (void)result;
        (void)cede__future_settle(&me->future, value, r, source->site);
        cede_future_unref(source);
        cede_future_unref(&me->future);
}

/* What comes of it; an error's place is the callback that returned it. */
static int call(const struct link *me, int error, void *value, void **ret_value, const void **site)
{
        if (error < 0 && me->on_error) {
                *site = (const char *)(uintptr_t)me->on_error + 1;
                return me->on_error(error, me->arg, ret_value);
        }
        if (error == 0 && me->on_value) {
                *site = (const char *)(uintptr_t)me->on_value + 1;
                return me->on_value(value, me->arg, ret_value);
        }
        *ret_value = value;
        return error;
}

static void on_source(struct cede_callback *callback, int result)
{
        struct cede__follower *me = follower_of(callback);
        struct cede_future *source = cede__follow_leave(me);
        void *value = NULL, *new_value = NULL;
        int r = cede__future_take(source, &value);
        const void *site = source->site;

        (void)result;
        cede_future_unref(source);
        if (!cede__future_done(&me->future)) {
                r = call((const struct link *)me, r, value, &new_value, &site);
                if (!cede__follow_result(me, &r, new_value, on_chained))
                        (void)cede__future_settle(&me->future, new_value, r, site);
        }
        cede_future_unref(&me->future);
}

struct cede_future *cede_future_then(struct cede_future *f,
                                     int (*on_value)(void *value, void *arg, void **ret_value),
                                     int (*on_error)(int error, void *arg, void **ret_value),
                                     void *arg)
{
        struct link *me = f ? cede__future_make(sizeof(*me), &link_kind) : NULL;

        if (!me)
                return NULL;
        me->on_value = on_value;
        me->on_error = on_error;
        me->arg = arg;
        cede__follow(&me->follower, cede_future_ref(f), on_source);
        return &me->follower.future;
}
