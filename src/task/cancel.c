/* SPDX-License-Identifier: MIT */
/*
 * Cancellation, pushed down the tree at the moment it happens.
 *
 *      cancel(s1):      main: [ s1 [ s2 [ shield s3 [ s4 ] ] ] ]      children of s1: a, b
 *
 *      1. in the owner:  s1, s2 become cancelled; s3 and all inside it do not
 *      2. for each task spawned into s1 or s2: the same, from its base inwards; and so on
 *      3. whoever is blocked, and is cancelled where he stands, has his wait ended then and there
 *
 * The scopes whose children are still to be visited are kept in a list through `pending`, not on
 * the stack, since the tree may be a million levels deep.  Each scope and task is visited at most
 * once: what was cancelled before has passed it on before.
 *
 * Nothing here runs the program's code; woken tasks only become ready.
 */
#include "task/worker.h"
#include <errno.h>

struct visits {
        struct cede_scope *first, **last;
        struct cede__party *claimed; /* a thread whose wait is to be ended without its lock */
};

static void visit_later(struct visits *v, struct cede_scope *scope)
{
        scope->pending = NULL;
        *v->last = scope;
        v->last = &scope->pending;
}

/* A cancellation takes the place of a missed deadline, never the other way round. */
static bool outranks(int how, int present)
{
        return !present || (present == -ETIMEDOUT && how == -ECANCELED);
}

/* The scope becomes cancelled; its children are visited unless they have been before. */
static void pass_on(struct visits *v, struct cede_scope *scope, int how)
{
        if (!scope->cancel)
                visit_later(v, scope);
        if (outranks(how, scope->cancel))
                scope->cancel = how;
}

/*
 * Cancels what the party has opened inside of `from` (one of its own scopes, or its home), and its
 * wait, if that happens inside.  `how`: how blocking calls directly in `from` fail.
 */
static void cancel_inwards(struct visits *v, struct cede__party *me, struct cede_scope *from,
                           int how)
{
        struct cede_scope *reached = me->scope; /* the innermost scope without a shield around */

        for (struct cede_scope *s = me->scope; s != from; s = s->parent)
                if (s->flags & CEDE_SHIELD_SCOPE)
                        reached = s->parent;
        for (struct cede_scope *s = reached; s != from; s = s->parent)
                pass_on(v, s, -ECANCELED);
        if (reached != from)
                how = -ECANCELED;
        if (reached == me->scope && outranks(how, me->cancel)) {
                __atomic_store_n(&me->cancel, how, __ATOMIC_RELAXED);
                if (cede__is_task(me))
                        cede__wait_cancel(me, how);
                else if (cede__claim_from(me, CEDE__WAITING))
                        v->claimed = me;
        }
}

/* On its own worker. */
static void cancel_base(struct visits *v, struct cede_task *task)
{
        bool ended = task->fiber.ended;

        /* Compilers would read both in one go, and with them `requests`, which others write. */
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        if (ended || task->fiber.base_cancel)
                return;
        task->fiber.base_cancel = true;
        cancel_inwards(v, &task->fiber.party, task->home, -ECANCELED);
}

static void visit_children(struct visits *v)
{
        for (struct cede_scope *s = v->first; s; s = s->pending) {
                cede__list_for_each(link, &s->children) {
                        struct cede_task *child = cede__task_of_sibling(link);

                        if (cede__task_is_here(child))
                                cancel_base(v, child);
                        else
                                cede__task_request(child, CEDE__CANCEL);
                }
        }
}

struct cede__party *cede__cancel_scope(struct cede_scope *scope, int why)
{
        struct visits v = { NULL, &v.first, NULL };

        if (!outranks(why, scope->cancel)) {
                /* Was cancelled from outside; a deadline that passes later cuts nothing short. */
                if (!scope->own && why == -ECANCELED)
                        scope->own = why;
                return NULL;
        }
        if (!scope->own)
                scope->own = why;
        pass_on(&v, scope, why);
        cancel_inwards(&v, scope->owner, scope, why);
        visit_children(&v);
        return v.claimed;
}

void cede__cancel_task_here(struct cede_task *task)
{
        struct visits v = { NULL, &v.first, NULL };

        cancel_base(&v, task);
        visit_children(&v);
}

void cede__cancel_task(struct cede_task *task)
{
        const unsigned char one = CEDE__CANCEL | CEDE__CANCELLED;

        if (!cede__task_is_here(task)) {
                bool before =
                        __atomic_load_n(&task->fiber.requests, __ATOMIC_RELAXED) & CEDE__CANCEL;

                cede__task_request(task, before ? CEDE__CANCEL : one);
                return;
        }
        if (!task->fiber.base_cancel)
                __atomic_fetch_or(&task->fiber.requests, one, __ATOMIC_RELAXED);
        cede__cancel_task_here(task);
}
