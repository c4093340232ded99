/* SPDX-License-Identifier: MIT */
/*
 * The heart: how a wait, a grant and a cancel meet.
 *
 * A *party* is whoever can wait: a task, and as far as this layer is concerned anything that can be
 * suspended and woken.  It has one 32-bit cell, on which all who want to end its wait compete:
 *
 *                begin              claim               finish
 *        IDLE ---------> WAITING ----------> CLAIMED ----------> DONE ---> (IDLE at the next begin)
 *             the party           the winner           the winner
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
 * Who may call what: claim and finish from any thread; cancel and re-sort only where the party
 * itself could run (a task's loop), since they read party->waiter.
 */
#ifndef CEDE_WAIT_WAIT_H
#define CEDE_WAIT_WAIT_H

#include "base/compiler.h"
#include "base/text.h"
#include "wait/waitq.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
        CEDE__IDLE,
        CEDE__WAITING,
        CEDE__CLAIMED,
        CEDE__DONE,
};

struct cede__party;
struct cede__waiter;

/* What a kind of party can do. */
struct cede__party_kind {
        void (*block)(struct cede__party *party); /* returns once the cell is DONE */
        void (*wake)(struct cede__party *party);  /* the cell is DONE; from any thread */
        int64_t (*deadline)(const struct cede__party *party); /* the earliest that applies to it */
};

struct cede__party {
        _Atomic uint32_t cell;
        int result;   /* of the wait; written before DONE is published, read after */
        int cancel;   /* how a blocking call fails now: 0 or -errno; the party's own thread */
        int priority; /* the party's own thread */
        struct cede__waiter *waiter;         /* the wait in progress; the party's own thread */
        const struct cede__party_kind *kind; /* constant */
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
};

/* Work for another thread's loop: run(post) is called there. */
struct cede__post {
        struct cede__post *next;
        void (*run)(struct cede__post *post);
};

struct cede__waiter {
        struct cede__wnode node; /* under the object's lock */
        struct cede__party *party;
        const struct cede__waitable *kind;
        void *object;
        long need;              /* how much it wants, in the object's units */
        const void *site;       /* where the public function was called from */
        struct cede__post post; /* carries the wake to the party's loop, if it is another one */
};

/* The running party of this thread; NULL outside of any. */
extern _Thread_local struct cede__party *cede__self;

/* The same for functions that block: outside of any party they end the program with a message. */
static inline struct cede__party *cede__party_here(void)
{
        void cede__no_party(void) __attribute__((noreturn, cold));

        if (cede__unlikely(!cede__self))
                cede__no_party();
        return cede__self;
}

static inline struct cede__wrank cede__party_rank(const struct cede__party *party)
{
        return (struct cede__wrank){ party->priority, party->kind->deadline(party) };
}

/* Starts a wait; before the waiter becomes visible to others. */
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
        party->waiter = w;
        /* Published with the waiter, by the release of the object's lock. */
        atomic_store_explicit(&party->cell, CEDE__WAITING, memory_order_relaxed);
}

/* The wait did not come about: nothing was ever visible. */
static inline void cede__wait_abandon(struct cede__party *party)
{
        party->waiter = NULL;
        atomic_store_explicit(&party->cell, CEDE__IDLE, memory_order_relaxed);
}

/* True for exactly one caller per wait. */
static inline bool cede__claim(struct cede__party *party)
{
        uint32_t waiting = CEDE__WAITING;

        return atomic_compare_exchange_strong_explicit(&party->cell, &waiting, CEDE__CLAIMED,
                                                       memory_order_acquire, memory_order_relaxed);
}

/* By whoever claimed it: ends the wait with this result. */
static inline void cede__wait_finish(struct cede__party *party, int result)
{
        party->result = result;
        /* pairs with the acquire in cede__wait */
        atomic_store_explicit(&party->cell, CEDE__DONE, memory_order_release);
        party->kind->wake(party);
}

/* Suspends the party until its wait is finished; returns the result. */
int cede__wait(struct cede__party *party);

/* Ends a wait that can be cancelled, unless a grant was faster: false then. */
bool cede__wait_cancel(struct cede__party *party, int result);

/* The party's rank has changed. */
void cede__wait_resort(struct cede__party *party);

/* Those granted under an object's lock, in order, to be finished after it was dropped. */
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

void cede__grants_finish(struct cede__grants *g);

#endif
