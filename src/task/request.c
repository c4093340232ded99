/* SPDX-License-Identifier: MIT */
/*
 * What is asked of a task that may run on another worker: to be cancelled, to be sorted anew.
 *
 *      whoever asks                            the worker that takes it, and runs it
 *      --------------------------------------  --------------------------------------------
 *      requests |= CANCEL
 *                                              loop = mine; requests |= STARTED
 *        not STARTED: that is all                CANCEL is set: cancelled from the start
 *      or
 *                                              loop = mine; requests |= STARTED
 *      requests |= CANCEL, and QUEUED if it
 *        is STARTED and not QUEUED; then
 *        pushes it, and posts                  takes the stack; QUEUED off; does what is asked
 *
 * All of them change one atomic byte, so either the start sees the request, or who asks sees the
 * start.
 *
 * The end.  Whoever finds OVER pushes nothing.  A task that has ended sets it, waits until no push
 * is under way (QUEUED, but perhaps not in the stack yet), and serves the stack.  From then on only
 * its scope's worker, and who has its handle, know it.
 */
#include "base/spin.h"
#include "task/run.h"
#include <errno.h>

static unsigned char add(struct cede_task *task, unsigned char bits)
{
        cede__step("add to requests", &task->fiber.requests);
        return __atomic_fetch_or(&task->fiber.requests, bits, __ATOMIC_ACQ_REL);
}

static void serve_one(struct cede_task *task)
{
        unsigned char asked;

        cede__step("serve", &task->fiber.requests);
        asked = __atomic_fetch_and(&task->fiber.requests,
                                   (unsigned char)~(CEDE__QUEUED | CEDE__RESORT), __ATOMIC_ACQ_REL);
        if (asked & CEDE__OVER)
                return;
        if (asked & CEDE__RESORT)
                cede__wait_resort(&task->fiber.party);
        if (asked & CEDE__CANCEL)
                cede__cancel_task_here(task);
}

static void serve(struct cede__worker *worker)
{
        struct cede_task *task;

        cede__step("take requests", &worker->requests);
        task = atomic_exchange(&worker->requests, NULL);
        while (task) {
                struct cede_task *next = task->request;

                serve_one(task); /* from here on it may be pushed again */
                task = next;
        }
}

static void arrive(struct cede__post *post)
{
        struct cede__worker *worker = cede__container_of(post, struct cede__worker, requests_post);

        atomic_store(&worker->requests_posted, false); /* before: what comes now posts again */
        serve(worker);
}

void cede__requests_init(struct cede__worker *worker)
{
        worker->requests_post.run = arrive;
}

static void push(struct cede_task *task)
{
        struct cede__worker *worker = cede__worker_of(task->fiber.loop);

        cede__step("push", &worker->requests);
        task->request = atomic_load(&worker->requests);
        while (!atomic_compare_exchange_weak(&worker->requests, &task->request, task))
                ;
        /* The task may be gone now, but not the worker. */
        cede__step("post requests", &worker->requests_posted);
        if (!atomic_exchange(&worker->requests_posted, true))
                cede__loop_post(&worker->loop, &worker->requests_post);
}

void cede__task_request(struct cede_task *task, unsigned char bits)
{
        unsigned char seen = __atomic_load_n(&task->fiber.requests, __ATOMIC_RELAXED), want;
        bool pushes;

        do {
                cede__step("request", &task->fiber.requests);
                pushes = (seen & (CEDE__STARTED | CEDE__OVER | CEDE__QUEUED)) == CEDE__STARTED;
                want = (unsigned char)(seen | bits | (pushes ? CEDE__QUEUED : 0));
        } while (!__atomic_compare_exchange_n(&task->fiber.requests, &seen, want, true,
                                              __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
        if (pushes)
                push(task);
}

void cede__task_take(struct cede_task *task)
{
        if (add(task, CEDE__STARTED) & CEDE__CANCEL) {
                task->fiber.base_cancel = true;
                task->fiber.party.cancel = -ECANCELED;
        }
}

void cede__task_close_requests(struct cede__worker *here, struct cede_task *task)
{
        add(task, CEDE__OVER);
        while (__atomic_load_n(&task->fiber.requests, __ATOMIC_ACQUIRE) & CEDE__QUEUED) {
                if (atomic_load(&here->requests))
                        serve(here);
                else
                        cede__spin_wait((uintptr_t *)&here->requests, 0);
        }
}
