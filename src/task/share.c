/* SPDX-License-Identifier: MIT */
/*
 * Sharing tasks that have not started among the workers of a run.
 *
 * Such a task is in the list of the worker that spawned it.  A worker takes from its own list when
 * it polls, and when nothing else is ready; without any work, it takes half of somebody else's.
 *
 * Sleeping.  A worker that is about to sleep says so (`resting`), and then looks at all lists once
 * more; who adds to a list, looks for resting workers afterwards.  Both are sequentially
 * consistent, so one of them sees the other.  No storm: as long as somebody who was roused is still
 * on his way (`searching`), nobody else is; who has found something rouses the next, if there is
 * more.
 *
 * Dozing.  What has just been spawned is mostly run by its own worker in a moment, and cheaper
 * there.  So who was roused waits a moment before it takes something away.
 */
#include "base/clock.h"
#include "base/spin.h"
#include "task/run.h"

enum { OWN_BATCH = 16, STOLEN_BATCH = 64, DOZE = 20 * 1000 };

bool cede__share_empty(const struct cede__run *run)
{
        for (unsigned i = 0; i < run->workers; i++)
                if (atomic_load(&run->worker[i].fresh_count))
                        return false;
        return true;
}

/* Rouses a worker that rests, unless one that was roused is still searching. */
static void rouse(struct cede__run *run)
{
        cede__step("rouse", &run->resting);
        if (!atomic_load(&run->resting) || atomic_exchange(&run->searching, true))
                return;
        for (unsigned i = 0; i < run->workers; i++) {
                struct cede__worker *w = &run->worker[i];

                cede__step("rouse one", &w->resting);
                if (atomic_load(&w->resting) && atomic_exchange(&w->resting, false)) {
                        atomic_fetch_sub(&run->resting, 1);
                        cede__loop_rouse(&w->loop);
                        return;
                }
        }
        cede__step("rouse nobody", &run->searching);
        atomic_store(&run->searching, false);
}

void cede__share_task(struct cede__worker *here, struct cede_task *task)
{
        cede__spin_lock(&here->fresh_lock, 1);
        cede__fibers_push(&here->fresh, &task->fiber);
        atomic_fetch_add(&here->fresh_count, 1);
        cede__spin_unlock(&here->fresh_lock, 0);
        rouse(here->run);
}

/* Takes at most n from the list of `from`, to run them on `to`. */
static bool take(struct cede__worker *to, struct cede__worker *from, unsigned n)
{
        struct cede__fibers taken;
        unsigned count = 0;

        cede__fibers_init(&taken);
        cede__spin_lock(&from->fresh_lock, 1);
        while (from->fresh.first && count < n) {
                struct cede__fiber *fiber = from->fresh.first;

                cede__step("take task", &from->fresh);
                from->fresh.first = fiber->next;
                cede__fibers_push(&taken, fiber);
                count++;
        }
        if (!from->fresh.first)
                cede__fibers_init(&from->fresh);
        atomic_fetch_sub(&from->fresh_count, count);
        cede__spin_unlock(&from->fresh_lock, 0);
        for (struct cede__fiber *fiber = taken.first; fiber;) {
                struct cede__fiber *next = fiber->next;

                __atomic_store_n(&fiber->loop, &to->loop, __ATOMIC_RELAXED);
                cede__loop_ready(&to->loop, fiber);
                fiber = next;
        }
        return count > 0;
}

static bool steal(struct cede__worker *me)
{
        const struct cede__run *run = me->run;

        for (unsigned i = 1; i < run->workers; i++) {
                struct cede__worker *w = &me->run->worker[(me->index + i) % run->workers];
                unsigned count, half;

                cede__step("look for tasks", &w->fresh_count);
                count = atomic_load(&w->fresh_count);
                half = (count + 1) / 2;
                if (count && take(me, w, half < STOLEN_BATCH ? half : STOLEN_BATCH))
                        return true;
        }
        return false;
}

/* Whoever was roused has looked: from now on the next one is, if there is something (again). */
static void look_is_over(struct cede__worker *me, bool found)
{
        if (me->roused) {
                cede__step("end search", &me->run->searching);
                atomic_store(&me->run->searching, false);
        }
        if ((me->roused || found) && !cede__share_empty(me->run))
                rouse(me->run);
        me->roused = false;
}

bool cede__share_find(struct cede__loop *loop)
{
        struct cede__worker *me = cede__worker_of(loop);
        bool found = atomic_load(&me->fresh_count) && take(me, me, OWN_BATCH);

        if (!found && !loop->ready.first) {
                if (me->roused)
                        cede__loop_doze(loop, DOZE);
                found = !loop->ready.first && steal(me);
        }
        look_is_over(me, found);
        return found;
}

bool cede__share_rest(struct cede__loop *loop)
{
        struct cede__worker *me = cede__worker_of(loop);

        me->rests = true;
        cede__step("rest", &me->resting);
        atomic_store(&me->resting, true);
        atomic_fetch_add(&me->run->resting, 1);
        cede__step("look before rest", &me->resting);
        return cede__share_empty(me->run);
}

void cede__share_rise(struct cede__loop *loop)
{
        struct cede__worker *me = cede__worker_of(loop);

        cede__quiet_over(me);
        if (!me->rests)
                return;
        me->rests = false;
        cede__step("rise", &me->resting);
        if (atomic_exchange(&me->resting, false))
                atomic_fetch_sub(&me->run->resting, 1);
        else
                me->roused = true;
}
