/* SPDX-License-Identifier: MIT */
/*
 * The threads of a run but for the first, which called cede_run: from their start to their end.
 *
 * Such a thread's native stack is a fiber that waits for one thing only, to be stopped.  While it
 * waits, the loop runs tasks, like under any fiber that waits.
 */
#include "base/futex.h"
#include "base/thread.h"
#include "task/run.h"
#include <errno.h>
#include <signal.h>

static void stop_posted(struct cede__post *post)
{
        struct cede__worker *me = cede__container_of(post, struct cede__worker, stop_post);

        cede__loop_ready(&me->loop, &me->native.fiber);
}

void cede__worker_init(struct cede__worker *worker, struct cede__run *run, unsigned index,
                       const struct cede__loop_hooks *hooks)
{
        worker->run = run;
        worker->index = index;
        worker->last_id = index ? index : run->workers; /* the main task counts */
        worker->workers = run->workers;
        worker->stack_class = run->stack_class;
        cede__loop_init(&worker->loop, hooks, run->options.clock == CEDE_CLOCK_VIRTUAL);
        worker->loop.shared = run->workers > 1;
        cede__fibers_init(&worker->fresh);
        cede__requests_init(worker);
        cede__quiet_init(worker);
        worker->stop_post.run = stop_posted;
        worker->native.fiber.party.kind = &cede__task_party;
        worker->native.fiber.loop = &worker->loop;
        worker->native.home = worker->native.fiber.party.scope = &run->root;
        worker->native.fiber.requests = CEDE__STARTED; /* as if cede__task_run had begun it */
        worker->native.name = "worker";
}

/* What a thread needs while it is a worker. */
int cede__worker_enter(struct cede__worker *me)
{
        sigset_t urgent;
        int r = 0;

        if (!cede__trap_enter(&me->trap, cede__run_explain_fault))
                return -ENOMEM;
        cede__loop_enter(&me->loop, &me->native.fiber);
        if (me->run->options.watchdog) {
                sigemptyset(&urgent);
                sigaddset(&urgent, SIGURG); /* the library's threads block all */
                pthread_sigmask(SIG_UNBLOCK, &urgent, NULL);
                r = cede__watchdog_start(&me->watchdog, &me->loop, me->run->options.watchdog);
        }
        if (r < 0) {
                cede__loop_leave();
                cede__trap_leave(&me->trap);
        }
        return r;
}

void cede__worker_leave(struct cede__worker *me)
{
        if (me->run->options.watchdog)
                cede__watchdog_stop(&me->watchdog);
        cede__loop_leave();
        cede__trap_leave(&me->trap);
}

static void *work(void *arg)
{
        struct cede__worker *me = arg;

        me->result = cede__worker_enter(me);
        atomic_store(&me->started, 1);
        cede__futex_wake(&me->started);
        if (me->result < 0)
                return NULL;
        cede__loop_suspend(&me->native.fiber); /* until it is stopped */
        cede__run_drain(me);
        cede__worker_leave(me);
        return NULL;
}

void cede__worker_stop(struct cede__worker *worker)
{
        cede__loop_post(&worker->loop, &worker->stop_post);
        cede__thread_join(worker->thread, worker);
}

int cede__worker_start(struct cede__worker *worker)
{
        int r;

        r = cede__thread_start(&worker->thread, "cede-worker", work, worker);
        if (r == 0)
                while (!atomic_load(&worker->started))
                        cede__futex_wait(&worker->started, 0, CEDE_NEVER);
        if (r == 0 && worker->result < 0) {
                cede__thread_join(worker->thread, worker);
                r = worker->result;
        }
        return r;
}

void cede__worker_finish(struct cede__worker *worker)
{
        cede__loop_finish(&worker->loop);
        cede__records_finish(worker);
}
