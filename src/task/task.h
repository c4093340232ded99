/* SPDX-License-Identifier: MIT */
/*
 * The task record, and how tasks, scopes and cancellation fit together.
 *
 *      run.root  <---- home ---- main        (scope)   opened by main, parent root
 *                                party.scope -> s1
 *      s1.children: a, b          a.home = s1, its party.scope too until it opens one
 *
 * From a task's innermost scope, `parent` leads outwards through the scopes it opened itself to its
 * home, and from there through its spawner's.  Children outlive nothing of this chain.
 *
 * Cancellation is pushed down when it happens (task/cancel.c), so that asking is one load: for
 * every scope, `cancel` says how a blocking call directly in it fails; for every task,
 * `base_cancel` says how one fails outside of its own scopes, and party.cancel how one fails right
 * now.
 */
#ifndef CEDE_TASK_TASK_H
#define CEDE_TASK_TASK_H

#include "sched/loop.h"
#include <cede/scope.h>
#include <cede/task.h>

struct cede__run;

/*
 * Three cache lines; a task that waits to start costs nothing else.  Most tasks never touch the
 * third: what is in it is as record.c says, or set by whoever says that it is in use.
 *
 * The result is in fiber.party.result, since what has ended does not wait.
 */
struct cede_task {
        _Alignas(64) struct cede__fiber fiber; /* first */
        struct cede__list sibling;             /* in home->children */
        struct cede_scope *home;               /* the scope it was spawned into */
        int (*fn)(void *arg);
        union {
                void *arg;                        /* until it starts */
                struct cede__local_value *locals; /* then */
        };
        union {
                struct cede__wnode queued; /* before the start: its place in the limit's queue */
                struct {
                        struct cede__timer timer;  /* sleeping */
                        struct cede_task *request; /* next in its worker's stack of requests */
                };
                struct cede__post post; /* when not started, or ended: to its scope's worker */
        };
        const char *name;
        struct cede__waiter *joiner; /* who waits in cede_task_join; atomic, see task.c */
        unsigned short no_suspend;   /* depth of CEDE_NO_SUSPEND, if fiber.keeps_turn */
        bool waits_to_start;         /* in a limit's queue; under the limit's lock */
};

_Static_assert(sizeof(struct cede_task) == 192, "a task record is three cache lines");
_Static_assert(offsetof(struct cede_task, queued) == 128, "what every task needs is in two");

extern const struct cede__party_kind cede__task_party, cede__thread_party, cede__callback_party;

static inline struct cede_task *cede__task_of(struct cede__party *party)
{
        return cede__container_of(cede__fiber_of(party), struct cede_task, fiber);
}

/* The running task; NULL: a plain thread or a callback. */
static inline struct cede_task *cede__task_running(void)
{
        return cede__self && cede__self->kind == &cede__task_party ? cede__task_of(cede__self) :
                                                                     NULL;
}

/* The running task; ends the program if there is none. */
struct cede_task *cede__task_here(void);

static inline bool cede__is_task(const struct cede__party *party)
{
        return party->kind == &cede__task_party;
}

static inline struct cede_task *cede__task_of_sibling(struct cede__list *link)
{
        return cede__container_of(link, struct cede_task, sibling);
}

/*
 * cancel.c: cancels a scope or a task with everything inside that is not shielded.  On the owner's
 * loop, or under its lock.  Returns the owner if it is a thread whose wait is over: the caller ends
 * it, with cede__wait_end(owner, owner->cancel), once it has dropped the lock.
 */
struct cede__party *cede__cancel_scope(struct cede_scope *scope, int why);
void cede__cancel_task(struct cede_task *task);
void cede__cancel_task_here(struct cede_task *task); /* on its own worker */

/* Gives the thread away; in a CEDE_NO_SUSPEND region it ends the program instead. */
CEDE__COLD _Noreturn void cede__task_must_not_suspend(const struct cede_task *me);

static inline void cede__task_suspend(struct cede_task *me)
{
        if (cede__unlikely(me->fiber.keeps_turn))
                cede__task_must_not_suspend(me);
        cede__loop_suspend(&me->fiber);
}

/* The kinds of waits that tasks of one loop know of each other: scope.c, limit.c, task.c. */
extern const struct cede__waitable cede__wait_for_children, cede__wait_for_slot,
        cede__wait_for_task;

/* scope.c */
void cede__scope_init(struct cede_scope *scope, struct cede__party *owner);
/*
 * A child ends with a negative result; then it is gone, and perhaps was the last.  Returns the
 * owner if it wants its slot back now.
 */
void cede__scope_child_failed(struct cede_scope *scope, const struct cede_task *child);
struct cede__party *cede__scope_childless(struct cede_scope *scope);

static inline struct cede__party *cede__scope_child_gone(struct cede_scope *scope)
{
        return cede__likely(--scope->live) ? NULL : cede__scope_childless(scope);
}

/* What closing comes to, given the body's result: the first failure, a missed deadline, or that. */
int cede__scope_result(const struct cede_scope *scope, int result);
/* Waits for a cancel from another thread that is under way to this scope (remote.c). */
void cede__scope_remote_settle(struct cede_scope *scope);
/* Frees the ended children whose handles nobody joined. */
void cede__scope_drop_handles(struct cede_scope *scope, struct cede_task *owner);
/* Waits until no child is left; a slot that the task holds is lent meanwhile. */
void cede__scope_join(struct cede_scope *scope, struct cede_task *me, const void *site);

/* limit.c */
bool cede__limit_admit(struct cede_limit *limit, struct cede_task *task); /* false: it is queued */
void cede__limit_release(struct cede_limit *limit);
/* The waiter's party, which lent its slot, wants it back: ends its wait when it has one. */
void cede__limit_resume(struct cede_limit *limit, struct cede__waiter *waiter);
void cede__limit_resort(struct cede_limit *limit, struct cede_task *task);
void cede__limit_describe(const struct cede_limit *limit, struct cede__text *text);
/* The scope has its first living child, or none any more. */
void cede__limit_enlist(struct cede_limit *limit, struct cede_scope *scope);
void cede__limit_delist(struct cede_scope *scope);

/* report.c: who a party is; NULL: nobody. */
void cede__party_describe(const struct cede__party *party, struct cede__text *text);

/* The same for who owns a mutex: it may be gone, unless it is known to be alive (deadlock.c). */
void cede__owner_describe(const struct cede__party *party, struct cede__text *text);

/* What stands still while this thread writes a report: this run's tasks; the table of edges. */
struct cede__still {
        const struct cede__run *run;
        bool edges;
};

extern _Thread_local struct cede__still cede__still;

/* What a party can hold, other than a mutex. */
struct cede__hold_kind {
        /* The holder ends, and it is no longer in its list: passes it on. */
        void (*abandon)(struct cede__hold *hold, struct cede__party *holder);
        /* How many wait for this holder.  NULL: never anybody, since there may be other holders. */
        unsigned (*waiting)(const struct cede__hold *hold);
};

/* abandon for a mutex.  Set by sync/mutex.c before main; nobody holds any without it. */
extern void (*cede__mutex_abandon)(struct cede__hold *hold, struct cede__party *holder);

/* The party's, which has it in its list. */
static inline void cede__hold_remove(struct cede__hold **list, struct cede__hold *hold)
{
        while (*list != hold)
                list = &(*list)->next;
        *list = hold->next;
        hold->next = NULL;
}

/* What a party holds when it ends: those who wait for it learn of that. */
void cede__held_abandon(struct cede__party *party);

static inline void cede__party_abandon(struct cede__party *party)
{
        if (cede__unlikely(party->held != NULL))
                cede__held_abandon(party);
}

/* thread.c: the lock of a plain thread's scopes; nothing for other parties. */
void cede__scopes_lock(struct cede__party *owner);
void cede__scopes_unlock(struct cede__party *owner);
/* Lets a thread see which of its deadlines have passed; sleeps until t or a cancellation. */
void cede__thread_look(struct cede__party *me);
int cede__thread_sleep(struct cede__party *me, int64_t t, const void *site);

/* local.c */
void cede__locals_finish(struct cede_task *task);

/* The limit whose slot the task holds, or waits for; NULL: none. */
static inline struct cede_limit *cede__task_limit(const struct cede_task *task)
{
        return task->home ? task->home->limit : NULL;
}

#endif
