/* SPDX-License-Identifier: MIT */
/* Giving way for a turn or for a time: yield, sleep, checkpoint, and regions that forbid it. */
#include "base/clock.h"
#include "task/run.h"
#include <cede/time.h>
#include <sched.h>

int cede_checkpoint(void)
{
        struct cede__party *me = cede__party_here();

        if (cede__is_task(me))
                cede__loop_glance(cede__fiber_of(me)->loop);
        else
                cede__thread_look(me);
        return cede__cancelled(me);
}

int cede_yield(void)
{
        struct cede__party *me = cede__party_here();
        struct cede__fiber *fiber = cede__fiber_of(me);

        if (cede__unlikely(!cede__is_task(me))) {
                if (!me->kind->may_block)
                        me->kind->block(me); /* says so */
                sched_yield();
                return cede_checkpoint();
        }
        if (cede__unlikely(me->cancel))
                return me->cancel;
        cede__loop_ready(fiber->loop, fiber);
        cede__task_suspend(cede__task_of(me));
        return me->cancel;
}

int64_t cede_now(void)
{
        const struct cede__loop *loop = cede__loop_here;

        if (!loop && cede__outside_served)
                loop = cede__outside_served->loop;
        return loop ? cede__loop_now(loop) : cede__clock_now();
}

int64_t cede_in(int64_t ns)
{
        return cede__clock_add(cede_now(), ns);
}

/* Sleeping is a wait on nothing but the task's own timer. */

static void fire(struct cede__timer *timer)
{
        struct cede_task *task = cede__container_of(timer, struct cede_task, timer);

        if (cede__claim(&task->fiber.party))
                cede__wait_finish(&task->fiber.party, 0);
}

static void withdraw(struct cede__waiter *w)
{
        struct cede_task *task = cede__task_of(w->party);

        if (cede__timer_is_set(&task->timer))
                cede__timer_cancel(&task->fiber.loop->timers, &task->timer);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_task *task = cede__task_of(w->party);
        int64_t left = task->timer.at - cede__loop_now(task->fiber.loop);

        if (!cede__timer_is_set(&task->timer)) {
                cede__text_add(t, "time than will ever be");
                return;
        }
        cede__text_add(t, "%lld.%03lld s", (long long)(left / CEDE_SEC(1)),
                       (long long)(left % CEDE_SEC(1) / CEDE_MS(1)));
}

static const struct cede__waitable a_time = { "another", withdraw, NULL, describe, NULL };

static int sleep_until(int64_t t, const void *site)
{
        struct cede_task *me;
        struct cede__waiter w;

        if (!cede__task_running() && cede__outside_served &&
            cede__outside_served->loop->is_virtual) {
                cede__outside_sleep(cede__outside_served, t);
                return 0;
        }
        if (!cede__task_running()) {
                struct cede__party *party = cede__party_here();

                if (!party->kind->may_block)
                        party->kind->block(party); /* says so */
                return cede__thread_sleep(party, t, site);
        }
        me = cede__task_here();
        if (me->fiber.party.cancel)
                return me->fiber.party.cancel;
        if (t <= cede__loop_now(me->fiber.loop))
                return cede_yield();
        cede__wait_begin(&w, &me->fiber.party, &a_time, NULL, 0, site);
        me->timer.fire = fire;
        me->timer.link.next = NULL; /* not set, if this is for ever */
        if (t != CEDE_NEVER)
                cede__timer_set(&me->fiber.loop->timers, &me->timer, t);
        return cede__wait(&me->fiber.party);
}

int cede_sleep(int64_t ns)
{
        return sleep_until(cede_in(ns), CEDE__CALL_SITE);
}

int cede_sleep_until(int64_t t)
{
        return sleep_until(t, CEDE__CALL_SITE);
}

int cede__no_suspend_enter(void)
{
        struct cede_task *me = cede__task_here();

        me->no_suspend = me->fiber.keeps_turn ? (unsigned short)(me->no_suspend + 1) : 1;
        me->fiber.keeps_turn = true;
        return 1;
}

int cede__no_suspend_end(void)
{
        struct cede_task *me = cede__task_here();

        me->fiber.keeps_turn = --me->no_suspend > 0;
        return 0;
}

void cede__no_suspend_leave(int *region)
{
        if (*region)
                cede__no_suspend_end();
}
