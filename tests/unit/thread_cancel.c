/* SPDX-License-Identifier: MIT */
/* Scopes of plain threads cancelled by others, and scopes of tasks cancelled by plain threads. */
#include "threads.h"

/* Cancels. */

static void *wait_in_a_scope(void *arg)
{
        struct victim *v = arg;

        cede_scope_open(&v->scope);
        atomic_store(&v->step, 1);
        v->result = cede_sem_acquire(&sem);
        v->second = cede_checkpoint();
        atomic_store(&v->step, 2);
        EXPECT_EQ(cede_scope_close(&v->scope, 0), 0);
        EXPECT_EQ(cede_checkpoint(), 0);
        return NULL;
}

static int cancel_it(void *scope)
{
        cede_scope_cancel(scope);
        return 0;
}

static void cancel_from(int (*how)(int (*)(void *), struct cede_scope *))
{
        struct victim v = { .result = 1 };
        pthread_t thread;

        empty(CEDE_FIFO);
        thread = start(wait_in_a_scope, &v);
        until_waiting(1);
        EXPECT_EQ(how(cancel_it, &v.scope), 0);
        EXPECT_EQ(cede_sem_waiting(&sem), 0); /* at that moment, whenever the thread gets to run */
        join(thread);
        EXPECT_EQ(v.result, -ECANCELED);
        EXPECT_EQ(v.second, -ECANCELED);
        expect_left(0);
}

static int by_thread(int (*fn)(void *), struct cede_scope *scope)
{
        return fn(scope);
}

static int by_task(int (*fn)(void *), struct cede_scope *scope)
{
        return cede_run(fn, scope);
}

TEST(cancel_by_another_thread)
{
        cancel_from(by_thread);
}

TEST(cancel_by_a_task)
{
        cancel_from(by_task);
}

TEST(thread_cancels_itself)
{
        struct cede_scope s;

        EXPECT_EQ(cede_sem_init(&sem, 1, CEDE_FIFO), 0);
        cede_scope_open(&s);
        cede_scope_cancel(&s);
        EXPECT_EQ(cede_sem_acquire(&sem), -ECANCELED); /* although one is free */
        EXPECT_EQ(cede_sem_try_acquire(&sem), 0);      /* which does not wait */
        EXPECT_EQ(cede_checkpoint(), -ECANCELED);
        EXPECT_EQ(cede_yield(), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
        EXPECT_EQ(cede_checkpoint(), 0);
        EXPECT_EQ(cede_yield(), 0);
        expect_left(0);
}

/* The permit was handed over before the cancel: success, and the cancellation is told later. */
TEST(grant_beats_cancel)
{
        for (int i = 0; i < 100; i++) {
                struct victim v = { .result = 1 };
                pthread_t thread;

                empty(CEDE_FIFO);
                thread = start(wait_in_a_scope, &v);
                until_waiting(1);
                cede__scopes_lock(v.scope.owner); /* it cannot leave its scope meanwhile */
                EXPECT_EQ(cede_sem_release(&sem), 0);
                cede__cancel_scope(&v.scope, -ECANCELED);
                cede__scopes_unlock(v.scope.owner);
                join(thread);
                EXPECT_EQ(v.result, 0);
                EXPECT(v.second == 0 || v.second == -ECANCELED);
                expect_left(0);
        }
}

/* The head leaves, so whoever it stood in the way of goes on, without a release. */
static void *acquire_three(void *arg)
{
        struct victim *v = arg;

        cede_scope_open(&v->scope);
        v->result = cede_sem_acquire_n(&sem, 3);
        EXPECT_EQ(cede_scope_close(&v->scope, 0), 0);
        return NULL;
}

TEST(cancelled_head_makes_room)
{
        struct victim v = { .result = 1 };
        int small = 1;
        pthread_t big, behind;

        EXPECT_EQ(cede_sem_init(&sem, 2, CEDE_FIFO), 0);
        big = start(acquire_three, &v);
        until_waiting(1);
        behind = start(acquire, &small);
        until_waiting(2);
        cede_scope_cancel(&v.scope);
        join(behind);
        join(big);
        EXPECT_EQ(v.result, -ECANCELED);
        EXPECT_EQ(small, 0);
        expect_left(1);
}

static void *wait_behind_a_shield(void *arg)
{
        struct victim *v = arg;

        cede_scope_open(&v->scope);
        CEDE_SHIELD {
                struct cede_scope inner;

                cede_scope_open(&inner);
                v->result = cede_sem_acquire(&sem);
                EXPECT_EQ(cede_checkpoint(), 0);
                EXPECT_EQ(cede_scope_close(&inner, 0), 0);
        }
        v->second = cede_sem_acquire(&sem);
        EXPECT_EQ(cede_scope_close(&v->scope, 0), 0);
        return NULL;
}

TEST(shield_holds_a_cancel_off)
{
        struct victim v = { .result = 1 };
        pthread_t thread;

        empty(CEDE_FIFO);
        thread = start(wait_behind_a_shield, &v);
        until_waiting(1);
        cede_scope_cancel(&v.scope);
        EXPECT_EQ(cede_sem_waiting(&sem), 1);
        EXPECT_EQ(cede_sem_release_n(&sem, 2), 0);
        join(thread);
        EXPECT_EQ(v.result, 0);
        EXPECT_EQ(v.second, -ECANCELED);
        expect_left(1);
}

static void *wait_in_nested_scopes(void *arg)
{
        struct victim *v = arg;
        struct cede_scope middle, inner;

        cede_scope_open(&v->scope);
        cede_scope_open(&middle);
        cede_scope_open(&inner);
        v->inner = &inner;
        v->result = cede_sem_acquire(&sem);
        EXPECT_EQ(cede_scope_close(&inner, 0), 0);
        v->second = cede_checkpoint();
        EXPECT_EQ(cede_scope_close(&middle, 0), 0);
        EXPECT_EQ(cede_checkpoint(), v->second);
        EXPECT_EQ(cede_scope_close(&v->scope, 0), 0);
        EXPECT_EQ(cede_checkpoint(), 0);
        return NULL;
}

static void cancel_nested(bool outermost)
{
        struct victim v = { .result = 1 };
        pthread_t thread;

        empty(CEDE_FIFO);
        thread = start(wait_in_nested_scopes, &v);
        until_waiting(1);
        cede_scope_cancel(outermost ? &v.scope : v.inner);
        join(thread);
        EXPECT_EQ(v.result, -ECANCELED);
        EXPECT_EQ(v.second, outermost ? -ECANCELED : 0);
        expect_left(0);
}

TEST(cancel_of_an_outer_scope_reaches_in)
{
        cancel_nested(true);
}

TEST(cancel_of_an_inner_scope_does_not_reach_out)
{
        cancel_nested(false);
}

/* A cancel races with the beginning of a wait; whoever is first, the wait ends. */
struct race {
        struct cede_scope scope;
        atomic_int open, go, over; /* the round up to which it is so */
        atomic_bool last;          /* the round begins that is the last one */
        bool sleeps;
};

static void *begin_waits(void *arg)
{
        struct race *race = arg;
        bool last = false;

        for (int i = 1; !last; i++) {
                cede_scope_open(&race->scope);
                atomic_store(&race->open, i);
                for (int n = 0; atomic_load(&race->go) < i; n++) {
                        cede__spin_pause();
                        if (n > 200)
                                sched_yield();
                }
                last = atomic_load(&race->last);
                EXPECT_EQ(race->sleeps ? cede_sleep_until(CEDE_NEVER) : cede_sem_acquire(&sem),
                          -ECANCELED);
                until(&race->over, i); /* a scope may be cancelled until it is closed only */
                EXPECT_EQ(cede_scope_close(&race->scope, 0), 0);
                EXPECT_EQ(cede_sem_waiting(&sem), 0);
        }
        return NULL;
}

static void race_with_begin(bool sleeps)
{
        static struct race race;
        pthread_t thread;
        int rounds = test_slowed() ? 300 : 3000;

        race.sleeps = sleeps;
        empty(CEDE_FIFO);
        thread = start(begin_waits, &race);
        for (int i = 1; !atomic_load(&race.last); i++) {
                until(&race.open, i);
                atomic_store(&race.last, i == rounds || !test_has_time());
                atomic_store(&race.go, i);
                for (int pause = i % 64; pause > 0; pause--)
                        cede__spin_pause();
                cede_scope_cancel(&race.scope);
                atomic_store(&race.over, i);
        }
        join(thread);
        expect_left(0);
}

TEST(cancel_races_with_the_begin_of_a_wait, .seconds = 60)
{
        race_with_begin(false);
}

TEST(cancel_races_with_the_begin_of_a_sleep, .seconds = 60)
{
        race_with_begin(true);
}

/* Sleeping. */

static void *sleep_long(void *arg)
{
        struct victim *v = arg;

        cede_scope_open(&v->scope);
        atomic_store(&v->step, 1);
        v->result = cede_sleep(CEDE_SEC(1000));
        EXPECT_EQ(cede_scope_close(&v->scope, 0), 0);
        return NULL;
}

TEST(sleeping_thread_is_cancelled)
{
        struct victim v = { .result = 1 };
        pthread_t thread = start(sleep_long, &v);

        until(&v.step, 1);
        EXPECT_EQ(cede_sleep(CEDE_MS(10)), 0);
        cede_scope_cancel(&v.scope);
        join(thread);
        EXPECT_EQ(v.result, -ECANCELED);
}

TEST(sleep_lasts_as_long_as_said)
{
        int64_t end = cede_in(CEDE_MS(3));

        EXPECT_EQ(cede_sleep(CEDE_MS(3)), 0);
        EXPECT(cede_now() >= end);
        EXPECT_EQ(cede_sleep(0), 0);
        EXPECT_EQ(cede_sleep(-5), 0);
        EXPECT_EQ(cede_sleep_until(0), 0);
        CEDE_TIMEOUT(CEDE_SEC(100))
                EXPECT_EQ(cede_sleep(CEDE_MS(1)), 0);
        CEDE_TIMEOUT(CEDE_MS(1))
                EXPECT_EQ(cede_sleep(CEDE_SEC(100)), -ETIMEDOUT);
}

/* A task's scope, cancelled by a plain thread. */

static int wait_in_a_task(void *arg)
{
        return wait_in_a_scope(arg) ? -EINVAL : 0;
}

static void *run_victim(void *arg)
{
        EXPECT_EQ(cede_run(wait_in_a_task, arg), 0);
        return NULL;
}

TEST(thread_cancels_a_scope_of_a_task)
{
        struct victim v = { .result = 1 };
        pthread_t thread;

        empty(CEDE_FIFO);
        thread = start(run_victim, &v);
        until_waiting(1);
        cede_scope_cancel(&v.scope);
        join(thread);
        EXPECT_EQ(v.result, -ECANCELED);
        EXPECT_EQ(v.second, -ECANCELED);
        expect_left(0);
}

/* The cancel is in the loop's mail when the scope closes; it must not arrive afterwards. */
static int close_with_a_cancel_under_way(void *arg)
{
        struct victim *v = arg;
        struct cede_scope after;

        cede_scope_open(&v->scope);
        atomic_store(&v->step, 1);
        until(&v->step, 2);
        EXPECT_EQ(cede_scope_close(&v->scope, 0), 0);
        v->result = v->scope.own;
        cede_scope_open_with(&after, &(struct cede_scope_options){ .flags = CEDE_COLLECT });
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_sleep(CEDE_US(1)), 0);
        return cede_scope_close(&after, 0);
}

static void *cancel_when_open(void *arg)
{
        struct victim *v = arg;

        until(&v->step, 1);
        cede_scope_cancel(&v->scope);
        atomic_store(&v->step, 2);
        return NULL;
}

TEST(close_waits_for_a_cancel_that_is_under_way)
{
        struct victim v = { .result = 1 };
        pthread_t thread = start(cancel_when_open, &v);

        EXPECT_EQ(cede_run(close_with_a_cancel_under_way, &v), 0);
        join(thread);
        EXPECT_EQ(v.result, -ECANCELED);
}

/* As a program does it: a lock of its own says whether the scope is still open. */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct cede_scope *open_scope;
static atomic_bool enough;
static atomic_uint cancels;

static void *cancel_what_is_open(void *arg)
{
        (void)arg;
        while (!atomic_load(&enough)) {
                pthread_mutex_lock(&open_lock);
                if (open_scope) {
                        cede_scope_cancel(open_scope);
                        atomic_fetch_add(&cancels, 1);
                        open_scope = NULL;
                }
                pthread_mutex_unlock(&open_lock);
                cede__spin_pause();
        }
        return NULL;
}

static int yield_until_cancelled(void *turns)
{
        for (intptr_t i = (intptr_t)turns; i > 0; i--)
                if (cede_yield() < 0)
                        return -ECANCELED;
        return 0;
}

static int open_and_close(void *arg)
{
        int rounds = *(int *)arg;

        for (int i = 0; (i < rounds && test_has_time()) || atomic_load(&cancels) < 100; i++) {
                struct cede_scope s;

                cede_scope_open(&s);
                EXPECT_EQ(cede_spawn(&s, yield_until_cancelled, (void *)(intptr_t)(i % 50)), 0);
                pthread_mutex_lock(&open_lock);
                open_scope = &s;
                pthread_mutex_unlock(&open_lock);
                for (int pause = i % 7; pause > 0; pause--)
                        (void)cede_yield();
                pthread_mutex_lock(&open_lock);
                open_scope = NULL;
                pthread_mutex_unlock(&open_lock);
                EXPECT_EQ(cede_scope_close(&s, 0), 0);
                EXPECT_EQ(cede_checkpoint(), 0);
        }
        return 0;
}

TEST(cancel_races_with_close, .seconds = 60)
{
        int rounds = test_slowed() ? 300 : 5000;
        pthread_t threads[2] = { start(cancel_what_is_open, NULL),
                                 start(cancel_what_is_open, NULL) };

        EXPECT_EQ(cede_run(open_and_close, &rounds), 0);
        atomic_store(&enough, true);
        join(threads[0]);
        join(threads[1]);
}
