/* SPDX-License-Identifier: MIT */
#include "sync/deadlock.h"
#include "base/report.h"
#include "sync/mutex.h"
#include "task/task.h"
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

enum { BUCKETS = 64, CIRCLE_MAX = 1000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct cede__edge *buckets[BUCKETS]; /* under lock; by the address of who waits */

static struct cede__edge **bucket(const struct cede__party *party)
{
        return &buckets[(uintptr_t)party / sizeof(struct cede__party) % BUCKETS];
}

/* Whether the wait has not been ended: neither granted, nor nudged, nor taken back (then IDLE). */
static bool waits(const struct cede__edge *edge)
{
        uint32_t cell = __atomic_load_n(&edge->waiter->party->cell, __ATOMIC_ACQUIRE) & CEDE__STATE;

        return cell == CEDE__WAITING || cell == CEDE__FIRM;
}

/* How the party at this address waits; NULL: not for a mutex, or not for ever. */
static struct cede__edge *find(const struct cede__party *party)
{
        struct cede__edge *edge = *bucket(party);

        while (edge && edge->waiter->party != party)
                edge = edge->next;
        return edge && waits(edge) ? edge : NULL;
}

/* Whether `owner` is a task that waits for the end of children, of which `me` is one, or below. */
static bool waits_for_descendant(const struct cede__party *owner, struct cede__party *me)
{
        const struct cede_task *t = cede__is_task(me) ? cede__task_of(me) : NULL;

        while (t && t->home->owner != &t->fiber.party) {
                const struct cede__party *parent = t->home->owner;

                if (parent == owner)
                        return t->home->closer != NULL;
                t = cede__task_of(t->home->owner);
        }
        return false;
}

/* Round the circle again, from the wait that closes it; it stands still, under the lock. */
static void write_circle(struct cede__text *t, void *arg)
{
        const struct cede__edge *edge = arg;
        const struct cede__party *me = edge->waiter->party;

        cede__text_add(t, "cede: deadlock: each of these waits for the next, and the last for the "
                          "first\n");
        for (int n = 0; edge && n < CIRCLE_MAX; n++) {
                const struct cede__waiter *w = edge->waiter;
                const struct cede__party *next = cede__mutex_owner(edge->mutex);

                cede__text_add(t, "  ");
                cede__party_describe(w->party, t);
                cede__text_add(t, ": waits for %s ", w->kind->name);
                w->kind->describe(w, t);
                cede__text_add(t, ", at ");
                cede__text_site(t, w->site);
                cede__text_add(t, "\n");
                if (next == me)
                        break;
                edge = find(next);
                if (!edge) {
                        cede__text_add(t, "  ");
                        cede__party_describe(next, t);
                        cede__text_add(t, ": waits for the end of its children\n");
                }
        }
}

static bool closes_circle(struct cede__edge *edge, struct cede__party *me)
{
        for (int n = 0; edge && n < CIRCLE_MAX; n++) {
                struct cede__party *owner = cede__mutex_owner(edge->mutex);

                if (owner == me)
                        return true;
                edge = owner ? find(owner) : NULL;
                if (!edge)
                        return owner && waits_for_descendant(owner, me);
        }
        return false;
}

void cede__edge_enter(struct cede__edge *edge, struct cede__waiter *waiter, struct cede_mutex *m)
{
        struct cede__party *me = waiter->party;

        edge->waiter = NULL;
        if (me->scope->due != CEDE_NEVER)
                return;
        edge->waiter = waiter;
        edge->mutex = m;
        cede__step("edges", &lock);
        pthread_mutex_lock(&lock);
        edge->next = *bucket(me);
        *bucket(me) = edge;
        pthread_mutex_unlock(&lock);
}

bool cede__edge_closes(struct cede__edge *edge)
{
        struct cede__party *me;
        bool claimed = false;

        if (!edge->waiter)
                return false;
        me = edge->waiter->party;
        cede__step("edges", &lock);
        pthread_mutex_lock(&lock);
        if (waits(edge) && closes_circle(edge, me)) {
                cede__report(STDERR_FILENO, write_circle, edge);
                claimed = cede__claim_now(me, CEDE__WAITING);
        }
        pthread_mutex_unlock(&lock);
        return claimed;
}

void cede__edge_leave(struct cede__edge *edge)
{
        struct cede__edge **link;

        if (!edge->waiter)
                return;
        cede__step("edges", &lock);
        pthread_mutex_lock(&lock);
        link = bucket(edge->waiter->party);
        while (*link != edge)
                link = &(*link)->next;
        *link = edge->next;
        pthread_mutex_unlock(&lock);
}
