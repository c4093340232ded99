/* SPDX-License-Identifier: MIT */
/*
 * Plain threads as parties: they wait for the same objects as tasks, on a futex.
 *
 * A thread becomes a party when it first waits; nothing is allocated, and nothing has to be undone
 * when it ends.  Its scopes are its own, under a lock, since other threads may cancel them:
 *
 *      the thread                                 canceller
 *      -----------------------------------------  ---------------------------------------
 *      begin: cell = WAITING, with its waiter
 *      put itself into the object's queue
 *      block: lock; is `cancel` set? unlock       lock; set `cancel`; claim, if WAITING;
 *      sleep while the cell is not DONE             withdraw; finish; unlock
 *
 * Whoever has the lock first: either block sees `cancel` and ends the wait itself, or the canceller
 * finds the cell WAITING and ends it.  Deadlines are the sleep's: a thread that wakes up because of
 * one cancels its own scope, like anybody else.
 *
 * Sleeping.  A thread spins for a moment first.  Then it adds PARKED to the cell and sleeps on it;
 * whoever finishes its wait exchanges the cell for DONE, and wakes it only if PARKED was there.
 * After that exchange the thread may be gone, so its finisher uses no more than the address.
 */
#include "base/clock.h"
#include "base/futex.h"
#include "base/spin.h"
#include "task/task.h"
#include <cede/thread.h>
#include <errno.h>
#include <pthread.h>

struct thread {
        struct cede__party party; /* first */
        struct cede_scope base;   /* what its scopes are in: never cancelled, without a deadline */
        uintptr_t lock;           /* of its scopes and of party.cancel */
};

static _Thread_local struct thread self;

static struct thread *thread_of(struct cede__party *party)
{
        return cede__container_of(party, struct thread, party);
}

void cede__scopes_lock(struct cede__party *owner)
{
        if (owner->kind == &cede__thread_party)
                cede__spin_lock(&thread_of(owner)->lock, 1);
}

void cede__scopes_unlock(struct cede__party *owner)
{
        if (owner->kind == &cede__thread_party)
                cede__spin_unlock(&thread_of(owner)->lock, 0);
}

/* A thread that ends passes on what it holds. */
static pthread_key_t ending;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void end(void *party)
{
        cede__self = party;
        cede__party_abandon(party);
        cede__self = NULL;
        self.party.kind = NULL; /* another destructor may make it a party once more */
}

static void make_key(void)
{
        pthread_key_create(&ending, end); /* without one, its end is not noticed */
}

struct cede__party *cede__party_of_thread(void)
{
        if (!self.party.kind) {
                pthread_once(&once, make_key);
                pthread_setspecific(ending, &self.party);
                self.party.kind = &cede__thread_party;
                cede__scope_init(&self.base, &self.party);
                self.party.scope = &self.base;
        }
        cede__self = &self.party;
        return cede__self;
}

static struct cede__party *plain_thread(void)
{
        struct cede__party *me = cede__party_here();

        if (me->kind != &cede__thread_party)
                cede__die("a plain thread's priority is asked for or set in a task or a callback, "
                          "which have their own; a task's is set by cede_task_set_priority");
        return me;
}

int cede_thread_priority(void)
{
        return plain_thread()->priority;
}

/* It does not wait now, so it stands in no queue that would have to be sorted anew. */
void cede_thread_set_priority(int priority)
{
        plain_thread()->priority = priority;
}

/* Cancels those scopes of the thread whose deadlines have passed. */
void cede__thread_look(struct cede__party *me)
{
        struct cede__party *claimed = NULL;
        int64_t now;

        if (me->scope->due == CEDE_NEVER)
                return;
        now = cede__clock_now();
        if (me->scope->due > now)
                return;
        cede__scopes_lock(me);
        for (struct cede_scope *s = me->scope; s->parent; s = s->parent) {
                if (s->deadline <= now && !s->own && cede__cancel_scope(s, -ETIMEDOUT))
                        claimed = me;
                if (s->flags & CEDE_SHIELD_SCOPE)
                        break;
        }
        cede__scopes_unlock(me);
        if (claimed)
                cede__wait_end(me, cede__cancelled(me));
}

static uint32_t cell_of(const struct cede__party *party)
{
        return __atomic_load_n(&party->cell, __ATOMIC_ACQUIRE); /* pairs with finish */
}

static void spin(const struct cede__party *me)
{
        for (unsigned i = 0; i < cede__spins() && cell_of(me) != CEDE__DONE; i++)
                cede__spin_pause();
}

/* Sleeps until the wait is over, or until t: true then. */
static bool park(struct cede__party *me, int64_t t)
{
        uint32_t seen = cell_of(me);

        while (seen != CEDE__DONE) {
                if (!(seen & CEDE__PARKED)) {
                        cede__step("park", &me->cell);
                        __atomic_compare_exchange_n(&me->cell, &seen, seen | CEDE__PARKED, false,
                                                    __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE);
                        seen = cell_of(me);
                        continue;
                }
                if (t != CEDE_NEVER && cede__clock_now() >= t)
                        return true;
                cede__futex_wait((_Atomic uint32_t *)&me->cell, seen, t);
                seen = cell_of(me);
        }
        return false;
}

/*
 * Ends the wait that has just begun, if the thread was cancelled before.  The lock is what makes
 * sure that either this sees the cancellation, or the canceller sees the wait.
 */
static void look_for_cancellation(struct cede__party *me)
{
        bool claimed;

        cede__scopes_lock(me);
        claimed = me->cancel && cede__claim_from(me, CEDE__WAITING);
        cede__scopes_unlock(me);
        if (claimed)
                cede__wait_end(me, cede__cancelled(me));
}

static void block(struct cede__party *me)
{
        look_for_cancellation(me);
        spin(me);
        while (park(me, cede__cancelled(me) ? CEDE_NEVER : me->scope->due))
                cede__thread_look(me);
}

static void finish(struct cede__party *party, int result)
{
        uint32_t *cell = &party->cell;

        party->result = result;
        cede__step("finish", cell);
        if (__atomic_exchange_n(cell, CEDE__DONE, __ATOMIC_ACQ_REL) & CEDE__PARKED)
                cede__futex_wake((_Atomic uint32_t *)cell);
}

const struct cede__party_kind cede__thread_party = { block, finish, true, true };

/* Sleeping: a wait for nothing but the time, or a cancellation. */

static void withdraw(struct cede__waiter *w)
{
        (void)w;
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        (void)w;
        cede__text_add(t, "while");
}

static const struct cede__waitable a_time = { "a", withdraw, NULL, describe, NULL };

int cede__thread_sleep(struct cede__party *me, int64_t t, const void *site)
{
        struct cede__waiter w;

        cede__thread_look(me);
        if (cede__cancelled(me))
                return cede__cancelled(me);
        cede__wait_begin(&w, me, &a_time, NULL, 0, site);
        look_for_cancellation(me);
        while (park(me, t < me->scope->due || cede__cancelled(me) ? t : me->scope->due)) {
                if (cede__clock_now() < t)
                        cede__thread_look(me);
                else if (cede__claim(me))
                        finish(me, 0);
                else
                        park(me, CEDE_NEVER); /* a canceller has, and is about to finish it */
        }
        me->waiter = NULL;
        return me->result;
}
