/* SPDX-License-Identifier: MIT */
/*
 * Lock-order check.
 *
 * A directed graph of classes: an arrow from A to B says that B was locked by somebody who held A,
 * and where.  Before an arrow A -> B is added, a way from B to A is looked for; if there is one,
 * the new arrow would close a circle, and that is the inversion.  The arrow is added all the same,
 * so that it is reported once.
 *
 * All of it is under one lock, taken only by those who lock a mutex while they hold another one.
 */
#include "sync/lock_order.h"
#include "base/alloc.h"
#include "base/report.h"
#include <cede/lock_order.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct arrow {
        struct arrow *next;
        struct cede__lock_class *to;
        const void *from_site, *to_site; /* where the two were locked */
};

struct cede__lock_class {
        struct cede__lock_class *next;
        const void *origin; /* the call that initialised it, or the mutex itself */
        unsigned level;
        const char *name; /* of one of its mutexes */
        struct arrow *arrows;
        unsigned search;                /* the last one that came here */
        struct cede__lock_class *later; /* in its queue */
};

bool cede__lock_order_on;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct cede__lock_class *classes; /* under lock, like all that it leads to */
static unsigned searches, inversions;

/* NULL: no memory; then nothing is learned of it. */
static struct cede__lock_class *class_of(const struct cede_mutex *m)
{
        const void *origin = m->origin ? m->origin : m;
        struct cede__lock_class *c = classes;

        while (c && (c->origin != origin || c->level != m->level))
                c = c->next;
        if (!c && (c = cede__alloc(sizeof(*c)))) {
                c->origin = origin;
                c->level = m->level;
                c->name = m->name;
                c->next = classes;
                classes = c;
        }
        return c;
}

static struct arrow *arrow_to(const struct cede__lock_class *from,
                              const struct cede__lock_class *to)
{
        struct arrow *a = from->arrows;

        while (a && a->to != to)
                a = a->next;
        return a;
}

/*
 * The last arrow of a shortest way from one class to another; NULL: there is none.  Breadth first,
 * in a queue through the classes: a task's stack is small.
 */
static struct arrow *search(struct cede__lock_class *from, const struct cede__lock_class *to)
{
        struct cede__lock_class *last = from;

        from->search = ++searches;
        from->later = NULL;
        for (; from; from = from->later)
                for (struct arrow *a = from->arrows; a; a = a->next) {
                        if (a->to == to)
                                return a;
                        if (a->to->search == searches)
                                continue;
                        a->to->search = searches;
                        a->to->later = NULL;
                        last = last->later = a->to;
                }
        return NULL;
}

static void describe(struct cede__text *t, const struct cede__lock_class *c)
{
        cede__text_add(t, "%s", c->name ? c->name : "unnamed");
        if (c->level)
                cede__text_add(t, " (level %u)", c->level);
}

struct inversion {
        const struct cede__lock_class *held, *locked;
        const void *held_site, *locked_site;
        const struct arrow *opposite; /* NULL: they are of one class */
};

static void write_inversion(struct cede__text *t, void *arg)
{
        const struct inversion *inversion = arg;

        cede__text_add(t, "cede: lock order: mutex ");
        describe(t, inversion->locked);
        cede__text_add(t, " is locked at ");
        cede__text_site(t, inversion->locked_site);
        cede__text_add(t, ", holding ");
        describe(t, inversion->held);
        cede__text_add(t, ", locked at ");
        cede__text_site(t, inversion->held_site);
        if (!inversion->opposite) {
                cede__text_add(t, "; both are of one class, and their levels do not ascend\n");
                return;
        }
        cede__text_add(t, ";\n  the opposite order was used at ");
        cede__text_site(t, inversion->opposite->from_site);
        cede__text_add(t, " and then ");
        cede__text_site(t, inversion->opposite->to_site);
        cede__text_add(t, "\n");
}

static void add(struct cede__lock_class *held, const void *held_site,
                struct cede__lock_class *locked, const void *locked_site)
{
        struct inversion inversion = { held, locked, held_site, locked_site, NULL };
        bool descends = held->origin == locked->origin && held->level >= locked->level;
        struct arrow *arrow;

        if (arrow_to(held, locked))
                return;
        if (!descends)
                inversion.opposite = search(locked, held);
        if (descends || inversion.opposite) {
                inversions++;
                cede__report(STDERR_FILENO, write_inversion, &inversion);
        }
        arrow = cede__alloc(sizeof(*arrow));
        if (!arrow)
                return;
        *arrow = (struct arrow){ held->arrows, locked, held_site, locked_site };
        held->arrows = arrow;
}

void cede__lock_order_note(struct cede_mutex *m, const struct cede__hold *held, const void *site)
{
        struct cede__lock_class *mine;

        m->site = site;
        if (!held)
                return;
        pthread_mutex_lock(&lock);
        mine = cede__lock_order_on ? class_of(m) : NULL; /* may have been switched off just now */
        for (; mine && held; held = held->next) {
                const struct cede_mutex *other =
                        cede__container_of(held, const struct cede_mutex, hold);
                struct cede__lock_class *before = held->kind ? NULL : class_of(other);

                if (before)
                        add(before, other->site, mine, site);
        }
        pthread_mutex_unlock(&lock);
}

static void forget(void)
{
        while (classes) {
                struct cede__lock_class *c = classes;

                while (c->arrows) {
                        struct arrow *a = c->arrows;

                        c->arrows = a->next;
                        cede__free(a);
                }
                classes = c->next;
                cede__free(c);
        }
}

void cede_lock_order_check(bool on)
{
        pthread_mutex_lock(&lock);
        __atomic_store_n(&cede__lock_order_on, on, __ATOMIC_RELAXED);
        if (!on)
                forget();
        pthread_mutex_unlock(&lock);
}

unsigned cede_lock_order_inversions(void)
{
        unsigned n;

        pthread_mutex_lock(&lock);
        n = inversions;
        pthread_mutex_unlock(&lock);
        return n;
}

void cede_mutex_set_level(struct cede_mutex *m, unsigned level)
{
        m->level = level;
}

static __attribute__((constructor)) void ask_the_environment(void)
{
        const char *value = getenv("CEDE_LOCK_ORDER");

        if (value && *value && *value != '0')
                cede_lock_order_check(true);
}
