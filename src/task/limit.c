/* SPDX-License-Identifier: MIT */
/*
 * Limit: slots for running tasks.
 *
 * Free slots go first to parents that want theirs back, then to tasks that wait to start.  Whenever
 * a slot becomes free, both queues are served until they are empty or the slots are used up; so a
 * slot is free only while nobody waits, and a newcomer never passes anybody.
 *
 * A task that waits to start stands in the queue with its record (`queued`); a parent, which has a
 * stack, with an ordinary waiter that cannot be cancelled.
 */
#include "task/run.h"
#include <cede/limit.h>
#include <errno.h>

static void serve(struct cede_limit *l)
{
        struct cede__wnode *head;

        while (!l->max || l->used < l->max) {
                if ((head = cede__waitq_head(&l->resumes))) {
                        cede__waitq_grant(&l->resumes, head);
                        l->used++;
                        cede__wait_finish(
                                cede__container_of(head, struct cede__waiter, node)->party, 0);
                } else if ((head = cede__waitq_head(&l->starts))) {
                        struct cede_task *task = cede__container_of(head, struct cede_task, queued);

                        cede__waitq_grant(&l->starts, head);
                        task->waits_to_start = false;
                        l->used++;
                        cede__loop_ready(task->fiber.loop, &task->fiber);
                } else {
                        return;
                }
        }
}

bool cede__limit_admit(struct cede_limit *l, struct cede_task *task)
{
        if (!l->max || l->used < l->max) {
                l->used++;
                return true;
        }
        task->waits_to_start = true;
        cede__waitq_insert(&l->starts, &task->queued, cede__party_rank(&task->fiber.party));
        cede__waitq_stay(&l->starts);
        return false;
}

void cede__limit_release(struct cede_limit *l)
{
        l->used--;
        serve(l);
}

void cede__limit_resort(struct cede_limit *l, struct cede_task *task)
{
        cede__waitq_resort(&l->starts, &task->queued, cede__party_rank(&task->fiber.party));
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
        cede__waitq_insert(&l->resumes, &w->node, cede__party_rank(w->party));
        serve(l);
}

void cede__limit_enlist(struct cede_limit *l, struct cede_scope *s)
{
        s->next_limited = l->scopes;
        s->link_limited = &l->scopes;
        if (l->scopes)
                l->scopes->link_limited = &s->next_limited;
        l->scopes = s;
}

void cede__limit_delist(struct cede_scope *s)
{
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

void cede_limit_stats(const struct cede_limit *l, struct cede_limit_stats *ret_stats)
{
        *ret_stats = (struct cede_limit_stats){ l->used, l->starts.waiting, l->resumes.waiting,
                                                l->starts.peak };
}
