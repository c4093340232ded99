/* SPDX-License-Identifier: MIT */
/*
 * Cancelling a scope, from anywhere.
 *
 * A task's scopes are changed on its loop only.  So a cancel from another thread is posted there,
 * with the post that every scope carries, at most once.  A closing scope waits until it has
 * arrived:
 *
 *      remote_state:   IDLE --the first canceller--> SENT --the loop has carried it out--> DONE
 *
 * A plain thread's scopes are changed under its lock, by whoever cancels.
 */
#include "base/spin.h"
#include "task/run.h"
#include <errno.h>
#include <sched.h>

enum { IDLE, SENT, DONE };

static void arrive(struct cede__post *post)
{
        struct cede_scope *s = cede__container_of(post, struct cede_scope, remote);

        cede__cancel_scope(s, -ECANCELED);
        __atomic_store_n(&s->remote_state, DONE, __ATOMIC_RELAXED);
}

void cede__scope_remote_settle(struct cede_scope *s)
{
        uint32_t idle = IDLE;

        cede__step("settle", &s->remote_state);
        /* Nobody sends one any more; and between SENT and the post its sender needs a moment. */
        if (__atomic_compare_exchange_n(&s->remote_state, &idle, DONE, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_ACQUIRE))
                return;
        while (__atomic_load_n(&s->remote_state, __ATOMIC_ACQUIRE) == SENT) {
                if (cede__controlled())
                        cede__spin_wait((uintptr_t *)&cede__loop_here->knock, 0);
                else
                        sched_yield();
                cede__loop_poll(cede__loop_here);
        }
}

void cede_scope_cancel(struct cede_scope *s)
{
        struct cede__party *owner;
        uint32_t idle = IDLE;

        if (!s && !cede__run_here())
                cede__die("cede_scope_cancel(NULL) means the run, and there is none here");
        if (!s)
                s = &cede__run_here()->root;
        owner = s->owner;
        if (!owner)
                cede__die("a scope is cancelled that is closed");
        if (!cede__is_task(owner)) {
                struct cede__party *claimed = NULL;

                cede__scopes_lock(owner);
                if (s->owner) /* not closed just now */
                        claimed = cede__cancel_scope(s, -ECANCELED);
                cede__scopes_unlock(owner);
                if (claimed)
                        cede__wait_end(claimed, cede__cancelled(claimed));
        } else if (cede__fiber_of(owner)->loop == cede__loop_here) {
                cede__cancel_scope(s, -ECANCELED);
        } else if (__atomic_compare_exchange_n(&s->remote_state, &idle, SENT, false,
                                               __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
                s->remote.run = arrive;
                cede__loop_post(cede__fiber_of(owner)->loop, &s->remote);
        }
}
