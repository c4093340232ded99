/* SPDX-License-Identifier: MIT */
/*
 * Tracked readers of a read-write lock.
 *
 * Each party has, in the list of what it holds, an entry for each tracked lock that it reads.  Only
 * the party itself touches it, when its own calls return, so nothing here is shared but a count: of
 * readings without an entry, for which there was no memory, or that are a callback's.
 */
#include "base/alloc.h"
#include "base/report.h"
#include "sync/rwlock.h"
#include "task/task.h"
#include <unistd.h>

struct reading {
        struct cede__hold hold;
        struct cede_rwlock *lock;
        unsigned long count; /* how often at once; at least 1 */
};

static void abandon(struct cede__hold *hold, struct cede__party *me)
{
        struct reading *reading = cede__container_of(hold, struct reading, hold);
        struct cede_rwlock *l = reading->lock;
        unsigned long count = reading->count;

        cede__free(reading);
        cede__rwlock_report_end(l, me, "which it reads");
        while (count-- && cede__rwlock_end_reading(l))
                ;
}

static const struct cede__hold_kind reading_kind = { abandon, NULL };

static struct reading *find(const struct cede_rwlock *l, const struct cede__party *me)
{
        for (struct cede__hold *h = me->held; h; h = h->next) {
                struct reading *reading = cede__container_of(h, struct reading, hold);

                if (h->kind == &reading_kind && reading->lock == l)
                        return reading;
        }
        return NULL;
}

bool cede__rwlock_reads(const struct cede_rwlock *l, const struct cede__party *me)
{
        return find(l, me) != NULL;
}

void cede__rwlock_track_nobody(struct cede_rwlock *l)
{
        __atomic_fetch_add(&l->untracked, 1, __ATOMIC_RELAXED);
}

void cede__rwlock_track(struct cede_rwlock *l, struct cede__party *me)
{
        struct reading *reading = find(l, me);

        if (!reading && (reading = cede__alloc(sizeof(*reading)))) {
                *reading = (struct reading){ { me->held, &reading_kind }, l, 0 };
                me->held = &reading->hold;
        }
        if (reading)
                reading->count++;
        else
                cede__rwlock_track_nobody(l);
}

bool cede__rwlock_untrack(struct cede_rwlock *l, struct cede__party *me)
{
        struct reading *reading = find(l, me);
        unsigned n = __atomic_load_n(&l->untracked, __ATOMIC_RELAXED);

        if (reading) {
                if (--reading->count)
                        return true;
                cede__hold_remove(&me->held, &reading->hold);
                cede__free(reading);
                return true;
        }
        while (n && !__atomic_compare_exchange_n(&l->untracked, &n, n - 1, true, __ATOMIC_RELAXED,
                                                 __ATOMIC_RELAXED))
                ;
        return n > 0;
}

static const char *name_of(const struct cede_rwlock *l)
{
        return l->name ? l->name : "(unnamed)";
}

struct recursion {
        const struct cede_rwlock *lock;
        const struct cede__party *party;
        const void *site;
};

static void write_recursion(struct cede__text *t, void *arg)
{
        const struct recursion *recursion = arg;

        cede__text_add(t, "cede: deadlock: ");
        cede__party_describe(recursion->party, t);
        cede__text_add(t, " reads read-write lock %s and wants to read it once more, at ",
                       name_of(recursion->lock));
        cede__text_site(t, recursion->site);
        cede__text_add(t, ", behind a writer that waits for it\n");
}

void cede__rwlock_report_recursion(const struct cede_rwlock *l, const struct cede__party *me,
                                   const void *site)
{
        struct recursion recursion = { l, me, site };

        cede__report(STDERR_FILENO, write_recursion, &recursion);
}

void cede__rwlock_report_end(const struct cede_rwlock *l, const struct cede__party *me,
                             const char *what)
{
        struct cede__text t;

        cede__text_open(&t, STDERR_FILENO);
        cede__text_add(&t, "cede: ");
        cede__party_describe(me, &t);
        cede__text_add(&t, " ends without unlocking read-write lock %s, %s\n", name_of(l), what);
}
