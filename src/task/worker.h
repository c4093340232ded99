/* SPDX-License-Identifier: MIT */
/*
 * A worker: a thread of a run, with its loop and what tasks on it need.
 *
 * Who owns what.  A task that has started stays on its worker.  What it opens and spawns belongs to
 * that worker too: scopes, their lists of children, the records' memory.  A child, though, may be
 * started by another worker, since those without work take over what waits to start (share.c).
 * Whatever then has to be done on the other side is sent there:
 *
 *      the child's end, to its scope's worker          the record's own post (task.c)
 *      a cancellation, a new priority, to the child's  a stack of requests (request.c)
 *      a cancellation of a scope, to its owner's       the scope's own post (remote.c)
 *      a grant, to the waiter's                        the waiter's own post (sched/loop.c)
 *
 * So nothing below is ever used by two threads, but for the fields that say so.  With one worker
 * nothing is sent, and none of the atomic instructions are executed.
 */
#ifndef CEDE_TASK_WORKER_H
#define CEDE_TASK_WORKER_H

#include "base/trap.h"
#include "sched/loop.h"
#include "sched/watchdog.h"
#include "task/task.h"
#include <pthread.h>
#include <string.h>

struct cede__run;

struct cede__worker {
        struct cede__loop loop; /* first: the loop's hooks get from it to the worker */
        struct cede__run *run;
        unsigned index;
        struct cede_task native; /* on the thread's own stack; of the first worker: the main task */
        struct cede__trap trap;
        struct cede__watchdog watchdog;
        unsigned callback_pauses; /* how often its end waited for callbacks */

        /* But for the first one: */
        pthread_t thread;
        _Atomic uint32_t started; /* it has entered, with this result */
        int result;
        struct cede__post stop_post; /* lets its native fiber go on, to end */

        /* share.c: what has not started.  Any worker, under the lock bit; the count is atomic. */
        uintptr_t fresh_lock;
        struct cede__fibers fresh;
        atomic_uint fresh_count;
        atomic_bool resting; /* it sleeps, and may be roused to take over something */
        bool rests, roused;  /* its own: it said so; it was, and has not looked yet */

        /* quiet.c; the next five are what it had when it last became dormant. */
        atomic_uint dormant;        /* odd: nothing of its own can wake it; else one more */
        _Atomic int64_t next_timer; /* on a virtual clock, not later than the earliest */
        atomic_uint outside, outside_asleep;
        atomic_bool pools_awake;     /* jobs of pools that it waits for are under way */
        atomic_bool starves;         /* it has tasks for which there was no stack */
        struct cede__post time_post; /* fires the timers that are due */
        atomic_bool time_posted;
        struct cede__post quiet_post; /* tells the first worker that it may be the last one awake */
        atomic_bool quiet_posted;

        /* stop.c */
        struct cede__post stand_post;
        atomic_bool stand_posted, stands;
        bool stands_still; /* of who has stopped the others */

        /* request.c: a stack, pushed to by any worker; and what makes this one look at it. */
        _Atomic(struct cede_task *) requests;
        struct cede__post requests_post;
        atomic_bool requests_posted;

        unsigned joins;          /* tasks that wait for another one's end */
        unsigned owners_closing; /* tasks that wait for their children, and hold a mutex */
        uint64_t last_id;        /* of a task spawned here; the ids of a run go round its workers */
        unsigned workers;        /* like the next constant, and the run's: close at hand */
        unsigned stack_class;
        uint64_t live;      /* tasks whose scopes are of this worker */
        uint64_t peak_live; /* before the last spawns: until a task ends, `live` may be more */

        struct cede_task *free_records;                /* used before; linked through fiber.next */
        struct cede_task *unused_records, *unused_end; /* of the newest chunk */
        struct cede__records *records;                 /* all chunks */
};

static inline struct cede__worker *cede__worker_of(struct cede__loop *loop)
{
        return cede__container_of(loop, struct cede__worker, loop);
}

/* Of this thread; NULL outside of any run. */
static inline struct cede__worker *cede__worker_here(void)
{
        return cede__loop_here ? cede__worker_of(cede__loop_here) : NULL;
}

/* worker.c.  enter, leave: on its thread.  start: -EAGAIN, -ENOMEM; stop waits for its end. */
void cede__worker_init(struct cede__worker *worker, struct cede__run *run, unsigned index,
                       const struct cede__loop_hooks *hooks);
void cede__worker_finish(struct cede__worker *worker);
int cede__worker_enter(struct cede__worker *me);
void cede__worker_leave(struct cede__worker *me);
int cede__worker_start(struct cede__worker *worker);
void cede__worker_stop(struct cede__worker *worker);

/* Whether the run has no other worker. */
static inline bool cede__worker_alone(const struct cede__worker *worker)
{
        return cede__likely(!worker->loop.shared);
}

/*
 * share.c: the task, which waits for nothing any more, is to run, on whichever worker.  The others
 * are the loop's hooks (sched/loop.h).
 */
void cede__share_task(struct cede__worker *here, struct cede_task *task);
bool cede__share_find(struct cede__loop *loop);
bool cede__share_rest(struct cede__loop *loop);
void cede__share_rise(struct cede__loop *loop);
bool cede__share_empty(const struct cede__run *run);

static inline void cede__task_start(struct cede__worker *here, struct cede_task *task)
{
        if (cede__worker_alone(here))
                cede__loop_ready(&here->loop, &task->fiber);
        else
                cede__share_task(here, task);
}

/*
 * quiet.c: nothing of this worker's own can wake it, but for timers of a virtual clock.  True:
 * neither can any other worker; told to the first one only.
 */
bool cede__all_quiet(struct cede__worker *me);
/*
 * All were quiet; on the first worker.  True: they are no more, or there was a timer on a virtual
 * clock, and time has moved on to it.
 */
bool cede__time_passes(struct cede__worker *first);
/* It is woken, and about to look what for. */
void cede__quiet_over(struct cede__worker *me);
void cede__quiet_init(struct cede__worker *worker);

/*
 * stop.c: makes the other workers stand still until `go`; see stands_still.  False: another one is
 * doing so.
 */
bool cede__workers_stop(struct cede__worker *me);
void cede__workers_go(struct cede__worker *me);

/*
 * request.c: what is asked of a task by somebody who may be on another worker.  Bits of
 * task->fiber.requests:
 */
enum {
        CEDE__STARTED = 1, /* fiber.loop is where it runs */
        CEDE__OVER = 2,    /* it has ended there */
        CEDE__QUEUED = 4,  /* it is in the stack there */
        CEDE__CANCEL = 8,
        CEDE__RESORT = 16,    /* its priority has changed */
        CEDE__CANCELLED = 32, /* by cede_task_cancel; read by its scope's worker, at its end */
        CEDE__NAMED = 64,     /* it has been given a name */
};

/* Whether the task is this worker's, so that nothing has to be asked. */
static inline bool cede__task_is_here(const struct cede_task *task)
{
        const struct cede__loop *here = cede__loop_here;

        return here && (!here->shared ||
                        (__atomic_load_n(&task->fiber.requests, __ATOMIC_ACQUIRE) & CEDE__STARTED &&
                         task->fiber.loop == here));
}

void cede__task_request(struct cede_task *task, unsigned char bits);
/* Its worker is about to run it; what was asked before is done now. */
void cede__task_take(struct cede_task *task);
/* It ends: nothing is asked of it any more, and its record is not touched for that. */
void cede__task_close_requests(struct cede__worker *here, struct cede_task *task);
void cede__requests_init(struct cede__worker *worker);

/* record.c: records of tasks.  add: the first of new memory; NULL: there is none. */
struct cede_task *cede__record_add(struct cede__worker *worker);
/* Gives back the record of a task that has, or had, a handle or a name. */
void cede__record_drop(struct cede__worker *worker, struct cede_task *task);

/*
 * A record for a new task, of kind `task`: what is zero in one that has just begun is zero.  NULL
 * without memory.
 *
 * A record that lies free has no waiter, mutexes, name, joiner and place in a limit's queue, as
 * any task at its end; so these need not be cleared.
 */
static inline struct cede_task *cede__record_take(struct cede__worker *worker)
{
        struct cede_task *task = worker->free_records;

        if (cede__unlikely(!task))
                return cede__record_add(worker);
        worker->free_records = (struct cede_task *)(void *)task->fiber.next;
        __builtin_prefetch(worker->free_records, 1);
        __builtin_prefetch((char *)worker->free_records + 64, 1);
        task->fiber.context = NULL;
        task->fiber.party.cell = CEDE__IDLE;
        task->fiber.party.result = 0;
        task->fiber.party.cancel = 0;
        task->fiber.party.priority = 0;
        memset(&task->fiber.stack + 1, 0,
               sizeof(task->fiber) - offsetof(struct cede__fiber, stack) -
                       sizeof(task->fiber.stack));
        return task;
}

static inline void cede__record_give(struct cede__worker *worker, struct cede_task *task)
{
        task->fiber.next = (struct cede__fiber *)(void *)worker->free_records;
        worker->free_records = task;
}

void cede__records_finish(struct cede__worker *worker);
/* Whether there is a task of this run at this address; nothing there is read. */
bool cede__record_of(const struct cede__run *run, const struct cede__party *party);

#endif
