/* SPDX-License-Identifier: MIT */
/*
 * A task's life: spawned as a record, run on a stack, ended, joined.
 *
 * A record lives in its home scope's list of children from spawn to end, or, if there is a handle
 * to it, until it is joined or the scope closes.
 */
#include "base/spin.h"
#include "task/deadlock.h"
#include "task/run.h"
#include <errno.h>

/* In `joiner`: the scope's worker has heard of the end, and the result can be taken. */
static struct cede__waiter ended_mark;

#define ENDED (&ended_mark)

void (*cede__mutex_abandon)(struct cede__hold *hold, struct cede__party *party);

void cede__held_abandon(struct cede__party *party)
{
        while (party->held) {
                struct cede__hold *hold = party->held;

                party->held = hold->next;
                hold->next = NULL;
                (hold->kind ? hold->kind->abandon : cede__mutex_abandon)(hold, party);
        }
}

void cede__task_must_not_suspend(const struct cede_task *me)
{
        cede__die("task \"%s\" has to wait inside a CEDE_NO_SUSPEND region; move the wait out of "
                  "the region",
                  cede_task_name(me));
}

static void block(struct cede__party *party)
{
        cede__task_suspend(cede__task_of(party));
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

/* The worker that the scope and its list of children belong to. */
static struct cede__worker *scope_worker(const struct cede_scope *scope)
{
        return cede__worker_of(cede__fiber_of(scope->owner)->loop);
}

/* Spawned into a scope with a limit. */
static CEDE__NOINLINE void start_limited(struct cede__worker *here, struct cede_task *task)
{
        struct cede_scope *scope = task->home;

        if (scope->live == 1)
                cede__limit_enlist(scope->limit, scope);
        if (cede__limit_admit(scope->limit, task))
                cede__task_start(here, task);
        else if (cede__unlikely(scope->closer != NULL))
                (void)cede__deadlock_look(&task->fiber.party); /* its end is awaited already */
}

/* Among the children of its scope, on the worker of that. */
static inline void enter(struct cede__worker *here, struct cede_scope *scope,
                         struct cede_task *task)
{
        cede__list_insert(&scope->children, &task->sibling);
        scope->live++;
        cede__count(here->live, 1);
}

/* On the worker of the scope that it was spawned into. */
static void adopt(struct cede__worker *here, struct cede_task *task)
{
        struct cede_scope *scope = task->home;

        enter(here, scope, task);
        if (scope->cancel) {
                task->fiber.base_cancel = true;
                task->fiber.party.cancel = -ECANCELED;
        }
        if (scope->limit)
                start_limited(here, task);
        else
                cede__task_start(here, task);
}

/*
 * Spawned on another worker.  The scope is open still: it was when the task was spawned, and this
 * post was sent before anything else that could have let it close.
 */
static void adopt_posted(struct cede__post *post)
{
        adopt(cede__worker_here(), cede__container_of(post, struct cede_task, post));
}

/* A record from cede__record_take becomes the task. */
static inline void fill(struct cede__worker *here, struct cede_task *task, struct cede_scope *scope,
                        int (*fn)(void *), void *arg, unsigned size_class)
{
        task->fiber.loop = &here->loop;
        task->home = task->fiber.party.scope = scope;
        task->fn = fn;
        task->arg = arg;
        task->fiber.stack_class = size_class & 127;
        cede__count(here->last_id, here->workers);
        task->fiber.id = (uint32_t)here->last_id;
}

static inline bool is_of(struct cede__worker *here, const struct cede_scope *scope)
{
        return scope->owner && cede__is_task(scope->owner) && scope_worker(scope) == here;
}

int cede_spawn_with(struct cede_scope *scope, const struct cede_spawn_options *options,
                    int (*fn)(void *), void *arg, struct cede_task **ret_task)
{
        struct cede__worker *here = cede__worker_here();
        unsigned size_class;
        struct cede_task *task;

        if (!here)
                cede__die("a task is spawned outside of a run; call cede_run first");
        size_class = here->run->stack_class;
        if (!scope)
                scope = &here->run->root;
        if (!is_of(here, scope) && (!scope->owner || !cede__is_task(scope->owner) ||
                                    scope_worker(scope)->run != here->run))
                cede__die("a task is spawned into a scope that is closed, or of another run, or of "
                          "a plain thread");
        if (!fn)
                return -EINVAL;
        if (options && options->stack_size)
                size_class = cede__stack_class(options->stack_size);
        if (size_class >= CEDE__STACK_CLASSES)
                return -EINVAL;
        task = cede__record_take(here);
        if (!task)
                return -ENOMEM;
        fill(here, task, scope, fn, arg, size_class);
        if (options) {
                if (options->name)
                        cede_task_set_name(task, options->name);
                task->fiber.party.priority = options->priority;
        }
        if (ret_task) {
                task->fiber.held = true;
                task->joiner = NULL;
                *ret_task = task;
        }
        if (cede__likely(scope_worker(scope) == here)) {
                adopt(here, task);
        } else {
                task->post.run = adopt_posted;
                cede__loop_post(cede__fiber_of(scope->owner)->loop, &task->post);
        }
        return 0;
}

/* What most tasks need is done here, and no function called; the other knows all cases. */
int cede_spawn(struct cede_scope *scope, int (*fn)(void *), void *arg)
{
        struct cede__worker *here = cede__worker_here();
        struct cede_task *task;

        if (cede__unlikely(!here || !scope || !is_of(here, scope) || scope->cancel ||
                           scope->limit || !fn || !here->free_records || !cede__worker_alone(here)))
                return cede_spawn_with(scope, NULL, fn, arg, NULL);
        task = cede__record_take(here);
        fill(here, task, scope, fn, arg, here->stack_class);
        enter(here, scope, task);
        cede__loop_ready(&here->loop, &task->fiber);
        return 0;
}

/*
 * Hands the result to who joins the task.  False: nobody does, and the handle stays.  A joiner that
 * is just being cancelled will have taken itself out in a moment.
 */
static bool give_result(struct cede_task *me)
{
        struct cede__waiter *joiner = __atomic_load_n(&me->joiner, __ATOMIC_ACQUIRE);

        do {
                while (joiner && !cede__claim(joiner->party)) {
                        cede__spin_pause();
                        joiner = __atomic_load_n(&me->joiner, __ATOMIC_ACQUIRE);
                }
                if (joiner)
                        break;
        } while (!__atomic_compare_exchange_n(&me->joiner, &joiner, ENDED, false, __ATOMIC_ACQ_REL,
                                              __ATOMIC_ACQUIRE));
        if (!joiner)
                return false;
        joiner->need = me->fiber.party.result;
        me->fiber.held = false;
        cede__wait_finish(joiner->party, 0);
        return true;
}

/* It has failed, or has a handle or a name.  Its record may be kept for who has the handle. */
static CEDE__NOINLINE void tell(struct cede__worker *here, struct cede_task *me)
{
        me->fiber.ended = true;
        if (me->fiber.party.result < 0)
                cede__scope_child_failed(me->home, me);
        if (!me->fiber.held || give_result(me)) {
                cede__list_remove(&me->sibling);
                cede__record_drop(here, me);
        }
}

static inline bool is_plain(const struct cede_task *me)
{
        return me->fiber.party.result >= 0 && !me->fiber.held &&
               !(__atomic_load_n(&me->fiber.requests, __ATOMIC_RELAXED) & CEDE__NAMED);
}

/* On the worker of its scope, after the task has ended on its own. */
static inline void gone(struct cede__worker *here, struct cede_task *me)
{
        struct cede_scope *home = me->home;
        struct cede__party *resuming;

        if (here->live > here->peak_live)
                cede__count(here->peak_live, here->live - here->peak_live);
        cede__count(here->live, -1);
        if (cede__likely(is_plain(me))) {
                cede__list_remove(&me->sibling);
                cede__record_give(here, me);
        } else {
                tell(here, me);
        }
        /* In this order: a parent that now wants its slot back is served before a queued start. */
        resuming = cede__scope_child_gone(home);
        if (cede__unlikely(home->limit != NULL))
                cede__limit_release(home->limit);
        if (cede__unlikely(resuming && cede__waits(resuming)))
                (void)cede__deadlock_look(resuming);
}

static void gone_posted(struct cede__post *post)
{
        gone(cede__worker_here(), cede__container_of(post, struct cede_task, post));
}

/* It ran with other workers around. */
static CEDE__NOINLINE void end_shared(struct cede__worker *here, struct cede_task *me)
{
        struct cede__worker *worker = scope_worker(me->home);

        cede__task_close_requests(here, me);
        if (worker == here) {
                gone(here, me);
        } else {
                me->post.run = gone_posted;
                cede__loop_post(&worker->loop, &me->post);
        }
}

static inline void end(struct cede__worker *here, struct cede_task *me)
{
        const struct cede_scope *home = me->home;

        if (me->fiber.party.scope != home)
                cede__die("task \"%s\" returned with a scope open; close it before the function "
                          "that opened it returns",
                          cede_task_name(me));
        if (cede__unlikely(me->locals != NULL))
                cede__locals_finish(me);
        cede__party_abandon(&me->fiber.party);
        if (cede__likely(cede__worker_alone(here)))
                gone(here, me);
        else
                end_shared(here, me);
}

static inline void run_one(struct cede__worker *here, struct cede_task *me)
{
        void *arg = me->arg;

        if (cede__unlikely(!cede__worker_alone(here)))
                cede__task_take(me);
        me->locals = NULL;
        me->fiber.party.result = me->fn(arg);
        end(here, me);
}

void cede__task_run(void *arg)
{
        struct cede__loop *loop = arg;
        struct cede__fiber *fiber = cede__fiber_of(cede__self);
        struct cede__stack *stack = fiber->stack;

        cede__sanity_arrive(&stack->sanity, true);
        do {
                run_one(cede__worker_of(loop), cede__container_of(fiber, struct cede_task, fiber));
                fiber = cede__loop_succeed(loop, stack);
        } while (fiber->stack == stack);
        cede__loop_quit(loop, stack, fiber);
}

static void join_withdraw(struct cede__waiter *w)
{
        struct cede_task *task = w->object;

        __atomic_store_n(&task->joiner, NULL, __ATOMIC_RELEASE);
}

static void join_describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_task *task = w->object;

        cede__text_add(t, "\"%s\" (%llu)", cede_task_name(task),
                       (unsigned long long)task->fiber.id);
}

const struct cede__waitable cede__wait_for_task = { "the end of task", join_withdraw, NULL,
                                                    join_describe, NULL };

static void check_run(const struct cede_task *task)
{
        struct cede__loop *loop =
                task ? __atomic_load_n(&task->fiber.loop, __ATOMIC_RELAXED) : NULL;

        if (!loop || !cede__loop_here || cede__run_of(loop) != cede__run_here())
                cede__die("a task is used that belongs to another run, or is none");
}

static void check_handle(const struct cede_task *task, const struct cede_task *me)
{
        if (!task->fiber.held && task != me)
                cede__die("a task is joined through a handle that is gone, or is none: it was "
                          "joined already, or its scope closed");
        check_run(task);
}

/* Waits, unless the task waits for the caller in turn.  Under a deadline the wait ends anyway. */
static int wait_unless_circular(struct cede__waiter *w)
{
        struct cede__worker *here = cede__worker_here();
        struct cede__party *me = w->party;
        int r;

        here->joins++; /* before it looks: somebody further out may be the one that is joined */
        if (me->scope->due == CEDE_NEVER && cede__deadlock_look(me)) {
                join_withdraw(w);
                cede__wait_forget(me);
                r = -EDEADLK;
        } else {
                r = cede__wait(me);
        }
        here->joins--;
        return r;
}

/* The handle of a task that has ended is given back: on the worker of its scope. */
static void drop(struct cede_task *task)
{
        cede__list_remove(&task->sibling);
        cede__record_drop(cede__worker_here(), task);
}

static void drop_posted(struct cede__post *post)
{
        drop(cede__container_of(post, struct cede_task, post));
}

/* What the joiner of a task that has ended does. */
static int take_result(struct cede_task *task)
{
        struct cede__worker *worker = scope_worker(task->home);
        int result = task->fiber.party.result;

        if (worker == cede__worker_here()) {
                drop(task);
        } else {
                task->post.run = drop_posted;
                cede__loop_post(&worker->loop, &task->post);
        }
        return result;
}

/* Waits for the end of a task that has not ended just now. */
static int wait_for_end(struct cede_task *task, struct cede__party *me, int *ret_result,
                        const void *site)
{
        struct cede__waiter w, *joiner = NULL;
        int r;

        cede__wait_begin(&w, me, &cede__wait_for_task, task, 0, site);
        if (!__atomic_compare_exchange_n(&task->joiner, &joiner, &w, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE)) {
                cede__wait_forget(me);
                if (joiner != ENDED)
                        return -EBUSY;
                *ret_result = take_result(task);
                return 0;
        }
        r = wait_unless_circular(&w);
        if (r == 0)
                *ret_result = (int)w.need; /* left there by the task's end */
        return r;
}

int cede_task_join(struct cede_task *task, int *ret_result)
{
        struct cede_task *me = cede__task_here();
        struct cede__waiter *joiner;
        int r = 0, result;

        if (!task)
                return -EINVAL;
        check_handle(task, me);
        if (task == me)
                return -EDEADLK;
        joiner = __atomic_load_n(&task->joiner, __ATOMIC_ACQUIRE);
        if (joiner && joiner != ENDED)
                return -EBUSY;
        if (me->fiber.party.cancel == -ECANCELED || (me->fiber.party.cancel && !joiner))
                return me->fiber.party.cancel;
        if (joiner)
                result = take_result(task);
        else
                r = wait_for_end(task, &me->fiber.party, &result, CEDE__CALL_SITE);
        if (r == 0 && ret_result)
                *ret_result = result;
        return r;
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
        return task->fiber.id;
}

const char *cede_task_name(const struct cede_task *task)
{
        return task->name ? task->name : "task";
}

void cede_task_set_name(struct cede_task *task, const char *name)
{
        task->name = name;
        __atomic_fetch_or(&task->fiber.requests, CEDE__NAMED, __ATOMIC_RELAXED);
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
        if (cede__task_limit(task))
                cede__limit_resort(cede__task_limit(task), task);
        if (cede__task_is_here(task))
                cede__wait_resort(&task->fiber.party);
        else
                cede__task_request(task, CEDE__RESORT);
}
