/* SPDX-License-Identifier: MIT */
/*
 * Directed interleavings of mutex, event, semaphore and condition: a thread is held up inside of
 * the library, at the lock bit of an object, which the test takes by hand.  What another party does
 * meanwhile is then done step by step, so that each test has one outcome.
 */
#include <pthread.h>
#include <sched.h>

#include "log.h"
#include "task/task.h"

/* Of the words; WAITERS: of a mutex. */
enum { LOCK_BIT = 1, WAITERS = 2 };

static struct cede_sem sem;
static struct cede_mutex mutex, other, third;
static struct cede_event event;
static struct cede_condition condition;

static void hold(uintptr_t *word)
{
        while (__atomic_fetch_or(word, LOCK_BIT, __ATOMIC_ACQUIRE) & LOCK_BIT)
                sched_yield();
}

static void let_go(uintptr_t *word)
{
        __atomic_fetch_and(word, ~(uintptr_t)LOCK_BIT, __ATOMIC_RELEASE);
}

/* A thread that makes one blocking call. */
struct caller {
        pthread_t thread;
        struct cede__party *party; /* atomic */
        struct cede_scope scope;   /* around the call */
        int (*call)(void);
        int result;
};

static void *caller_main(void *arg)
{
        struct caller *c = arg;

        cede_scope_open(&c->scope);
        __atomic_store_n(&c->party, cede__party_here(), __ATOMIC_RELEASE);
        c->result = c->call();
        cede_scope_close(&c->scope, 0);
        return NULL;
}

static void start(struct caller *c, int (*call)(void))
{
        *c = (struct caller){ .call = call };
        EXPECT_EQ(pthread_create(&c->thread, NULL, caller_main, c), 0);
        while (!__atomic_load_n(&c->party, __ATOMIC_ACQUIRE))
                sched_yield();
}

static void join(struct caller *c)
{
        EXPECT_EQ(pthread_join(c->thread, NULL), 0);
}

static uint32_t cell_of(const struct caller *c)
{
        return __atomic_load_n(&c->party->cell, __ATOMIC_ACQUIRE);
}

static int call_sem(void)
{
        return cede_sem_acquire(&sem);
}

static int call_mutex(void)
{
        int r = cede_mutex_lock(&mutex);

        if (r == 0)
                cede_mutex_unlock(&mutex);
        return r;
}

static int call_event(void)
{
        return cede_event_wait(&event);
}

static int wait_with(struct cede_mutex *m)
{
        int r;

        EXPECT_EQ(cede_mutex_lock(m), 0);
        r = cede_condition_wait(&condition, m);
        EXPECT(cede_mutex_owned(m));
        EXPECT_EQ(cede_mutex_unlock(m), 0);
        return r;
}

static int call_condition(void)
{
        return wait_with(&mutex);
}

static int call_condition_other(void)
{
        return wait_with(&other);
}

static int call_condition_third(void)
{
        return wait_with(&third);
}

/* How many wait for the condition; not in the middle of a notification. */
static unsigned waiting(void)
{
        struct cede_condition_stats stats;

        cede_condition_stats(&condition, &stats);
        return stats.waiting;
}

static void await_waiting(unsigned n)
{
        while (waiting() != n)
                sched_yield();
}

/*
 * Cancelled on its way into the queue, at the object's lock.  A canceller that finds the wait begun
 * claims it, but has nothing to unlink; then the waiter must not go into the queue any more.  It is
 * better that it finds none: then it sets `cancel`, and the waiter sees that.
 *
 * That is what happens, so all the patience is spent.  On a processor that others use each look may
 * take a slice of theirs, some milliseconds.
 */
static void cancelled_on_the_way(uintptr_t *word, int (*call)(void))
{
        enum { PATIENCE = 200 };
        struct caller c;
        bool begun = false;

        hold(word);
        start(&c, call);
        /* It is the wait that is to be cancelled, not the locking before it. */
        while (call == call_condition && !cede_mutex_locked(&mutex))
                sched_yield();
        for (int i = 0; i < PATIENCE && !begun; i++) {
                begun = cede__claim_from(c.party, CEDE__WAITING);
                sched_yield();
        }
        if (begun)
                cede__wait_finish(c.party, -ECANCELED);
        else
                cede_scope_cancel(&c.scope);
        let_go(word);
        join(&c);
        EXPECT_EQ(c.result, -ECANCELED);
}

TEST(cancelled_on_the_way_into_the_queue_of_a_semaphore)
{
        cancelled_on_the_way(&sem.word, call_sem);
        EXPECT_EQ(cede_sem_waiting(&sem), 0);
        cede_sem_release(&sem);
        EXPECT_EQ(cede_sem_value(&sem), 1);
}

TEST(cancelled_on_the_way_into_the_queue_of_a_mutex)
{
        EXPECT_EQ(cede_mutex_lock(&mutex), 0);
        cancelled_on_the_way(&mutex.word, call_mutex);
        EXPECT_EQ(cede_mutex_waiting(&mutex), 0);
        EXPECT_EQ(cede_mutex_unlock(&mutex), 0);
        EXPECT(!cede_mutex_locked(&mutex));
}

TEST(cancelled_on_the_way_into_the_queue_of_an_event)
{
        cancelled_on_the_way(&event.word, call_event);
        EXPECT_EQ(cede_event_waiting(&event), 0);
        cede_event_set(&event);
}

TEST(cancelled_on_the_way_into_the_queue_of_a_condition)
{
        cancelled_on_the_way(&condition.word, call_condition);
        EXPECT_EQ(cede_condition_waiting(&condition), 0);
        EXPECT_EQ(cede_condition_notify(&condition, 1), 0);
        EXPECT(!cede_mutex_locked(&mutex));
}

/*
 * The mutex is free, but the first to come has been claimed by a canceller, who has yet to withdraw
 * it: it could not take the mutex, and stands in the queue.  Who comes second must get the mutex,
 * at the latest from the canceller.
 */
TEST(free_mutex_is_not_left_to_one_who_is_being_cancelled)
{
        struct cede__party cancelled = { .cell = CEDE__CLAIMED };
        struct cede__waiter w = { .party = &cancelled, .object = &mutex };
        struct caller c;

        hold(&mutex.word);
        cede__waitq_insert(&mutex.q, &w.node, (struct cede__wrank){ 0, 0 });
        __atomic_store_n(&mutex.word, WAITERS, __ATOMIC_RELEASE);
        start(&c, call_mutex);
        while (cede_mutex_waiting(&mutex) < 2 || !(cell_of(&c) & CEDE__PARKED))
                sched_yield();
        w.kind = c.party->waiter->kind;
        w.kind->withdraw(&w);
        join(&c);
        EXPECT_EQ(c.result, 0);
        EXPECT(!cede_mutex_locked(&mutex));
        EXPECT_EQ(cede_mutex_waiting(&mutex), 0);
}

/*
 * A canceller has claimed the first in the queue, and has yet to withdraw it: who grants passes it
 * over, and takes the next.
 */
static void passed_over(int (*call)(void), unsigned (*count)(void), unsigned (*grant)(void))
{
        struct caller first, second;
        struct cede__waiter *w;

        start(&first, call);
        while (count() < 1)
                sched_yield();
        start(&second, call);
        while (count() < 2)
                sched_yield();
        while (!cede__claim_from(first.party, CEDE__WAITING))
                sched_yield();
        EXPECT_EQ(grant(), 1);
        join(&second);
        EXPECT_EQ(second.result, 0);
        w = first.party->waiter;
        w->kind->withdraw(w);
        cede__wait_finish(first.party, -ECANCELED);
        join(&first);
        EXPECT_EQ(first.result, -ECANCELED);
        EXPECT_EQ(count(), 0);
}

static unsigned waiting_for_sem(void)
{
        return cede_sem_waiting(&sem);
}

static unsigned waiting_for_mutex(void)
{
        return cede_mutex_waiting(&mutex);
}

static unsigned waiting_for_event(void)
{
        return cede_event_waiting(&event);
}

static unsigned release_sem(void)
{
        return cede_sem_release(&sem) == 0;
}

static unsigned unlock_mutex(void)
{
        return cede_mutex_unlock(&mutex) == 0;
}

static unsigned set_event(void)
{
        cede_event_set(&event);
        return 1;
}

static unsigned notify_one(void)
{
        return cede_condition_notify(&condition, 1);
}

TEST(release_passes_over_one_who_is_being_cancelled)
{
        passed_over(call_sem, waiting_for_sem, release_sem);
        EXPECT_EQ(cede_sem_value(&sem), 0);
}

TEST(unlock_passes_over_one_who_is_being_cancelled)
{
        EXPECT_EQ(cede_mutex_lock(&mutex), 0);
        passed_over(call_mutex, waiting_for_mutex, unlock_mutex);
        EXPECT(!cede_mutex_locked(&mutex));
}

TEST(set_passes_over_one_who_is_being_cancelled)
{
        passed_over(call_event, waiting_for_event, set_event);
}

TEST(notification_passes_over_one_who_is_being_cancelled)
{
        passed_over(call_condition, waiting, notify_one);
        EXPECT_EQ(notify_one(), 0);
}

static unsigned notified;

static int call_notify_all(void)
{
        notified = cede_condition_notify_all(&condition);
        return 0;
}

static int call_notify_3(void)
{
        notified = cede_condition_notify(&condition, 3);
        return 0;
}

/*
 * Two wait, the one to be notified first with a mutex at which the notifier is held up.  A third
 * comes meanwhile, who goes before the other one by the condition's order.
 */
static void newcomer_during(int (*notify)(void))
{
        struct caller first, second, newcomer, notifier;
        unsigned left;

        EXPECT_EQ(cede_condition_init(&condition, CEDE_LIFO), 0);
        start(&first, call_condition);
        await_waiting(1);
        start(&second, call_condition_other);
        await_waiting(2);
        while (cede_mutex_locked(&other))
                sched_yield();
        hold(&other.word);
        start(&notifier, notify);
        while ((cell_of(&second) & CEDE__STATE) != CEDE__CLAIMED)
                sched_yield();
        left = waiting();
        start(&newcomer, call_condition_third);
        await_waiting(left + 1);
        let_go(&other.word);
        join(&notifier);
        join(&second);
        EXPECT_EQ(notified, 2);
        EXPECT_EQ(cede_condition_waiting(&condition), 1);
        join(&first); /* hangs if the newcomer took its place */
        EXPECT_EQ(first.result, 0);
        EXPECT_EQ(cede_condition_notify(&condition, 1), 1);
        join(&newcomer);
}

TEST(newcomer_does_not_take_the_place_of_one_of_all)
{
        newcomer_during(call_notify_all);
}

TEST(newcomer_is_not_notified_by_an_earlier_notification)
{
        newcomer_during(call_notify_3);
}

static int wait_with_priority(void *arg)
{
        (void)arg;
        return call_condition();
}

/*
 * Who changes a task's priority finds out what it waits for, and then has it sorted anew.  Between
 * the two a notification moves it from the condition's queue to the mutex's.
 */
static void resorted_during_the_move(enum cede_order order)
{
        const struct cede__waitable *kind;
        struct cede__waiter *w;
        struct cede_scope c;
        struct cede_task *task;

        EXPECT_EQ(cede_condition_init(&condition, order), 0);
        EXPECT_EQ(cede_mutex_init(&mutex, order), 0);
        cede_scope_open(&c);
        task = spawn_held(&c, wait_with_priority, NULL);
        EXPECT_EQ(cede_mutex_lock(&mutex), 0);
        w = task->fiber.party.waiter;
        kind = w->kind;
        EXPECT_EQ(cede_condition_notify(&condition, 1), 1);
        kind->resort(w);
        EXPECT(cede_mutex_owned(&mutex));
        EXPECT_EQ(cede_mutex_waiting(&mutex), 1);
        EXPECT_EQ(cede_condition_waiting(&condition), 0);
        EXPECT_EQ(cede_mutex_unlock(&mutex), 0);
        EXPECT(cede_mutex_locked(&mutex));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT(!cede_mutex_locked(&mutex));
        EXPECT_EQ(condition.q.head == NULL, 1);
}

TASK_TEST(resorted_while_moved_from_condition_to_mutex)
{
        resorted_during_the_move(CEDE_FIFO);
        resorted_during_the_move(CEDE_PRIORITY);
}
