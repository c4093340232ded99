/* SPDX-License-Identifier: MIT */
/*
 * Scopes: opening, closing, what a child's failure does, and the block forms.
 *
 * The chain invariant: from a task's `scope`, `parent` leads through its own scopes to its `home`;
 * the innermost one's `cancel` (its home's through base_cancel) is the task's party.cancel.
 * Opening and closing keep it; cancel.c changes both sides together.
 */
#include "task/run.h"
#include <cede/time.h>
#include <errno.h>

/* How a blocking call fails in the task outside of its own scopes. */
static int cancel_at_base(const struct cede_task *task)
{
        if (task->base_cancel)
                return -ECANCELED;
        return task->home->owner == task ? task->home->cancel :
                                           0; /* the main task's home: the run */
}

void cede__scope_init(struct cede_scope *scope, struct cede_task *owner)
{
        *scope = (struct cede_scope){ .owner = owner, .deadline = CEDE_NEVER, .due = CEDE_NEVER };
        cede__list_init(&scope->children);
}

static void on_deadline(struct cede__timer *timer)
{
        cede__cancel_scope(cede__container_of(timer, struct cede_scope, timer), -ETIMEDOUT);
}

static void set_deadline(struct cede_scope *s, struct cede__loop *loop, int64_t deadline)
{
        if (deadline == CEDE_NEVER)
                return;
        s->deadline = deadline;
        if (s->due > deadline)
                s->due = deadline;
        if (deadline <= cede__loop_now(loop)) {
                cede__cancel_scope(s, -ETIMEDOUT);
                return;
        }
        s->timer.fire = on_deadline;
        cede__timer_set(&loop->timers, &s->timer, deadline);
}

static void open_scope(struct cede_scope *s, unsigned flags, int64_t deadline,
                       struct cede_limit *limit)
{
        struct cede_task *me = cede__task_here();

        if (s == me->scope)
                cede__die("a scope is opened that is open already, in task \"%s\"",
                          cede_task_name(me));
        if (flags & ~(unsigned)(CEDE_SHIELD_SCOPE | CEDE_COLLECT))
                cede__die("a scope is opened with flags that do not exist: %#x", flags);
        cede__scope_init(s, me);
        s->parent = me->scope;
        s->flags = flags;
        s->limit = limit;
        if (!(flags & CEDE_SHIELD_SCOPE)) {
                /* The deadline of the scope that was innermost until now is one further out. */
                s->cancel = me->fiber.party.cancel ? -ECANCELED : 0;
                s->due = me->scope->due;
        }
        me->scope = s;
        me->fiber.party.cancel = s->cancel;
        set_deadline(s, me->fiber.loop, deadline);
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

void cede_scope_cancel(struct cede_scope *s)
{
        struct cede_task *me = cede__task_here();

        if (!s)
                s = &cede__run_of(me->fiber.loop)->root;
        if (!s->owner || s->owner->fiber.loop != me->fiber.loop)
                cede__die("a scope is cancelled that is closed, or that belongs to another run");
        cede__cancel_scope(s, -ECANCELED);
}

int64_t cede_deadline(void)
{
        return cede__task_here()->scope->due;
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
        if (child->result != -ECANCELED)
                fail(s, child->result);
        else if (child->cancelled)
                return; /* by cede_task_cancel: somebody wanted this */
        else if (s->own == -ETIMEDOUT)
                fail(s, -ETIMEDOUT); /* cut short by the deadline */
        else if (!s->own)
                fail(s, -ECANCELED); /* cancelled from further out, or its own idea */
}

void cede__scope_child_gone(struct cede_scope *s)
{
        struct cede__waiter *closer = s->closer;

        if (--s->live || !closer)
                return;
        s->closer = NULL;
        if (cede__task_limit(s->owner))
                cede__limit_resume(cede__task_limit(s->owner), closer);
        else
                cede__wait_finish(closer->party, 0);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_scope *s = w->object;

        cede__text_add(t, "%u %s", s->live, s->live == 1 ? "child" : "children");
}

/* Cannot be cancelled: the children are, and that is what ends it. */
static const struct cede__waitable children = { "the end of", NULL, NULL, describe };

void cede__scope_join(struct cede_scope *s, struct cede_task *me, const void *site)
{
        struct cede_limit *limit = cede__task_limit(me);
        struct cede__waiter w;

        /* Before this task gets its turn, or its slot, others may spawn into the scope again. */
        while (s->live) {
                if (limit)
                        cede__limit_release(limit);
                cede__wait_begin(&w, &me->fiber.party, &children, s, 0, site);
                s->closer = &w;
                cede__wait(&me->fiber.party);
        }
}

void cede__scope_drop_handles(struct cede_scope *s, struct cede_task *me)
{
        while (!cede__list_empty(&s->children)) {
                struct cede_task *child = cede__task_of_sibling(s->children.next);

                cede__list_remove(&child->sibling);
                cede__record_give(cede__run_of(me->fiber.loop), child);
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
        struct cede_task *me = cede__task_here();

        if (s->owner != me || me->scope != s)
                cede__die("a scope is closed that is not the innermost one of task \"%s\"; close "
                          "scopes in reverse order of opening, in the task that opened them",
                          cede_task_name(me));
        if (result < 0) {
                if (!s->error && result != -ECANCELED)
                        s->error = result;
                cede__cancel_scope(s, -ECANCELED);
        }
        cede__scope_join(s, me, site);
        cede__scope_drop_handles(s, me);
        if (cede__timer_is_set(&s->timer))
                cede__timer_cancel(&me->fiber.loop->timers, &s->timer);
        me->scope = s->parent;
        me->fiber.party.cancel = s->parent == me->home ? cancel_at_base(me) : s->parent->cancel;
        s->owner = NULL;
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
        cede__cancel_scope(s, -ECANCELED);
        close_scope(s, 0, CEDE__CALL_SITE);
}
