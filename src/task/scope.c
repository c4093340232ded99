/* SPDX-License-Identifier: MIT */
/*
 * Scopes: opening, closing, what a child's failure does, and the block forms.
 *
 * The chain invariant: from a party's `scope`, `parent` leads through its own scopes to its `home`;
 * the innermost one's `cancel` (its home's through base_cancel) is the task's party.cancel.
 * Opening and closing keep it; cancel.c changes both sides together.
 */
#include "task/deadlock.h"
#include "task/run.h"
#include <cede/time.h>
#include <errno.h>

/* How a blocking call of the party fails once `s`, its innermost scope, has been left. */
static int cancel_outside(const struct cede_scope *s, const struct cede__party *me)
{
        const struct cede_task *task = cede__is_task(me) ? cede__task_of(s->owner) : NULL;

        if (!task || s->parent != task->home)
                return s->parent->cancel;
        if (task->fiber.base_cancel)
                return -ECANCELED;
        return task->home->owner == me ? task->home->cancel : 0; /* the main task's home: the run */
}

void cede__scope_init(struct cede_scope *scope, struct cede__party *owner)
{
        *scope = (struct cede_scope){ .owner = owner, .deadline = CEDE_NEVER, .due = CEDE_NEVER };
        cede__list_init(&scope->children);
}

static void on_deadline(struct cede__timer *timer)
{
        cede__cancel_scope(cede__container_of(timer, struct cede_scope, timer), -ETIMEDOUT);
}

/* A task's deadline is a timer of its loop; a thread looks at the time itself (thread.c). */
static void set_deadline(struct cede_scope *s, struct cede__party *me, int64_t deadline)
{
        if (deadline == CEDE_NEVER)
                return;
        if (!cede__is_task(me) && cede__outside_served && cede__outside_served->loop->is_virtual)
                cede__die("a deadline was set in an offloaded function or a pool's job of a run "
                          "with a virtual clock, which only cede_sleep follows there");
        s->deadline = deadline;
        if (s->due > deadline)
                s->due = deadline;
        if (deadline <= cede_now()) {
                cede__cancel_scope(s, -ETIMEDOUT);
        } else if (cede__is_task(me)) {
                s->timer.fire = on_deadline;
                cede__timer_set(&cede__fiber_of(me)->loop->timers, &s->timer, deadline);
        }
}

static void open_scope(struct cede_scope *s, unsigned flags, int64_t deadline,
                       struct cede_limit *limit)
{
        struct cede__party *me = cede__party_here();

        if (!me->kind->may_block)
                cede__die("a callback must not open a scope: it must not wait either");
        if (s == me->scope)
                cede__die("a scope is opened that is open already");
        if (flags & ~(unsigned)(CEDE_SHIELD_SCOPE | CEDE_COLLECT))
                cede__die("a scope is opened with flags that do not exist: %#x", flags);
        cede__scopes_lock(me);
        cede__scope_init(s, me);
        s->flags = flags;
        s->limit = limit;
        s->parent = me->scope;
        if (!(flags & CEDE_SHIELD_SCOPE)) {
                /* The deadline of the scope that was innermost until now is one further out. */
                s->cancel = me->cancel ? -ECANCELED : 0;
                s->due = me->scope->due;
        }
        me->scope = s;
        __atomic_store_n(&me->cancel, s->cancel, __ATOMIC_RELAXED);
        set_deadline(s, me, deadline);
        cede__scopes_unlock(me);
}

void cede_scope_open(struct cede_scope *s)
{
        open_scope(s, 0, CEDE_NEVER, NULL);
}

void cede_scope_open_with(struct cede_scope *s, const struct cede_scope_options *options)
{
        if (options)
                open_scope(s, options->flags, options->deadline ? options->deadline : CEDE_NEVER,
                           options->limit);
        else
                cede_scope_open(s);
}

int64_t cede_deadline(void)
{
        return cede__party_here()->scope->due;
}

static void fail(struct cede_scope *s, int error)
{
        if (!s->error)
                s->error = error;
        if (!(s->flags & CEDE_COLLECT))
                cede__cancel_scope(s, -ECANCELED);
}

void cede__scope_child_failed(struct cede_scope *s, const struct cede_task *child)
{
        if (child->fiber.party.result != -ECANCELED)
                fail(s, child->fiber.party.result);
        else if (__atomic_load_n(&child->fiber.requests, __ATOMIC_RELAXED) & CEDE__CANCELLED)
                return; /* by cede_task_cancel: somebody wanted this */
        else if (s->own == -ETIMEDOUT)
                fail(s, -ETIMEDOUT); /* cut short by the deadline */
        else if (!s->own)
                fail(s, -ECANCELED); /* cancelled from further out, or its own idea */
}

struct cede__party *cede__scope_childless(struct cede_scope *s)
{
        struct cede__waiter *closer = s->closer;

        if (s->limit)
                cede__limit_delist(s);
        if (!closer)
                return NULL;
        s->closer = NULL;
        if (cede__task_limit(cede__task_of(s->owner))) {
                cede__limit_resume(cede__task_limit(cede__task_of(s->owner)), closer);
                return s->owner;
        }
        cede__wait_finish(closer->party, 0);
        return NULL;
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_scope *s = w->object;

        cede__text_add(t, "%u %s", s->live, s->live == 1 ? "child" : "children");
}

/* Cannot be cancelled: the children are, and that is what ends it. */
const struct cede__waitable cede__wait_for_children = { "the end of", NULL, NULL, describe, NULL };

void cede__scope_join(struct cede_scope *s, struct cede_task *me, const void *site)
{
        struct cede_limit *limit = cede__task_limit(me);
        struct cede__worker *here = cede__worker_of(me->fiber.loop);
        bool is_owner = me->fiber.party.held != NULL;
        struct cede__waiter w;

        /* Before this task gets its turn, or its slot, others may spawn into the scope again. */
        while (s->live) {
                if (limit)
                        cede__limit_release(limit);
                cede__wait_begin(&w, &me->fiber.party, &cede__wait_for_children, s, 0, site);
                s->closer = &w;
                cede__deadlock_look_closing(s);
                here->owners_closing += is_owner;
                cede__wait(&me->fiber.party);
                here->owners_closing -= is_owner;
        }
}

void cede__scope_drop_handles(struct cede_scope *s, struct cede_task *me)
{
        while (!cede__list_empty(&s->children)) {
                struct cede_task *child = cede__task_of_sibling(s->children.next);

                cede__list_remove(&child->sibling);
                cede__record_drop(cede__worker_of(me->fiber.loop), child);
        }
}

int cede__scope_result(const struct cede_scope *s, int result)
{
        if (s->error)
                return s->error;
        if (result == -ECANCELED && s->own == -ETIMEDOUT)
                return -ETIMEDOUT;
        return result;
}

static int close_scope(struct cede_scope *s, int result, const void *site)
{
        struct cede__party *me = cede__party_here();

        if (s->owner != me || me->scope != s)
                cede__die("a scope is closed that is not the innermost one of %s \"%s\"; close "
                          "scopes in reverse order of opening, where they were opened",
                          cede__is_task(me) ? "task" : "thread",
                          cede__is_task(me) ? cede_task_name(cede__task_of(me)) : "");
        if (result < 0) {
                if (!s->error && result != -ECANCELED)
                        s->error = result;
                cede__scopes_lock(me);
                cede__cancel_scope(s, -ECANCELED);
                cede__scopes_unlock(me);
        }
        if (cede__is_task(me)) {
                cede__scope_join(s, cede__task_of(me), site);
                cede__scope_drop_handles(s, cede__task_of(me));
                if (cede__timer_is_set(&s->timer))
                        cede__timer_cancel(&cede__fiber_of(me)->loop->timers, &s->timer);
                cede__scope_remote_settle(s);
        }
        cede__scopes_lock(me);
        me->scope = s->parent;
        __atomic_store_n(&me->cancel, cancel_outside(s, me), __ATOMIC_RELAXED);
        s->owner = NULL;
        cede__scopes_unlock(me);
        return cede__scope_result(s, result);
}

int cede_scope_close(struct cede_scope *s, int result)
{
        return close_scope(s, result, CEDE__CALL_SITE);
}

/* Block forms: a scope that is still open has an owner. */

struct cede_scope *cede__block_scope(struct cede_scope *s, const struct cede_scope_options *options)
{
        cede_scope_open_with(s, options);
        return s;
}

struct cede_scope *cede__block_timeout(struct cede_scope *s, int64_t ns)
{
        open_scope(s, 0, cede_in(ns), NULL);
        return s;
}

struct cede_scope *cede__block_shield(struct cede_scope *s)
{
        open_scope(s, CEDE_SHIELD_SCOPE, CEDE_NEVER, NULL);
        return s;
}

struct cede_scope *cede__block_close(struct cede_scope *s, int *result)
{
        int r = close_scope(s, result ? *result : 0, CEDE__CALL_SITE);

        if (result)
                *result = r;
        return NULL;
}

void cede__block_leave(struct cede_scope *s)
{
        if (!s->owner)
                return;
        cede_scope_cancel(s);
        close_scope(s, 0, CEDE__CALL_SITE);
}
