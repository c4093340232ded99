/* SPDX-License-Identifier: MIT */
/*
 * A task's life: spawned as a record, run on a stack, ended, joined.
 *
 * A record lives in its home scope's list of children from spawn to end, or, if there is a handle
 * to it, until it is joined or the scope closes.
 */
#include "task/deadlock.h"
#include "task/run.h"
#include <errno.h>

void (*cede__held_abandon)(struct cede__party *party);

unsigned cede__task_stack_class(const struct cede__fiber *fiber)
{
        return cede__container_of(fiber, const struct cede_task, fiber)->stack_class;
}

static void block(struct cede__party *party)
{
        struct cede_task *me = cede__task_of(party);

        if (cede__unlikely(me->no_suspend))
                cede__die("task \"%s\" has to wait inside a CEDE_NO_SUSPEND region; move the wait "
                          "out of the region",
                          cede_task_name(me));
        cede__loop_suspend(&me->fiber);
}

const struct cede__party_kind cede__task_party = { block, cede__fiber_finish, true, false };

struct cede_task *cede__task_here(void)
{
        struct cede_task *me = cede__task_running();

        if (!me)
                cede__die("a function was called that works inside of a task only; call it from "
                          "one that cede_run or cede_spawn runs");
        return me;
}

int cede_spawn_with(struct cede_scope *scope, const struct cede_spawn_options *options,
                    int (*fn)(void *), void *arg, struct cede_task **ret_task)
{
        struct cede__run *run = cede__run_here();
        unsigned size_class;
        struct cede_task *task;

        if (!run)
                cede__die("a task is spawned outside of a run; call cede_run first");
        size_class = run->stack_class;
        if (!scope)
                scope = &run->root;
        if (!scope->owner || !cede__is_task(scope->owner) ||
            cede__fiber_of(scope->owner)->loop != &run->loop)
                cede__die("a task is spawned into a scope that is closed, or of another run, or of "
                          "a plain thread");
        if (!fn)
                return -EINVAL;
        if (options && options->stack_size)
                size_class = cede__stack_class(options->stack_size);
        if (size_class >= CEDE__STACK_CLASSES)
                return -EINVAL;
        task = cede__record_take(run);
        if (!task)
                return -ENOMEM;
        task->fiber.party.kind = &cede__task_party;
        task->fiber.loop = &run->loop;
        task->home = task->fiber.party.scope = scope;
        task->fn = fn;
        task->arg = arg;
        task->id = (uint32_t)++run->last_id;
        task->stack_class = (unsigned char)size_class;
        if (scope->cancel) {
                task->base_cancel = 1;
                task->fiber.party.cancel = -ECANCELED;
        }
        if (options) {
                task->name = options->name;
                task->fiber.party.priority = options->priority;
        }
        if (ret_task) {
                task->held = true;
                *ret_task = task;
        }
        cede__list_insert(&scope->children, &task->sibling);
        if (!scope->live++ && scope->limit)
                cede__limit_enlist(scope->limit, scope);
        run->stats.spawned++;
        if (++run->stats.live > run->stats.peak_live)
                run->stats.peak_live = run->stats.live;
        if (!scope->limit || cede__limit_admit(scope->limit, task))
                cede__loop_ready(&run->loop, &task->fiber);
        else if (cede__unlikely(scope->closer != NULL))
                (void)cede__deadlock_look(&task->fiber.party); /* its end is awaited already */
        return 0;
}

int cede_spawn(struct cede_scope *scope, int (*fn)(void *), void *arg)
{
        return cede_spawn_with(scope, NULL, fn, arg, NULL);
}

static void end(struct cede__run *run, struct cede_task *me)
{
        struct cede_scope *home = me->home;
        struct cede__party *resuming;

        if (me->fiber.party.scope != home)
                cede__die("task \"%s\" returned with a scope open; close it before the function "
                          "that opened it returns",
                          cede_task_name(me));
        if (me->locals)
                cede__locals_finish(me);
        cede__party_abandon(&me->fiber.party);
        me->ended = true;
        run->stats.live--;
        if (cede__unlikely(me->result < 0))
                cede__scope_child_failed(home, me);
        if (me->joiner) {
                /* Its handle is gone with this, and perhaps the scope, before the joiner runs. */
                me->joiner->need = me->result;
                me->held = false;
                if (cede__claim(me->joiner->party))
                        cede__wait_finish(me->joiner->party, 0);
        }
        if (!me->held) {
                cede__list_remove(&me->sibling);
                cede__record_give(run, me);
        }
        /* In this order: a parent that now wants its slot back is served before a queued start. */
        resuming = cede__scope_child_gone(home);
        if (home->limit)
                cede__limit_release(home->limit);
        if (cede__unlikely(resuming && cede__waits(resuming)))
                (void)cede__deadlock_look(resuming);
}

void cede__task_run(struct cede__fiber *fiber)
{
        struct cede_task *me = cede__container_of(fiber, struct cede_task, fiber);

        me->timer = (struct cede__timer){ { NULL, NULL }, 0, NULL };
        me->locals = NULL;
        me->result = me->fn(me->arg);
        end(cede__run_of(fiber->loop), me);
}

static void join_withdraw(struct cede__waiter *w)
{
        ((struct cede_task *)w->object)->joiner = NULL;
}

static void join_describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_task *task = w->object;

        cede__text_add(t, "\"%s\" (%llu)", cede_task_name(task), (unsigned long long)task->id);
}

const struct cede__waitable cede__wait_for_task = { "the end of task", join_withdraw, NULL,
                                                    join_describe, NULL };

static void check_run(const struct cede_task *task)
{
        if (!task || task->fiber.loop != cede__loop_here)
                cede__die("a task is used that belongs to another run, or is none");
}

static void check_handle(const struct cede_task *task, const struct cede_task *me)
{
        if (!task->held && task != me)
                cede__die("a task is joined through a handle that is gone, or is none: it was "
                          "joined already, or its scope closed");
        check_run(task);
}

/* Waits, unless the task waits for the caller in turn.  Under a deadline the wait ends anyway. */
static int wait_unless_circular(struct cede__waiter *w)
{
        struct cede__party *me = w->party;
        struct cede__run *run = cede__run_here();
        int r;

        run->joins++; /* before it looks: somebody further out may be the one that is joined */
        if (me->scope->due == CEDE_NEVER && cede__deadlock_look(me)) {
                join_withdraw(w);
                cede__wait_forget(me);
                r = -EDEADLK;
        } else {
                r = cede__wait(me);
        }
        run->joins--;
        return r;
}

int cede_task_join(struct cede_task *task, int *ret_result)
{
        struct cede_task *me = cede__task_here();
        struct cede__waiter w;
        int r, result;

        if (!task)
                return -EINVAL;
        check_handle(task, me);
        if (task == me)
                return -EDEADLK;
        if (task->joiner)
                return -EBUSY;
        if (me->fiber.party.cancel == -ECANCELED || (me->fiber.party.cancel && !task->ended))
                return me->fiber.party.cancel;
        if (!task->ended) {
                cede__wait_begin(&w, &me->fiber.party, &cede__wait_for_task, task, 0,
                                 CEDE__CALL_SITE);
                task->joiner = &w;
                r = wait_unless_circular(&w);
                if (r < 0)
                        return r;
                result = (int)w.need; /* left there by the task's end */
        } else {
                result = task->result;
                cede__list_remove(&task->sibling);
                cede__record_give(cede__run_of(me->fiber.loop), task);
        }
        if (ret_result)
                *ret_result = result;
        return 0;
}

void cede_task_cancel(struct cede_task *task)
{
        check_run(task);
        cede__cancel_task(task);
}

struct cede_task *cede_task_self(void)
{
        return cede__task_running();
}

uint64_t cede_task_id(const struct cede_task *task)
{
        return task->id;
}

const char *cede_task_name(const struct cede_task *task)
{
        return task->name ? task->name : "task";
}

void cede_task_set_name(struct cede_task *task, const char *name)
{
        task->name = name;
}

int cede_task_priority(const struct cede_task *task)
{
        return task->fiber.party.priority;
}

void cede_task_set_priority(struct cede_task *task, int priority)
{
        check_run(task);
        if (priority == task->fiber.party.priority)
                return;
        __atomic_store_n(&task->fiber.party.priority, priority, __ATOMIC_RELAXED);
        if (task->waits_to_start)
                cede__limit_resort(cede__task_limit(task), task);
        else
                cede__wait_resort(&task->fiber.party);
}
