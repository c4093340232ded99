/* SPDX-License-Identifier: MIT */
/*
 * Claims, grants and cancels that really race: the semaphore between threads.  Nothing here depends
 * on time; the outcome of each race is open, and what must hold after each outcome is checked.
 */
#include "base/clock.h"
#include "base/prng.h"
#include "test.h"
#include "wait/wait.h"
#include <cede.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>

/*
 * A thread as a party.  A thread may cancel only itself (wait.h): it does so when it loses patience
 * while blocked, which is exactly what a time-out of a thread would do.
 */
struct thread_party {
        struct cede__party party;
        struct cede_scope scope;
        pthread_mutex_t lock;
        pthread_cond_t woken_changed;
        bool woken;       /* under lock */
        int64_t patience; /* ns to wait before it gives up; CEDE_NEVER: never gives up */
        uint64_t seed, drawn;
        unsigned tried, acquired, cancelled;
};

static struct thread_party *thread_of(struct cede__party *party)
{
        return cede__container_of(party, struct thread_party, party);
}

static unsigned draw(struct thread_party *me, unsigned n)
{
        return (unsigned)(cede__prng(me->seed, me->drawn++) % n);
}

/* True once woken, false if `until` came first. */
static bool wait_woken(struct thread_party *me, int64_t until)
{
        struct timespec limit = cede__clock_timespec(until);
        bool woken;
        int r = 0;

        pthread_mutex_lock(&me->lock);
        while (!me->woken && r == 0)
                r = until == CEDE_NEVER ?
                            pthread_cond_wait(&me->woken_changed, &me->lock) :
                            pthread_cond_timedwait(&me->woken_changed, &me->lock, &limit);
        woken = me->woken;
        pthread_mutex_unlock(&me->lock);
        return woken;
}

/* Returns when woken, not as soon as the cell is DONE: until then the waker uses the party. */
static void block(struct cede__party *party)
{
        struct thread_party *me = thread_of(party);

        if (!wait_woken(me, cede__clock_add(cede__clock_now(), me->patience))) {
                cede__wait_cancel(party, -ETIMEDOUT); /* or a grant was faster */
                wait_woken(me, CEDE_NEVER);
        }
        EXPECT_EQ(__atomic_load_n(&party->cell, __ATOMIC_ACQUIRE), CEDE__DONE);
        me->woken = false;
}

static void finish(struct cede__party *party, int result)
{
        struct thread_party *whom = thread_of(party);

        pthread_mutex_lock(&whom->lock);
        party->result = result;
        __atomic_store_n(&party->cell, CEDE__DONE, __ATOMIC_RELEASE);
        EXPECT(!whom->woken); /* once for each wait */
        whom->woken = true;
        pthread_cond_signal(&whom->woken_changed);
        pthread_mutex_unlock(&whom->lock);
}

static const struct cede__party_kind thread_kind = { block, finish, true, false };

enum { THREADS = 4, PERMITS = 5 };

static struct cede_sem sem;
static atomic_long held;
static unsigned rounds;

static void use_permits(struct thread_party *me, long n)
{
        EXPECT(atomic_fetch_add(&held, n) + n <= PERMITS);
        if (draw(me, 4) == 0)
                sched_yield();
        atomic_fetch_sub(&held, n);
}

static void *acquire_and_release(void *arg)
{
        struct thread_party *me = arg;

        cede__self = &me->party;
        for (unsigned i = 0; i < 100 || (i < rounds && test_has_time()); i++) {
                long n = 1 + draw(me, PERMITS);
                int r;

                me->tried++;
                me->party.priority = (int)draw(me, 3);
                me->scope.due = me->party.priority; /* something to be sorted by */
                /* None at all, some that is often just too little, or any amount. */
                me->patience = draw(me, 4) ? CEDE_NEVER : draw(me, 2) * draw(me, 20000);
                if (draw(me, 8) == 0) {
                        r = cede_sem_try_acquire_n(&sem, n);
                        EXPECT(r == 0 || r == -EAGAIN);
                } else {
                        r = cede_sem_acquire_n(&sem, n);
                        EXPECT(r == 0 || (r == -ETIMEDOUT && me->patience != CEDE_NEVER));
                }
                if (r < 0) {
                        me->cancelled += r == -ETIMEDOUT;
                        continue;
                }
                me->acquired++;
                use_permits(me, n);
                /* Given back at once, or in two parts. */
                if (n > 1 && draw(me, 2)) {
                        EXPECT_EQ(cede_sem_release(&sem), 0);
                        n--;
                }
                EXPECT_EQ(cede_sem_release_n(&sem, n), 0);
        }
        cede__self = NULL;
        return NULL;
}

static void contend(enum cede_order order)
{
        static struct thread_party parties[THREADS];
        pthread_t threads[THREADS];
        struct cede_sem_stats stats;
        pthread_condattr_t monotonic;
        unsigned tried = 0, acquired = 0;

        rounds = test_slowed() ? 1000 : 10000;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        EXPECT_EQ(cede_sem_init(&sem, PERMITS, order), 0);
        for (int i = 0; i < THREADS; i++) {
                parties[i] = (struct thread_party){ .party = { .kind = &thread_kind,
                                                               .scope = &parties[i].scope },
                                                    .scope.due = CEDE_NEVER,
                                                    .lock = PTHREAD_MUTEX_INITIALIZER,
                                                    .seed = (uint64_t)i };
                pthread_cond_init(&parties[i].woken_changed, &monotonic);
                EXPECT_EQ(pthread_create(&threads[i], NULL, acquire_and_release, &parties[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
                pthread_join(threads[i], NULL);
                tried += parties[i].tried;
                acquired += parties[i].acquired;
        }
        cede_sem_stats(&sem, &stats);
        EXPECT_EQ(stats.value, PERMITS);
        EXPECT_EQ(stats.waiting, 0);
        EXPECT(stats.peak_waiting <= THREADS);
        EXPECT(stats.handoffs <= acquired);
        EXPECT(acquired > tried / 4);
        cede_sem_finish(&sem);
}

TEST(fifo_between_threads, .seconds = 60)
{
        contend(CEDE_FIFO);
}

TEST(lifo_between_threads, .seconds = 60)
{
        contend(CEDE_LIFO);
}

TEST(priority_between_threads, .seconds = 60)
{
        contend(CEDE_PRIORITY);
}

TEST(edf_between_threads, .seconds = 60)
{
        contend(CEDE_EDF);
}

TEST(random_between_threads, .seconds = 60)
{
        contend(CEDE_RANDOM);
}

/*
 * Tasks of a loop wait; threads that are not part of it give the permits back.  Each task puts what
 * it has acquired into `returnable`, from where the threads release it; so wakes always come from
 * outside.  Some tasks are cancelled, by a time-out or together with their scope.
 */
enum { TASKS = 20, RELEASERS = 2 };

static atomic_long returnable;
static atomic_bool stop;
static unsigned tasks_acquired, tasks_cancelled;

static void *release_what_is_returnable(void *arg)
{
        (void)arg;
        while (!atomic_load(&stop) || atomic_load(&returnable) > 0) {
                long n = atomic_load(&returnable);

                if (n > 0 && atomic_compare_exchange_strong(&returnable, &n, n - 1)) {
                        atomic_fetch_sub(&held, 1);
                        EXPECT_EQ(cede_sem_release(&sem), 0);
                } else {
                        sched_yield();
                }
        }
        return NULL;
}

static void count_acquired(int r, long n)
{
        EXPECT(r == 0 || r == -ETIMEDOUT || r == -ECANCELED);
        if (r < 0) {
                tasks_cancelled++;
                return;
        }
        tasks_acquired++;
        EXPECT(atomic_fetch_add(&held, n) + n <= PERMITS);
        atomic_fetch_add(&returnable, n);
}

static int acquire_repeatedly(void *arg)
{
        uint64_t seed = (uintptr_t)arg;

        for (uint64_t i = 0; i < rounds; i++) {
                uint64_t random = cede__prng(seed, i);
                long n = (long)(1 + random % 3);
                int r = 0;

                if (random >> 8 & 3) {
                        r = cede_sem_acquire_n(&sem, n);
                } else {
                        CEDE_TIMEOUT(CEDE_US(random >> 16 & 15))
                                r = cede_sem_acquire_n(&sem, n);
                }
                count_acquired(r, n);
                if (r == -ECANCELED)
                        return r;
                if ((random >> 32 & 63) == 0)
                        cede_task_set_priority(cede_task_self(), (int)(random >> 40 & 3));
        }
        return 0;
}

/*
 * A timer is always set, so that the loop never asks whether anything can still come from outside.
 * And the others' scope is cancelled half-way, if there is one.
 */
static int keep_awake(void *arg)
{
        struct cede_scope *to_cancel = arg;

        while (to_cancel && tasks_acquired < rounds * TASKS / 2 && to_cancel->live > 0)
                if (cede_sleep(CEDE_US(100)) < 0)
                        return 0;
        if (to_cancel && to_cancel->live > 0)
                cede_scope_cancel(to_cancel);
        while (cede_sleep(CEDE_MS(1)) == 0)
                ;
        return 0;
}

static int tasks_against_threads(void *cancel_half_way)
{
        struct cede_scope tasks, awake;

        cede_scope_open(&awake);
        cede_scope_open(&tasks);
        for (uintptr_t i = 0; i < TASKS; i++)
                EXPECT_EQ(cede_spawn(&tasks, acquire_repeatedly, (void *)i), 0);
        EXPECT_EQ(cede_spawn(&awake, keep_awake, cancel_half_way ? &tasks : NULL), 0);
        EXPECT_EQ(cede_scope_close(&tasks, 0), 0);
        cede_scope_cancel(&awake);
        return cede_scope_close(&awake, 0);
}

static void run_against_threads(enum cede_order order, bool cancel_half_way)
{
        pthread_t threads[RELEASERS];

        rounds = test_slowed() ? 50 : 500;
        EXPECT_EQ(cede_sem_init(&sem, PERMITS, order), 0);
        for (int i = 0; i < RELEASERS; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, release_what_is_returnable, NULL), 0);
        EXPECT_EQ(cede_run(tasks_against_threads, cancel_half_way ? &sem : NULL), 0);
        atomic_store(&stop, true);
        for (int i = 0; i < RELEASERS; i++)
                pthread_join(threads[i], NULL);
        EXPECT_EQ(cede_sem_value(&sem), PERMITS);
        EXPECT_EQ(cede_sem_waiting(&sem), 0);
        EXPECT(cancel_half_way || tasks_acquired + tasks_cancelled == rounds * TASKS);
        cede_sem_finish(&sem);
}

TEST(tasks_woken_by_threads_fifo, .seconds = 60)
{
        run_against_threads(CEDE_FIFO, false);
}

TEST(tasks_woken_by_threads_priority, .seconds = 60)
{
        run_against_threads(CEDE_PRIORITY, false);
}

TEST(tasks_cancelled_while_threads_wake_them, .seconds = 60)
{
        run_against_threads(CEDE_LIFO, true);
}

/* Offloaded functions release what their own task acquired, and cancels race with their begin. */
static int release_one(void *arg)
{
        (void)arg;
        EXPECT(atomic_fetch_sub(&held, 1) >= 1);
        return cede_sem_release(&sem);
}

static int acquire_and_offload_the_release(void *arg)
{
        uint64_t seed = (uintptr_t)arg;

        for (uint64_t i = 0; i < rounds; i++) {
                int r = cede_sem_acquire(&sem);

                if (r < 0)
                        return r;
                EXPECT(atomic_fetch_add(&held, 1) + 1 <= PERMITS);
                CEDE_TIMEOUT(cede__prng(seed, i) % 4 ? CEDE_SEC(100) : CEDE_US(20))
                        r = cede_offload(release_one, NULL);
                if (r < 0) /* withdrawn: it has not run */
                        release_one(NULL);
        }
        return 0;
}

static int offload_much(void *arg)
{
        struct cede_scope tasks;

        (void)arg;
        cede_scope_open(&tasks);
        for (uintptr_t i = 0; i < TASKS; i++)
                EXPECT_EQ(cede_spawn(&tasks, acquire_and_offload_the_release, (void *)i), 0);
        return cede_scope_close(&tasks, 0);
}

TEST(offloaded_functions_release, .seconds = 60)
{
        struct cede_run_options options = { .offload_threads = 2, .offload_queue = 1 };

        rounds = test_slowed() ? 30 : 300;
        EXPECT_EQ(cede_sem_init(&sem, PERMITS, CEDE_FIFO), 0);
        EXPECT_EQ(cede_run_with(offload_much, NULL, &options), 0);
        EXPECT_EQ(cede_sem_value(&sem), PERMITS);
        EXPECT_EQ(atomic_load(&held), 0);
}
