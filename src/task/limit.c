/* SPDX-License-Identifier: MIT */
/*
 * Limit: slots for running tasks.
 *
 * Free slots go first to parents that want theirs back, then to tasks that wait to start.  Whenever
 * a slot becomes free, both queues are served until they are empty or the slots are used up; so a
 * slot is free only while nobody waits, and a newcomer never passes anybody.  With several workers
 * all of that happens under a lock, and those served are woken and started after it was dropped.
 *
 * A task that waits to start stands in the queue with its record (`queued`); a parent, which has a
 * stack, with an ordinary waiter that cannot be cancelled.
 */
#include "base/spin.h"
#include "task/run.h"
#include <cede/limit.h>
#include <errno.h>

static void lock(struct cede_limit *l)
{
        if (cede__loop_here && cede__loop_here->shared)
                cede__spin_lock(&l->lock, 1);
}

static void unlock(struct cede_limit *l)
{
        if (cede__loop_here && cede__loop_here->shared)
                cede__spin_unlock(&l->lock, 0);
}

/* The fibers that got a slot; linked through `next`, which they do not need yet. */
static void start_all(const struct cede__fibers *starts)
{
        for (struct cede__fiber *fiber = starts->first; fiber;) {
                struct cede__fiber *next = fiber->next;

                cede__task_start(cede__worker_here(),
                                 cede__container_of(fiber, struct cede_task, fiber));
                fiber = next;
        }
}

/* Under the lock: gives the free slots away. */
static void serve(struct cede_limit *l, struct cede__grants *resumes, struct cede__fibers *starts)
{
        struct cede__wnode *head;

        while (!l->max || l->used < l->max) {
                cede__step("serve limit", l);
                if ((head = cede__waitq_head(&l->resumes))) {
                        cede__waitq_grant(&l->resumes, head);
                        l->used++;
                        cede__grants_add(resumes,
                                         cede__container_of(head, struct cede__waiter, node));
                } else if ((head = cede__waitq_head(&l->starts))) {
                        struct cede_task *task = cede__container_of(head, struct cede_task, queued);

                        cede__waitq_grant(&l->starts, head);
                        task->waits_to_start = false;
                        l->used++;
                        cede__fibers_push(starts, &task->fiber);
                } else {
                        return;
                }
        }
}

/* Some slots less are used, or one more parent (NULL: none) wants its own. */
static void change(struct cede_limit *l, long released, struct cede__waiter *resume)
{
        struct cede__grants resumes = CEDE__GRANTS_INIT(resumes);
        struct cede__fibers starts;

        cede__fibers_init(&starts);
        lock(l);
        l->used -= released;
        if (resume)
                cede__waitq_insert(&l->resumes, &resume->node, cede__party_rank(resume->party));
        serve(l, &resumes, &starts);
        unlock(l);
        cede__grants_finish(&resumes, 0);
        start_all(&starts);
}

bool cede__limit_admit(struct cede_limit *l, struct cede_task *task)
{
        bool admitted;

        lock(l);
        admitted = !l->max || l->used < l->max;
        if (admitted) {
                l->used++;
        } else {
                task->waits_to_start = true;
                cede__waitq_insert(&l->starts, &task->queued, cede__party_rank(&task->fiber.party));
                cede__waitq_stay(&l->starts);
        }
        unlock(l);
        return admitted;
}

void cede__limit_release(struct cede_limit *l)
{
        change(l, 1, NULL);
}

void cede__limit_resort(struct cede_limit *l, struct cede_task *task)
{
        lock(l);
        if (task->waits_to_start)
                cede__waitq_resort(&l->starts, &task->queued, cede__party_rank(&task->fiber.party));
        unlock(l);
}

void cede__limit_describe(const struct cede_limit *l, struct cede__text *t)
{
        cede__text_add(t, "%s (%ld of %ld slots in use, %u resuming, %u starting)",
                       l->name ? l->name : "unnamed", l->used, l->max, l->resumes.waiting,
                       l->starts.waiting);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        cede__limit_describe(w->object, t);
}

const struct cede__waitable cede__wait_for_slot = { "its slot of limit", NULL, NULL, describe,
                                                    NULL };

void cede__limit_resume(struct cede_limit *l, struct cede__waiter *w)
{
        w->kind = &cede__wait_for_slot;
        w->object = l;
        change(l, 0, w);
}

void cede__limit_enlist(struct cede_limit *l, struct cede_scope *s)
{
        if (cede__loop_here->shared)
                return; /* such circles are not looked for there */
        s->next_limited = l->scopes;
        s->link_limited = &l->scopes;
        if (l->scopes)
                l->scopes->link_limited = &s->next_limited;
        l->scopes = s;
}

void cede__limit_delist(struct cede_scope *s)
{
        if (cede__loop_here->shared)
                return;
        *s->link_limited = s->next_limited;
        if (s->next_limited)
                s->next_limited->link_limited = s->link_limited;
}

int cede_limit_init(struct cede_limit *l, long max, enum cede_order order)
{
        if (max < 0 || !cede__waitq_order_valid(order))
                return -EINVAL;
        *l = (struct cede_limit){ .max = max };
        cede__waitq_init(&l->starts, order);
        return 0;
}

void cede_limit_finish(struct cede_limit *l)
{
        if (l->used || l->starts.head || l->resumes.head)
                cede__die("limit %s is finished while tasks hold or await its slots; close the "
                          "scopes that use it first",
                          l->name ? l->name : "unnamed");
}

void cede_limit_set_name(struct cede_limit *l, const char *name)
{
        l->name = name;
}

void cede_limit_set_seed(struct cede_limit *l, uint64_t seed)
{
        l->starts.seed = seed;
}

void cede_limit_stats(struct cede_limit *l, struct cede_limit_stats *ret_stats)
{
        lock(l);
        *ret_stats = (struct cede_limit_stats){ l->used, l->starts.waiting, l->resumes.waiting,
                                                l->starts.peak };
        unlock(l);
}
