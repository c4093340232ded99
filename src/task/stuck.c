/* SPDX-License-Identifier: MIT */
/*
 * Who is stuck (task/deadlock.h): the search.
 *
 * Being stuck is a greatest fixpoint over a graph in which a party needs ANY of those it waits for
 * to be stuck (one child suffices to keep a scope open), or ALL of them (a slot comes free when any
 * of its holders ends).  It is decided depth first: a party met again on the way down is taken for
 * stuck, which is right if those above it turn out to be, and is dropped with them if not.
 *
 * Circles that stood before, and could not be broken, are not found again: what counts is that the
 * search comes back to the party it began with.  So there are three answers:
 *
 *      MOVES   not stuck
 *      STUCK   stuck, whether or not the first party waits
 *      CLOSES  stuck because the first one waits
 *
 * Parties found stuck are noted in `found`, behind those they wait for; when a party turns out to
 * move, what was noted on its behalf is dropped.
 *
 * All of it is under the lock of the table of edges, and in static memory: a task's stack is small.
 */
#include "task/deadlock.h"
#include "task/run.h"
#include <cede/limit.h>
#include <cede/mutex.h>

enum { DEPTH_MAX = 1024, STEPS_MAX = 10000, CLIMB_MAX = 1000 };

enum verdict { MOVES, STUCK, CLOSES };

/* A party on the path, and where the search stands among those it waits for. */
struct frame {
        struct cede__stuck self;
        struct cede__edge *edge; /* in the table, or NULL: it is a task of this loop */
        struct cede__party *one; /* the only one it waits for; NULL: children, or holders */
        struct cede_limit *limit;
        struct cede_scope *scope;
        struct cede__list *child; /* the next one to look at */
        enum verdict verdict;
        unsigned mark; /* what was found before */
};

static struct frame path[DEPTH_MAX];
static struct cede__stuck found[DEPTH_MAX];
static unsigned depth, found_count, steps;

static uint32_t state_of(const struct cede__party *party)
{
        return __atomic_load_n(&party->cell, __ATOMIC_ACQUIRE) & CEDE__STATE;
}

/* A task that closes a scope, or waits for the slot it lent meanwhile. */
static bool lends(const struct cede_task *t)
{
        const struct cede__waiter *w = t->fiber.party.waiter;

        return w && state_of(&t->fiber.party) == CEDE__FIRM &&
               (w->kind == &cede__wait_for_children || w->kind == &cede__wait_for_slot);
}

static bool holds_slot(const struct cede_task *t)
{
        return !t->fiber.ended && !t->waits_to_start && !lends(t);
}

static void begin_children(struct frame *f, struct cede_scope *s)
{
        f->scope = s;
        f->child = s ? s->children.next : NULL;
}

/* How the party waits.  False: it moves. */
static bool expand(struct frame *f, struct cede__party *p, struct cede_task *t)
{
        struct cede__waiter *w = f->edge ? f->edge->waiter : t ? t->fiber.party.waiter : NULL;

        if (t && t->waits_to_start) {
                f->limit = t->home->limit;
        } else if (!w || (t && state_of(p) == CEDE__WAITING && p->scope->due != CEDE_NEVER)) {
                return false;
        } else if (w->kind->owner) {
                f->one = f->self.owner = w->kind->owner(w);
                if (!f->one || f->one == p)
                        return false; /* over, if it does not know it yet */
        } else if (!t || state_of(p) >= CEDE__CLAIMED) {
                return false;
        } else if (w->kind == &cede__wait_for_task) {
                f->one = &((struct cede_task *)w->object)->fiber.party;
        } else if (w->kind == &cede__wait_for_children) {
                begin_children(f, w->object);
        } else if (w->kind == &cede__wait_for_slot) {
                f->limit = w->object;
        } else {
                return false;
        }
        if (f->limit)
                begin_children(f, f->limit->scopes);
        f->self.waiter = t && t->waits_to_start ? NULL : w;
        return true;
}

static void set_on_path(const struct frame *f, bool on)
{
        if (f->edge)
                f->edge->on_path = on;
        else
                cede__fiber_of(f->self.party)->on_path = on;
}

/* Whether it is a task of this loop; `known`: the caller's loop is where it was come upon. */
static struct cede_task *task_here(struct cede__party *p, bool known)
{
        const struct cede__worker *here = cede__worker_here();

        if (!here || !cede__worker_alone(here))
                return NULL; /* other workers do not stand still */
        return known || cede__record_of(here->run, p) ? cede__task_of(p) : NULL;
}

/* What is known of a party without looking further; -1: nothing, it has been put on the path. */
static int visit(struct cede__party *p, bool known)
{
        struct frame *f = &path[depth];
        struct cede_task *t = NULL;

        if (depth && p == path[0].self.party)
                return CLOSES;
        if (depth == DEPTH_MAX - 1)
                steps = STEPS_MAX;
        if (steps++ >= STEPS_MAX)
                return MOVES;
        *f = (struct frame){ .self.party = p, .edge = cede__edge_find(p), .mark = found_count };
        if (!f->edge)
                t = task_here(p, known);
        if (!f->edge && !t)
                return MOVES;
        if (f->edge ? f->edge->on_path : t->fiber.on_path)
                return STUCK;
        if (!expand(f, p, t))
                return MOVES;
        set_on_path(f, true);
        depth++;
        return -1;
}

/* The next one that the party waits for; NULL: that was all. */
static struct cede__party *next_of(struct frame *f)
{
        struct cede__party *one = f->one;

        if (!f->scope) {
                f->one = NULL;
                return one;
        }
        while (steps < STEPS_MAX && f->scope &&
               !(f->limit && (long)f->self.needs == f->limit->used)) {
                struct cede_task *t = cede__task_of_sibling(f->child);

                steps++;
                if (f->child == &f->scope->children) {
                        begin_children(f, f->limit ? f->scope->next_limited : NULL);
                        continue;
                }
                f->child = f->child->next;
                if (f->limit ? holds_slot(t) : !t->fiber.ended)
                        return &t->fiber.party;
        }
        f->scope = NULL;
        return NULL;
}

/* One of those it waits for is known.  True: so is the party itself. */
static bool learn(struct frame *f, enum verdict v, unsigned found_before)
{
        if (f->limit) {
                f->self.needs++;
                f->verdict = v == MOVES || f->self.needs == 1 || v > f->verdict ? v : f->verdict;
                return v == MOVES;
        }
        if (v > f->verdict) {
                /* The better one takes the place of what was found of another before. */
                for (unsigned i = found_before; f->verdict && i < found_count; i++)
                        found[f->mark + i - found_before] = found[i];
                if (f->verdict)
                        found_count -= found_before - f->mark;
                f->verdict = v;
        } else {
                found_count = found_before;
        }
        return v == CLOSES;
}

/* All is known of the innermost party of the path. */
static enum verdict leave(void)
{
        struct frame *f = &path[--depth];

        set_on_path(f, false);
        if (f->limit && (long)f->self.needs != f->limit->used)
                f->verdict = MOVES; /* a slot is free, or held by somebody who cannot be seen */
        if (found_count == DEPTH_MAX)
                steps = STEPS_MAX;
        if (f->verdict == MOVES || steps >= STEPS_MAX)
                found_count = f->mark;
        else
                found[found_count++] = f->self;
        return f->verdict;
}

bool cede__stuck_is_here(const struct cede__party *p)
{
        return cede__is_task(p) && cede__loop_here && !cede__loop_here->shared &&
               cede__container_of(p, const struct cede__fiber, party)->loop == cede__loop_here;
}

unsigned cede__stuck_search(struct cede__party *me, bool is_here,
                            const struct cede__stuck **ret_stuck)
{
        int verdict;

        depth = found_count = steps = 0;
        verdict = visit(me, is_here);
        while (depth) {
                struct frame *f = &path[depth - 1];
                struct cede__party *next = next_of(f);
                unsigned before = found_count; /* what was found for `next` lies behind this */

                verdict = next ? visit(next, !f->self.owner) : (int)leave();
                if (verdict < 0)
                        continue;
                if (!next)
                        before = f->mark;
                while (depth && learn(&path[depth - 1], (enum verdict)verdict, before)) {
                        verdict = (int)leave();
                        before = path[depth].mark;
                }
        }
        *ret_stuck = found;
        return verdict == CLOSES && steps < STEPS_MAX ? found_count : 0;
}

static unsigned waiting_for(const struct cede__hold *h)
{
        const struct cede_mutex *m = cede__container_of(h, const struct cede_mutex, hold);

        if (h->kind)
                return h->kind->waiting ? h->kind->waiting(h) : 0;
        return __atomic_load_n(&m->q.waiting, __ATOMIC_RELAXED);
}

static bool held_are_awaited(const struct cede__party *p)
{
        for (const struct cede__hold *h = p->held; h; h = h->next)
                if (waiting_for(h))
                        return true;
        return false;
}

bool cede__stuck_possible(struct cede__party *me)
{
        for (int i = 0; i < CLIMB_MAX; i++) {
                const struct cede_task *t;
                const struct cede_limit *l;
                const struct cede__worker *here;

                if (held_are_awaited(me))
                        return true;
                if (!cede__stuck_is_here(me))
                        return false;
                t = cede__task_of(me);
                l = t->home->limit;
                here = cede__worker_of(t->fiber.loop);
                if ((t->fiber.held && t->joiner) || (l && (l->starts.head || l->resumes.head)))
                        return true;
                if (!t->home->closer || t->home->owner == me)
                        return false;
                if (!here->owners_closing && !here->joins)
                        return false; /* nobody waits for those further out */
                me = t->home->owner;
        }
        return false;
}
