/* SPDX-License-Identifier: MIT */
/*
 * The heart: how a wait, a grant and a cancel meet.
 *
 * A *party* is whoever can wait: a task, a plain thread, a callback.  It has one 32-bit cell, on
 * which all who want to end its wait compete:
 *
 *                begin              claim               finish
 *        IDLE ---------> WAITING ----------> CLAIMED ----------> DONE ---> (IDLE at the next begin)
 *             the party           the winner           the winner
 *
 * A wait that cannot be cancelled begins as FIRM instead of WAITING: it can be claimed by a grant
 * only.  A thread that goes to sleep adds PARKED, so that the finisher knows to wake it.
 *
 * A *waiter* is one wait of one party: it lies on the party's stack, and in the queue of an object.
 *
 * Granting has two steps.  Claim, under the object's lock: win the cell, take from the object on
 * the waiter's behalf, unlink it.  Finish, after the lock was dropped: publish the result and wake.
 * In between, the party still sleeps and the object already counts as taken, so nobody can steal
 * it.
 *
 * Cancelling goes the same way, at the moment it happens, without waiting for the victim to run:
 *
 *      canceller                                releaser
 *      ---------------------------------------  ---------------------------------------
 *      claim: WAITING -> CLAIMED   (wins)
 *                                               lock; the head fits; claim: fails, so
 *                                               unlink it and try the next; unlock
 *      withdraw: lock; unlink if still linked;
 *        grant whom it stood in the way of;
 *        unlock; finish those
 *      finish(-ECANCELED)
 *
 * and with the claims the other way round the canceller loses, does nothing, and the party's
 * acquire returns success: a grant beats a cancel.  One of the two wins, once, so a permit is
 * neither lost nor given twice.
 *
 * Lifetime.  From claim to finish the waiter cannot leave its function, so whoever claimed may use
 * it. After finish nothing of it may be touched: the party may have returned.
 *
 * Who may call what: claim and finish from any thread.  Cancel only from where the party's scopes
 * may be changed: a task's loop, or under a thread's lock (task/thread.c).
 */
#ifndef CEDE_WAIT_WAIT_H
#define CEDE_WAIT_WAIT_H

#include "base/chooser.h"
#include "base/text.h"
#include "wait/waitq.h"
#include <cede/scope.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
        CEDE__IDLE,
        CEDE__WAITING,
        CEDE__FIRM,
        CEDE__CLAIMED,
        CEDE__DONE,
        CEDE__STATE = 7,
        CEDE__PARKED = 8,
};

/* What a kind of party can do. */
struct cede__party_kind {
        /* Suspends it until its wait is finished. */
        void (*block)(struct cede__party *party);
        /*
         * Stores the result, publishes DONE, and wakes.  From any thread, by whoever claimed it.
         * Once DONE is published the party may be gone.
         */
        void (*finish)(struct cede__party *party, int result);
        bool may_block; /* a callback must not */
        bool may_spin;  /* nothing else could run on its processor in its place */
};

/* What a kind of object can do with those who wait on it. */
struct cede__waitable {
        const char *name; /* "semaphore" */
        /*
         * The waiter was claimed by a canceller: unlink it if it still is linked, and grant whom
         * that lets pass.  NULL: this wait cannot be cancelled.
         */
        void (*withdraw)(struct cede__waiter *waiter);
        /* Its party's priority has changed: put it where it belongs now.  NULL: no order. */
        void (*resort)(struct cede__waiter *waiter);
        /* For reports: the object's name and state. */
        void (*describe)(const struct cede__waiter *waiter, struct cede__text *text);
        /*
         * The one party that has to give it what it waits for; NULL if there is no such, or the
         * wait is over: of that the cell tells, which is looked at first.  The method is NULL where
         * anybody may end the wait.
         */
        struct cede__party *(*owner)(const struct cede__waiter *waiter);
};

/* The running party of this thread; NULL: a plain thread that has never waited. */
extern _Thread_local struct cede__party *cede__self;

/* The calling plain thread as a party.  Defined by the layer that knows about threads. */
struct cede__party *cede__party_of_thread(void);

/* Who is calling. */
static inline struct cede__party *cede__party_here(void)
{
        return cede__likely(cede__self != NULL) ? cede__self : cede__party_of_thread();
}

/* How a blocking call of the party fails now.  A thread's may be set by others at any time. */
static inline int cede__cancelled(const struct cede__party *party)
{
        return __atomic_load_n(&party->cancel, __ATOMIC_RELAXED);
}

static inline struct cede__wrank cede__party_rank(const struct cede__party *party)
{
        return (struct cede__wrank){ __atomic_load_n(&party->priority, __ATOMIC_RELAXED),
                                     party->scope->due };
}

/*
 * Starts a wait, under the object's lock, before the waiter is put into its queue.  A thread may be
 * cancelled by another one from here on; the canceller then waits for the lock, and finds it
 * queued.  If the party has begun a wait already, this is one of the several waiters of that
 * (sync/any.c).
 */
static inline void cede__wait_begin(struct cede__waiter *w, struct cede__party *party,
                                    const struct cede__waitable *kind, void *object, long need,
                                    const void *site)
{
        w->node.next = NULL;
        w->party = party;
        w->kind = kind;
        w->object = object;
        w->need = need;
        w->site = site;
        w->granted = false;
        if (party->waiter)
                return;
        party->waiter = w;
        cede__step("begin", &party->cell);
        /* pairs with the acquire in a canceller's claim; a granter's comes by the object's lock */
        __atomic_store_n(&party->cell, kind->withdraw ? CEDE__WAITING : CEDE__FIRM,
                         __ATOMIC_RELEASE);
}

static inline bool cede__claim_now(struct cede__party *party, uint32_t state)
{
        uint32_t seen = __atomic_load_n(&party->cell, __ATOMIC_RELAXED);

        while ((seen & CEDE__STATE) == state)
                if (__atomic_compare_exchange_n(&party->cell, &seen,
                                                (seen & CEDE__PARKED) | CEDE__CLAIMED, true,
                                                __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
                        return true;
        return false;
}

/* To end a wait that began in this state; that of a canceller is WAITING. */
static inline bool cede__claim_from(struct cede__party *party, uint32_t state)
{
        cede__step("claim", &party->cell);
        return cede__claim_now(party, state);
}

/* Whether its wait is still to be ended by somebody. */
static inline bool cede__waits(const struct cede__party *party)
{
        uint32_t state = __atomic_load_n(&party->cell, __ATOMIC_ACQUIRE) & CEDE__STATE;

        return state == CEDE__WAITING || state == CEDE__FIRM;
}

/* To grant.  True for exactly one caller per wait, cancellers included. */
static inline bool cede__claim(struct cede__party *party)
{
        cede__step("claim", &party->cell);
        return cede__claim_now(party, CEDE__WAITING) || cede__claim_now(party, CEDE__FIRM);
}

/* The party itself has claimed its wait, since it does not have to wait: forgets it. */
static inline void cede__wait_forget(struct cede__party *party)
{
        party->waiter = NULL;
        __atomic_store_n(&party->cell, CEDE__IDLE, __ATOMIC_RELAXED);
}

/* By whoever claimed it: ends the wait with this result. */
static inline void cede__wait_finish(struct cede__party *party, int result)
{
        party->kind->finish(party, result);
}

/* The same, by grant of this waiter. */
static inline void cede__wait_grant(struct cede__waiter *w, int result)
{
        w->granted = true;
        cede__wait_finish(w->party, result);
}

/* Suspends the party until its wait is finished; returns the result. */
int cede__wait(struct cede__party *party);

/*
 * By a canceller who has claimed it: takes it out of its queue, and ends it.  Whom that lets pass
 * is granted, and callbacks among them are posted by code of the program: no lock may be held here.
 */
void cede__wait_end(struct cede__party *party, int result);

/* Ends a wait that can be cancelled, unless a grant was faster: false then. */
bool cede__wait_cancel(struct cede__party *party, int result);

/* The party's rank has changed. */
void cede__wait_resort(struct cede__party *party);

/* The result of a wait that was granted nothing: the party is to try again (sync/transfer.h). */
enum { CEDE__NUDGED = 1 };

/* Those claimed under an object's lock, in order, to be finished after it was dropped. */
struct cede__grants {
        struct cede__wnode *first;
        struct cede__wnode **last;
};

#define CEDE__GRANTS_INIT(g)                                                                       \
        {                                                                                          \
                NULL, &(g).first                                                                   \
        }

/* The waiter is claimed and in no queue any more; its links are free to use. */
static inline void cede__grants_add(struct cede__grants *g, struct cede__waiter *w)
{
        w->node.child = NULL;
        *g->last = &w->node;
        g->last = &w->node.child;
}

void cede__grants_finish(struct cede__grants *g, int result);

#endif
