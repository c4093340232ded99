/* SPDX-License-Identifier: MIT */
/*
 * Read-write lock.
 *
 * The word is 0, or the writing party's address, or, with READING, how many read; and two flags:
 *
 *      LOCKED   somebody works on the queues
 *      QUEUED   somebody waits: who unlocks last has to look, and only a reader may pass, if
 *               readers go first and others read already
 *
 * Without flags, locking and unlocking are one compare-and-swap each.
 *
 *  (1) Under the lock bit, before it is dropped, everyone who is next and fits is granted
 *      (`grant`).  Anybody fits a free lock, so a lock that is free has no waiters: QUEUED is never
 *      seen beside 0.
 *  (2) What makes room for somebody who waits is the last reader's leaving, the writer's, a
 *      downgrade, and a waiter's leaving or change of rank: all of these go through (1).  A reader
 *      who is not the last makes room for nobody, and leaves by compare-and-swap even if QUEUED.
 *  (3) A grant puts the new holders into the word under the lock bit, and wakes them afterwards:
 *      the word never shows a lock that is free while somebody waits for it.
 *
 *      reader, the last                          newcomer to read, fair
 *      ----------------------------------------  ----------------------------------------
 *      sees QUEUED: lock; nobody reads;
 *        the head is a writer: claim it, it
 *        is in the word                          sees a writer, or LOCKED: lock (after the
 *      unlock                                      other has dropped it), queue
 *      finish(0): the writer wakes
 *
 * Who is next: fair, the head of `q`.  Else writers wait in `q` and readers in `readers`, and the
 * preference says whose head comes first; nobody of the others is looked at before it is gone.
 *
 * `orphaned` is set when a writer ends, before the lock is passed on, and cleared by the next
 * writer. So it changes only while somebody writes, and whoever holds the lock may read it.
 */
#include "sync/rwlock.h"
#include "base/spin.h"
#include "task/deadlock.h"
#include "task/task.h"
#include <errno.h>

static uintptr_t lock(struct cede_rwlock *l)
{
        return cede__spin_lock(&l->word, LOCKED) & ~(uintptr_t)QUEUED;
}

static void unlock(struct cede_rwlock *l, uintptr_t state)
{
        cede__spin_unlock(&l->word, state | (l->q.head || l->readers.head ? QUEUED : 0));
}

/* The queues, under the lock bit */

static struct cede__waitq *queue_of(struct cede_rwlock *l, const struct cede__waiter *w)
{
        return w->need == READ && l->preference != CEDE_FAIR ? &l->readers : &l->q;
}

static struct cede__waiter *next_waiter(const struct cede_rwlock *l)
{
        const struct cede__wnode *w = l->q.head, *r = l->readers.head;
        const struct cede__wnode *next = r && (!w || l->preference == CEDE_READERS_FIRST) ? r : w;

        return next ? cede__container_of(next, struct cede__waiter, node) : NULL;
}

static bool fits(const struct cede__waiter *w, uintptr_t state)
{
        return !state || (w->need == READ && is_read(state));
}

/* Takes it on behalf of a waiter that has been claimed; returns the state after that. */
static uintptr_t take_for(struct cede_rwlock *l, const struct cede__waiter *w, uintptr_t state)
{
        if (w->need == WRITE)
                return (uintptr_t)w->party;
        if (cede__unlikely(l->tracking) && !w->party->kind->may_block)
                cede__rwlock_track_nobody(l);
        return one_more(state);
}

/* Those who are let in: readers, or one writer. */
struct outcome {
        struct cede__grants granted;
        int result;
};

#define OUTCOME_INIT(o)                                                                            \
        {                                                                                          \
                CEDE__GRANTS_INIT((o).granted), 0                                                  \
        }

static uintptr_t grant(struct cede_rwlock *l, uintptr_t state, struct outcome *o)
{
        struct cede__waiter *w;

        while ((w = next_waiter(l)) && fits(w, state)) {
                if (!cede__claim(w->party)) {
                        cede__waitq_remove(queue_of(l, w), &w->node); /* being cancelled */
                        continue;
                }
                cede__waitq_grant(queue_of(l, w), &w->node);
                state = take_for(l, w, state);
                l->handoffs++;
                o->result = l->orphaned ? -EOWNERDEAD : 0;
                if (w->need == WRITE)
                        l->orphaned = false;
                cede__grants_add(&o->granted, w);
        }
        return state;
}

/* Drops the lock bit, leaving this state and those granted by it. */
static void pass_on(struct cede_rwlock *l, uintptr_t state)
{
        struct outcome outcome = OUTCOME_INIT(outcome);

        unlock(l, grant(l, state, &outcome));
        cede__grants_finish(&outcome.granted, outcome.result);
}

static void withdraw(struct cede__waiter *w)
{
        struct cede_rwlock *l = w->object;
        uintptr_t state = lock(l);

        if (cede__waitq_linked(&w->node))
                cede__waitq_remove(queue_of(l, w), &w->node);
        pass_on(l, state); /* readers may have stood behind a writer */
}

static void resort(struct cede__waiter *w)
{
        struct cede_rwlock *l = w->object;
        uintptr_t state = lock(l);

        if (cede__waitq_linked(&w->node))
                cede__waitq_resort(queue_of(l, w), &w->node, cede__party_rank(w->party));
        pass_on(l, state);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede_rwlock *l = w->object;

        cede__text_add(t, "%s (", l->name ? l->name : "unnamed");
        if (cede_rwlock_reading(l)) {
                cede__text_add(t, "%lu reading", cede_rwlock_reading(l));
        } else {
                cede__text_add(t, "held by ");
                cede__owner_describe(writer(l), t);
        }
        cede__text_add(t, ", %u waiting)", cede_rwlock_waiting(l));
}

/* Who waits for the writer waits for one party; who waits for readers, for nobody known. */
static struct cede__party *owner(const struct cede__waiter *w)
{
        return cede__waits(w->party) ? writer(w->object) : NULL;
}

static const struct cede__waitable reading = { "read lock", withdraw, resort, describe, owner };
static const struct cede__waitable writing = { "write lock", withdraw, resort, describe, owner };

/* Without waiting */

static bool take_to_read(struct cede_rwlock *l)
{
        uintptr_t word = word_of(l);

        while (!word || ((word & (READING | LOCKED)) == READING &&
                         (!(word & QUEUED) || l->preference == CEDE_READERS_FIRST)))
                if (__atomic_compare_exchange_n(&l->word, &word, one_more(word), true,
                                                __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
                        return true;
        return false;
}

static bool take_to_write(struct cede_rwlock *l, struct cede__party *me)
{
        uintptr_t free = 0;

        return __atomic_compare_exchange_n(&l->word, &free, (uintptr_t)me, false, __ATOMIC_ACQUIRE,
                                           __ATOMIC_RELAXED);
}

static void abandon_writing(struct cede__hold *hold, struct cede__party *me)
{
        struct cede_rwlock *l = cede__container_of(hold, struct cede_rwlock, hold);

        cede__rwlock_report_end(l, me, "which it writes");
        lock(l);
        l->orphaned = true;
        pass_on(l, 0);
}

static unsigned waiting_for_writer(const struct cede__hold *hold)
{
        return cede_rwlock_waiting(cede__container_of(hold, const struct cede_rwlock, hold));
}

/* The call is about to return: from now on the caller holds the lock. */
static int entered_to_read(struct cede_rwlock *l, struct cede__party *me)
{
        if (cede__unlikely(l->tracking))
                cede__rwlock_track(l, me);
        return cede__unlikely(l->orphaned) ? -EOWNERDEAD : 0;
}

static int entered_to_write(struct cede_rwlock *l, struct cede__party *me, int result)
{
        static const struct cede__hold_kind kind = { abandon_writing, waiting_for_writer };

        l->hold = (struct cede__hold){ me->held, &kind };
        me->held = &l->hold;
        if (cede__unlikely(l->orphaned)) {
                l->orphaned = false;
                return -EOWNERDEAD;
        }
        return result;
}

int cede__rwlock_entered(struct cede_rwlock *l, struct cede__party *me, long need, int result)
{
        return need == READ ? entered_to_read(l, me) : entered_to_write(l, me, result);
}

/* Waiting */

static void stay(struct cede_rwlock *l)
{
        if (cede_rwlock_waiting(l) > l->peak)
                l->peak = cede_rwlock_waiting(l);
}

int cede__rwlock_enter(struct cede_rwlock *l, long need, struct cede__party *me,
                       struct cede__waiter *w, const void *site)
{
        bool reads = cede__unlikely(l->tracking) && cede__rwlock_reads(l, me);
        uintptr_t state;
        int r;

        if (writer(l) == me || (reads && need == WRITE))
                return -EDEADLK;
        if (cede__cancelled(me) == -ECANCELED)
                return -ECANCELED;
        state = lock(l);
        cede__wait_begin(w, me, need == READ ? &reading : &writing, l, need, site);
        cede__waitq_insert(queue_of(l, w), &w->node, cede__party_rank(me));
        if (next_waiter(l) == w && fits(w, state) && cede__claim(me)) {
                cede__waitq_grant(queue_of(l, w), &w->node);
                unlock(l, take_for(l, w, state));
                return 1;
        }
        /* A deadline that has passed: that was the one try.  A reader: it would wait for itself. */
        r = reads ? -EDEADLK : cede__cancelled(me);
        if (r && cede__claim(me)) {
                cede__waitq_remove(queue_of(l, w), &w->node);
                unlock(l, state);
                cede__wait_forget(me);
                if (reads)
                        cede__rwlock_report_recursion(l, me, site);
                return r;
        }
        stay(l);
        unlock(l, state);
        return 0;
}

/* Waits, unless the writer waits for the caller in turn. */
static int wait_unless_circular(struct cede__waiter *w)
{
        struct cede__party *me = w->party;
        struct cede__edge edge;
        int r;

        if (cede__edge_enter(&edge, w)) {
                withdraw(w);
                cede__wait_forget(me);
                r = -EDEADLK;
        } else {
                r = cede__wait(me);
        }
        cede__edge_leave(&edge);
        return r;
}

static CEDE__NOINLINE int lock_slowly(struct cede_rwlock *l, long need, const void *site)
{
        struct cede__party *me = cede__party_here();
        struct cede__waiter w;
        int r = cede__rwlock_enter(l, need, me, &w, site);

        if (r == 0)
                r = wait_unless_circular(&w);
        else if (r > 0)
                cede__wait_forget(me);
        return r < 0 && r != -EOWNERDEAD ? r : cede__rwlock_entered(l, me, need, r < 0 ? r : 0);
}

int cede_rwlock_read_lock(struct cede_rwlock *l)
{
        struct cede__party *me = cede__party_here();

        if (cede__likely(!cede__cancelled(me) && take_to_read(l)))
                return entered_to_read(l, me);
        return lock_slowly(l, READ, CEDE__CALL_SITE);
}

int cede_rwlock_write_lock(struct cede_rwlock *l)
{
        struct cede__party *me = cede__party_here();

        if (cede__likely(!cede__cancelled(me) && take_to_write(l, me)))
                return entered_to_write(l, me, 0);
        return lock_slowly(l, WRITE, CEDE__CALL_SITE);
}

int cede_rwlock_try_read_lock(struct cede_rwlock *l)
{
        struct cede__party *me = cede__party_here();

        while (!take_to_read(l)) {
                uintptr_t word = word_of(l);

                if (writer(l) == me)
                        return -EDEADLK;
                if (!(word & LOCKED) && (word & QUEUED || (word && !is_read(word))))
                        return -EAGAIN;
                cede__spin_wait(&l->word, word); /* only worked on: see what comes of it */
        }
        return entered_to_read(l, me);
}

int cede_rwlock_try_write_lock(struct cede_rwlock *l)
{
        struct cede__party *me = cede__party_here();

        while (!take_to_write(l, me)) {
                if (writer(l) == me || (l->tracking && cede__rwlock_reads(l, me)))
                        return -EDEADLK;
                if (word_of(l) & ~(uintptr_t)LOCKED)
                        return -EAGAIN;
                cede__spin_wait(&l->word, LOCKED);
        }
        return entered_to_write(l, me, 0);
}

/* Unlocking */

bool cede__rwlock_end_reading(struct cede_rwlock *l)
{
        uintptr_t word = word_of(l);

        while ((word & (READING | LOCKED)) == READING && (!(word & QUEUED) || word >= 2 * ONE))
                if (__atomic_compare_exchange_n(&l->word, &word, one_less(word), true,
                                                __ATOMIC_RELEASE, __ATOMIC_RELAXED))
                        return true;
        word = lock(l);
        if (!is_read(word)) {
                unlock(l, word);
                return false;
        }
        pass_on(l, one_less(word));
        return true;
}

int cede_rwlock_read_unlock(struct cede_rwlock *l)
{
        if (cede__unlikely(l->tracking) && !cede__rwlock_untrack(l, cede__party_here()))
                return -EPERM;
        return cede__likely(cede__rwlock_end_reading(l)) ? 0 : -EPERM;
}

void cede__rwlock_write_until(struct cede_rwlock *l, struct cede__party *me, uintptr_t state)
{
        uintptr_t mine = (uintptr_t)me;

        if (cede__likely(__atomic_compare_exchange_n(&l->word, &mine, state, false,
                                                     __ATOMIC_RELEASE, __ATOMIC_RELAXED)))
                return;
        lock(l);
        pass_on(l, state);
}

int cede_rwlock_write_unlock(struct cede_rwlock *l)
{
        struct cede__party *me = cede__party_here();

        if (cede__unlikely(writer(l) != me))
                return -EPERM;
        cede__hold_remove(&me->held, &l->hold);
        cede__rwlock_write_until(l, me, 0);
        return 0;
}

int cede_rwlock_downgrade(struct cede_rwlock *l)
{
        struct cede__party *me = cede__party_here();

        if (writer(l) != me)
                return -EPERM;
        cede__hold_remove(&me->held, &l->hold);
        if (l->tracking)
                cede__rwlock_track(l, me);
        cede__rwlock_write_until(l, me, one_more(0));
        return 0;
}

void cede_rwlock_stats(struct cede_rwlock *l, struct cede_rwlock_stats *ret_stats)
{
        uintptr_t state = lock(l);

        *ret_stats = (struct cede_rwlock_stats){ is_read(state) ? state / ONE : 0,
                                                 cede_rwlock_waiting(l), l->peak, l->handoffs };
        unlock(l, state);
}
