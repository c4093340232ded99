/* SPDX-License-Identifier: MIT */
/* The table of edges, what is done about a circle, and the report of it. */
#include "task/deadlock.h"
#include "base/report.h"
#include "task/run.h"
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

enum { BUCKETS = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct cede__edge *buckets[BUCKETS]; /* under lock; by the address of who waits */

static struct cede__edge **bucket(const struct cede__party *party)
{
        return &buckets[(uintptr_t)party / sizeof(struct cede__party) % BUCKETS];
}

static void lock_edges(void)
{
        cede__step("edges", &lock);
        pthread_mutex_lock(&lock);
}

struct cede__edge *cede__edge_find(const struct cede__party *party)
{
        struct cede__edge *edge = *bucket(party);

        while (edge && edge->waiter->party != party)
                edge = edge->next;
        return edge;
}

/* What was found, and what is done about it once the lock has been dropped. */
struct circle {
        const struct cede__stuck *stuck; /* the first one comes last */
        unsigned count;
        struct cede__run *run;      /* the caller's, if all of it stands still */
        struct cede_scope *closing; /* the wait that closed the circle is for its children */
        struct cede__party *victim; /* whose wait was claimed; NULL: nobody's */
        bool cancels;               /* the scope's children, of which the victim is one */
};

static bool is_line(const struct circle *c)
{
        for (unsigned i = 0; i < c->count; i++)
                if (c->stuck[i].needs > 1)
                        return false;
        return true;
}

static void write_wait(struct cede__text *t, const struct cede__stuck *s)
{
        const struct cede__waiter *w = s->waiter;

        cede__text_add(t, "  ");
        cede__party_describe(s->party, t);
        if (!w) {
                cede__text_add(t, ": waits to start, for a slot of limit ");
                cede__limit_describe(cede__task_limit(cede__task_of(s->party)), t);
        } else {
                cede__text_add(t, ": waits for %s ", w->kind->name);
                w->kind->describe(w, t);
                cede__text_add(t, ", at ");
                cede__text_site(t, w->site);
        }
        cede__text_add(t, "\n");
}

static void write_circle(struct cede__text *t, void *arg)
{
        const struct circle *c = arg;
        const struct cede__party *me = c->stuck[c->count - 1].party;

        cede__still = (struct cede__still){ c->run, true };
        cede__text_add(t, "cede: deadlock: %s\n",
                       is_line(c) ? "each of these waits for the next, and the last for the first" :
                                    "each of these waits for others of them, and for nobody else");
        for (unsigned i = c->count; i-- > 0;)
                write_wait(t, &c->stuck[i]);
        if (c->cancels)
                cede__text_add(t, "  the scope's children are cancelled\n");
        else if (!c->victim)
                cede__text_add(t, "  none of these waits can be ended\n");
        if (c->victim && c->victim != me && !c->cancels) {
                cede__text_add(t, "  the wait of ");
                cede__party_describe(c->victim, t);
                cede__text_add(t, " fails\n");
        }
        cede__still = (struct cede__still){ NULL, false };
}

void cede__owner_describe(const struct cede__party *party, struct cede__text *t)
{
        bool locks = !cede__still.edges;

        if (!party || (cede__still.run && cede__record_of(cede__still.run, party))) {
                cede__party_describe(party, t);
                return;
        }
        if (locks)
                pthread_mutex_lock(&lock);
        if (cede__edge_find(party))
                cede__party_describe(party, t);
        else
                cede__text_add(t, "a thread, a callback or another run");
        if (locks)
                pthread_mutex_unlock(&lock);
}

/* (2): whether it still stands.  What tasks of this loop wait for of each other has not changed. */
static bool stands(const struct circle *c)
{
        for (unsigned i = 0; i < c->count; i++) {
                const struct cede__stuck *s = &c->stuck[i];

                if (s->owner && s->waiter->kind->owner(s->waiter) != s->owner)
                        return false;
        }
        return true;
}

static bool can_be_ended(const struct cede__stuck *s)
{
        return s->waiter &&
               (__atomic_load_n(&s->party->cell, __ATOMIC_ACQUIRE) & CEDE__STATE) == CEDE__WAITING;
}

/* Where a party is, seen from the scope that is being closed. */
enum place { OUTSIDE, INSIDE, SHIELDED };

static enum place place_of(const struct circle *c, const struct cede__party *party)
{
        const struct cede_scope *s;
        enum place place = INSIDE;

        if (!c->closing || !c->run || !cede__record_of(c->run, party))
                return OUTSIDE;
        for (s = party->scope; s && s != c->closing; s = s->parent)
                if (s->flags & CEDE_SHIELD_SCOPE)
                        place = SHIELDED;
        return s ? place : OUTSIDE;
}

static struct cede__party *choose(const struct circle *c, enum place place)
{
        for (unsigned i = c->count; i-- > 0;)
                if (can_be_ended(&c->stuck[i]) && place_of(c, c->stuck[i].party) == place)
                        return c->stuck[i].party;
        return NULL;
}

/* (3): claims a wait.  False: that was lost, so the circle is no more. */
static bool claim_one(struct circle *c)
{
        c->victim = choose(c, INSIDE);
        c->cancels = c->victim != NULL;
        if (!c->victim)
                c->victim = choose(c, OUTSIDE);
        return !c->victim || cede__claim_now(c->victim, CEDE__WAITING);
}

/* Under the lock. */
static void look(struct circle *c, struct cede__party *me, bool is_here)
{
        const struct cede__worker *here = cede__worker_here();

        c->run = here && cede__worker_alone(here) ? here->run : NULL;
        c->count = cede__stuck_search(me, is_here, &c->stuck);
        if (!c->count || !stands(c) || !claim_one(c))
                c->count = 0;
        else
                cede__report(STDERR_FILENO, write_circle, c);
}

/* Without the lock.  True: it is the caller's own wait that is to fail. */
static bool carry_out(const struct circle *c, const struct cede__party *me)
{
        struct cede_scope *s = c->closing;

        if (!c->count || c->victim == me)
                return c->count > 0;
        if (c->cancels) {
                if (!s->error)
                        s->error = -EDEADLK;
                cede__cancel_scope(s, -ECANCELED); /* passes over the one that was claimed */
        }
        if (c->victim)
                cede__wait_end(c->victim, c->cancels ? -ECANCELED : -EDEADLK);
        return false;
}

/* Under the lock. */
static void insert(struct cede__edge *edge, struct cede__waiter *w)
{
        *edge = (struct cede__edge){ *bucket(w->party), w, false };
        *bucket(w->party) = edge;
}

bool cede__edge_enter(struct cede__edge *edge, struct cede__waiter *w)
{
        struct circle circle = { 0 };
        struct cede__party *me = w->party;
        uint32_t state = __atomic_load_n(&me->cell, __ATOMIC_RELAXED) & CEDE__STATE;

        edge->waiter = NULL;
        if (state == CEDE__WAITING && me->scope->due != CEDE_NEVER)
                return false;
        /* Who holds nothing is waited for by tasks of its own loop only. */
        if (!me->held && !cede__stuck_possible(me))
                return false;
        lock_edges();
        if (me->held)
                insert(edge, w);
        /* Asked under the lock: who comes to wait for it after this finds the edge. */
        if (cede__stuck_possible(me))
                look(&circle, me, cede__stuck_is_here(me));
        pthread_mutex_unlock(&lock);
        return carry_out(&circle, me);
}

struct cede__moved cede__edge_enter_moved(struct cede__edge *edge, struct cede__waiter *w,
                                          bool holds_others)
{
        struct cede__moved moved = { w->party, cede__stuck_is_here(w->party) };

        if (holds_others) {
                lock_edges();
                insert(edge, w);
                pthread_mutex_unlock(&lock);
        } else if (!moved.is_here || !cede__stuck_possible(w->party)) {
                moved.party = NULL;
        }
        return moved;
}

void cede__edge_look_moved(struct cede__moved moved)
{
        struct circle circle = { 0 };

        if (!moved.party)
                return;
        lock_edges();
        look(&circle, moved.party, moved.is_here);
        pthread_mutex_unlock(&lock);
        (void)carry_out(&circle, moved.party);
}

void cede__edge_leave(struct cede__edge *edge)
{
        struct cede__edge **link;

        if (!edge->waiter)
                return;
        lock_edges();
        link = bucket(edge->waiter->party);
        while (*link != edge)
                link = &(*link)->next;
        *link = edge->next;
        pthread_mutex_unlock(&lock);
}

static bool look_and_act(struct circle *c, struct cede__party *me)
{
        if (!cede__stuck_possible(me))
                return false;
        lock_edges();
        look(c, me, cede__stuck_is_here(me));
        pthread_mutex_unlock(&lock);
        return carry_out(c, me);
}

bool cede__deadlock_look(struct cede__party *me)
{
        struct circle circle = { 0 };

        return look_and_act(&circle, me);
}

void cede__deadlock_look_closing(struct cede_scope *s)
{
        struct circle circle = { .closing = s };

        (void)look_and_act(&circle, s->owner);
}
