/* SPDX-License-Identifier: MIT */
/*
 * Callbacks that wait for a time: timers without tasks.
 *
 * The timer is in the wheel of the loop that will call the callback, and a wheel is for its loop's
 * thread only.  So whoever cancels has to be on that thread; then claiming and taking the timer out
 * are one step for everybody else, and no timer fires whose wait is over.
 */
#include "task/callback.h"
#include "task/run.h"
#include <cede/time.h>
#include <errno.h>

static void fire(struct cede__timer *timer)
{
        struct cede__party *party =
                &cede__container_of(timer, struct cede_callback, timer)->fiber.party;

        if (cede__claim(party))
                cede__wait_finish(party, 0);
}

static void withdraw(struct cede__waiter *w)
{
        struct cede_callback *c = cede__container_of(w, struct cede_callback, waiter);

        if (c->fiber.loop != cede__loop_here)
                cede__die("a callback that waits for a time is cancelled from another thread");
        if (cede__timer_is_set(&c->timer))
                cede__timer_cancel(&c->fiber.loop->timers, &c->timer);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        (void)w;
        cede__text_add(t, "(a callback)");
}

static const struct cede__waitable a_time = { "time", withdraw, NULL, describe, NULL };

int cede_sleep_until_async(int64_t t, struct cede_callback *c)
{
        struct cede__party *party;

        if (c->post)
                return -EINVAL;
        party = cede__callback_begin(c);
        c->timer = (struct cede__timer){ .fire = fire };
        cede__wait_begin(&c->waiter, party, &a_time, NULL, 0, CEDE__CALL_SITE);
        if (t <= cede__loop_now(c->fiber.loop))
                fire(&c->timer);
        else if (t != CEDE_NEVER)
                cede__timer_set(&c->fiber.loop->timers, &c->timer, t);
        return 0;
}
