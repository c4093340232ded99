/* SPDX-License-Identifier: MIT */
/*
 * Read-write lock.
 *
 * The word is 0, or the writing party's address, or, with READING, how many read; and two flags:
 *
 *      LOCKED   somebody works on the queues
 *      CLOSED   there is more to do than to change the word: somebody waits, or a dead writer is to
 *               be told of, or readers are tracked
 *
 * Without flags, locking and unlocking are one compare-and-swap each; unlocking is a store, as long
 * as nobody has ever worked on the queues, nor read beside another one.
 *
 *  (1) Under the lock bit, before it is dropped, everyone who is next and fits is granted
 *      (`grant`).  Anybody fits a free lock, so a lock that is free has no waiters.
 *  (2) What makes room for somebody who waits is the last reader's leaving, the writer's, a
 *      downgrade, and a waiter's leaving or change of rank: all of these go through (1).  A reader
 *      who is not the last makes room for nobody, and leaves by compare-and-swap though CLOSED.
 *  (3) A grant puts the new holders into the word under the lock bit, and wakes them afterwards:
 *      the word never shows a lock that is free while somebody waits for it.
 *
 *      reader, the last                          newcomer to read, fair
 *      ----------------------------------------  ----------------------------------------
 *      sees CLOSED: lock; nobody reads;
 *        the head is a writer: claim it, it
 *        is in the word                          sees CLOSED: lock (after the other has
 *      unlock                                      dropped it); a writer: queue
 *      finish(0): the writer wakes
 *
 * Who is next: fair, the head of `q`.  Else writers wait in `q` and readers in `readers`, and the
 * preference says whose head comes first; nobody of the others is looked at before it is gone.
 */
#include "sync/rwlock.h"
#include "arch/restart.h"
#include "base/spin.h"
#include "task/deadlock.h"
#include "task/task.h"
#include <errno.h>

static CEDE__COLD void make_shared(struct cede_rwlock *l)
{
        __atomic_store_n(&l->shared, SHARING, __ATOMIC_RELAXED);
        cede__restart_others();
        __atomic_store_n(&l->shared, SHARED, __ATOMIC_RELEASE);
}

/*
 * To be called before the lock bit is used, and before one reads beside others.  As long as that
 * has not happened, the word of a lock that is held is changed by its only holder, who frees it by
 * a mere store (arch/restart.h; the mutex does the same, mutex_word.h).
 */
static inline void ensure_shared(struct cede_rwlock *l)
{
        if (cede__unlikely(__atomic_load_n(&l->shared, __ATOMIC_ACQUIRE) != SHARED))
                make_shared(l);
}

static uintptr_t lock(struct cede_rwlock *l)
{
        ensure_shared(l);
        return cede__spin_lock(&l->word, LOCKED) & ~(uintptr_t)CLOSED;
}

static void unlock(struct cede_rwlock *l, uintptr_t state)
{
        bool closed = l->q.head || l->readers.head || l->orphaned || l->tracking;

        cede__spin_unlock(&l->word, state | (closed ? CLOSED : 0));
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

/* Takes it for a party; returns the state after that. */
static uintptr_t take(struct cede_rwlock *l, long need, struct cede__party *party, uintptr_t state,
                      int *ret_result)
{
        *ret_result = l->orphaned ? -EOWNERDEAD : 0;
        if (need == WRITE) {
                l->orphaned = false;
                return (uintptr_t)party;
        }
        if (cede__unlikely(l->tracking) && !party->kind->may_block)
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
                state = take(l, w->need, w->party, state, &o->result);
                l->handoffs++;
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

/* Holding it */

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

/* The caller is the writer, and its call is about to return. */
static void hold(struct cede_rwlock *l, struct cede__party *me)
{
        static const struct cede__hold_kind kind = { abandon_writing, waiting_for_writer };

        if (cede__unlikely(me->held))
                l->hold.next = me->held;
        if (cede__unlikely(!l->hold.kind))
                l->hold.kind = &kind; /* from the first time on */
        me->held = &l->hold;
}

int cede__rwlock_entered(struct cede_rwlock *l, struct cede__party *me, long need, int result)
{
        if (need == WRITE)
                hold(l, me);
        else if (l->tracking && me->kind->may_block)
                cede__rwlock_track(l, me);
        return result;
}

/* Waiting */

static void stay(struct cede_rwlock *l)
{
        if (cede_rwlock_waiting(l) > l->peak)
                l->peak = cede_rwlock_waiting(l);
}

int cede__rwlock_enter(struct cede_rwlock *l, long need, struct cede__party *me,
                       struct cede__waiter *w, const void *site, int *ret_result)
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
                state = take(l, need, me, state, ret_result);
                unlock(l, state);
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

/* Takes a share, if nobody waits and nobody writes. */
static bool share(struct cede_rwlock *l)
{
        uintptr_t word = word_of(l);

        while (!word || (word & FLAGS) == READING) {
                if (word)
                        ensure_shared(l);
                if (__atomic_compare_exchange_n(&l->word, &word, one_more(word), true,
                                                __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
                        return true;
        }
        return false;
}

static CEDE__NOINLINE int lock_slowly(struct cede_rwlock *l, long need, const void *site)
{
        struct cede__party *me = cede__party_here();
        struct cede__waiter w;
        int r, result;

        if (need == READ && !cede__cancelled(me) && share(l))
                return 0;
        r = cede__rwlock_enter(l, need, me, &w, site, &result);
        if (r > 0)
                cede__wait_forget(me);
        else if (r == 0)
                result = r = wait_unless_circular(&w);
        return r < 0 && r != -EOWNERDEAD ? r : cede__rwlock_entered(l, me, need, result);
}

/* The quick ways, for one who is alone: a look at the word beforehand costs more than a guess. */

static bool take_free(struct cede_rwlock *l, uintptr_t taken)
{
        uintptr_t free = 0;

        return __atomic_compare_exchange_n(&l->word, &free, taken, false, __ATOMIC_ACQUIRE,
                                           __ATOMIC_RELAXED);
}

static bool leave(struct cede_rwlock *l, uintptr_t mine, uintptr_t state)
{
        return __atomic_compare_exchange_n(&l->word, &mine, state, false, __ATOMIC_RELEASE,
                                           __ATOMIC_RELAXED);
}

int cede_rwlock_read_lock(struct cede_rwlock *l)
{
        struct cede__party *me = cede__self;

        if (cede__unlikely(!me || cede__cancelled(me) || !take_free(l, ONE_READER)))
                return lock_slowly(l, READ, CEDE__CALL_SITE);
        return 0;
}

int cede_rwlock_write_lock(struct cede_rwlock *l)
{
        struct cede__party *me = cede__self;

        if (cede__unlikely(!me || cede__cancelled(me) || !take_free(l, (uintptr_t)me)))
                return lock_slowly(l, WRITE, CEDE__CALL_SITE);
        hold(l, me);
        return 0;
}

static CEDE__NOINLINE int try_slowly(struct cede_rwlock *l, long need)
{
        struct cede__party *me = cede__party_here();
        int result = -EAGAIN;
        uintptr_t state;

        if (writer(l) == me || (need == WRITE && l->tracking && cede__rwlock_reads(l, me)))
                return -EDEADLK;
        if (writer(l))
                return -EAGAIN;
        state = lock(l);
        if (!state || (need == READ && is_read(state) &&
                       (l->preference == CEDE_READERS_FIRST || !next_waiter(l))))
                state = take(l, need, me, state, &result);
        unlock(l, state);
        return result == -EAGAIN ? result : cede__rwlock_entered(l, me, need, result);
}

int cede_rwlock_try_read_lock(struct cede_rwlock *l)
{
        return share(l) ? 0 : try_slowly(l, READ);
}

int cede_rwlock_try_write_lock(struct cede_rwlock *l)
{
        struct cede__party *me = cede__party_here();

        if (!take_free(l, (uintptr_t)me))
                return try_slowly(l, WRITE);
        hold(l, me);
        return 0;
}

/* Unlocking */

bool cede__rwlock_end_reading(struct cede_rwlock *l)
{
        uintptr_t word = word_of(l);

        if (word == ONE_READER && cede__controlled() &&
            cede__store_unless_controlled(&l->word, 0, &l->shared))
                return true;
        while ((word & (READING | LOCKED)) == READING && (!(word & CLOSED) || word >= 2 * ONE))
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

static CEDE__NOINLINE int read_unlock_slowly(struct cede_rwlock *l)
{
        /* Who reads may look at `tracking`.  Else it is a mistake, which changes nothing. */
        if (l->tracking && !cede__rwlock_untrack(l, cede__party_here()))
                return -EPERM;
        return cede__rwlock_end_reading(l) ? 0 : -EPERM;
}

int cede_rwlock_read_unlock(struct cede_rwlock *l)
{
        if (cede__unlikely(cede__chooser || word_of(l) != ONE_READER))
                return read_unlock_slowly(l);
        if (!__atomic_load_n(&l->shared, __ATOMIC_RELAXED) &&
            cede__store_unless(&l->word, 0, &l->shared))
                return 0;
        return cede__likely(leave(l, ONE_READER, 0)) ? 0 : read_unlock_slowly(l);
}

/* The writer could not leave it by itself. */
static CEDE__NOINLINE void serve(struct cede_rwlock *l, uintptr_t state)
{
        lock(l);
        pass_on(l, state);
}

void cede__rwlock_write_until(struct cede_rwlock *l, struct cede__party *me, uintptr_t state)
{
        if (cede__controlled() && cede__store_unless_controlled(&l->word, state, &l->shared))
                return;
        if (!leave(l, (uintptr_t)me, state))
                serve(l, state);
}

static CEDE__NOINLINE int write_unlock_slowly(struct cede_rwlock *l, uintptr_t state)
{
        struct cede__party *me = cede__party_here();

        if (writer(l) != me)
                return -EPERM;
        cede__hold_remove(&me->held, &l->hold);
        if (state && l->tracking)
                (me->kind->may_block ? cede__rwlock_track(l, me) : cede__rwlock_track_nobody(l));
        cede__rwlock_write_until(l, me, state);
        return 0;
}

int cede_rwlock_write_unlock(struct cede_rwlock *l)
{
        struct cede__party *me = cede__self;
        struct cede__hold *rest;
        bool freed;

        if (cede__unlikely(!me || me->held != &l->hold || cede__chooser))
                return write_unlock_slowly(l, 0);
        rest = l->hold.next;
        if (cede__unlikely(rest != NULL))
                l->hold.next = NULL;
        freed = (!__atomic_load_n(&l->shared, __ATOMIC_RELAXED) &&
                 cede__store_unless(&l->word, 0, &l->shared)) ||
                leave(l, (uintptr_t)me, 0);
        me->held = rest;
        if (cede__unlikely(!freed))
                serve(l, 0);
        return 0;
}

int cede_rwlock_downgrade(struct cede_rwlock *l)
{
        return write_unlock_slowly(l, ONE_READER);
}

void cede_rwlock_set_tracking(struct cede_rwlock *l, bool on)
{
        uintptr_t state = lock(l);

        l->tracking = on;
        unlock(l, state);
}

void cede_rwlock_stats(struct cede_rwlock *l, struct cede_rwlock_stats *ret_stats)
{
        uintptr_t state = lock(l);

        *ret_stats = (struct cede_rwlock_stats){ is_read(state) ? state / ONE : 0,
                                                 cede_rwlock_waiting(l), l->peak, l->handoffs };
        unlock(l, state);
}
