/* SPDX-License-Identifier: MIT */
/* Tasks, threads and callbacks in one queue: in order, and all at once. */
#include "threads.h"

/* Orders, across kinds: t is a task, T a thread, c a callback; each arrival is waited for. */

struct arrival {
        char kind;
        int number;
        struct cede_callback callback;
};

enum { ARRIVALS = 9 };

static struct arrival arrivals[ARRIVALS];
static char order_log[64];
static atomic_int served;

static void serve(const struct arrival *a)
{
        int n = atomic_load(&served);

        order_log[2 * n] = a->kind;
        order_log[2 * n + 1] = (char)('0' + a->number);
        atomic_store(&served, n + 1);
}

static int task_arrives(void *arg)
{
        EXPECT_EQ(cede_sem_acquire(&sem), 0);
        serve(arg);
        return 0;
}

static void *thread_arrives(void *arg)
{
        EXPECT_EQ(cede_sem_acquire(&sem), 0);
        serve(arg);
        return NULL;
}

static void callback_arrives(struct cede_callback *callback, int result)
{
        EXPECT_EQ(result, 0);
        serve(cede__container_of(callback, struct arrival, callback));
}

static int mixed_queue(void *arg)
{
        pthread_t threads[ARRIVALS];
        struct cede_scope s;

        (void)arg;
        cede_scope_open(&s);
        for (int i = 0; i < ARRIVALS; i++) {
                struct arrival *a = &arrivals[i];

                *a = (struct arrival){ "tTc"[i % 3], i, .callback.fn = callback_arrives };
                a->callback.priority = i / 3; /* later callbacks first, threads and tasks: 0, */
                if (a->kind == 't')           /* but tasks: the other way round */
                        EXPECT_EQ(cede_spawn_with(
                                          &s, &(struct cede_spawn_options){ .priority = 1 - i / 3 },
                                          task_arrives, a, NULL),
                                  0);
                else if (a->kind == 'T')
                        threads[i] = start(thread_arrives, a);
                else
                        EXPECT_EQ(cede_sem_acquire_async(&sem, 1, &a->callback), 0);
                while (cede_sem_waiting(&sem) != (unsigned)i + 1)
                        EXPECT_EQ(cede_yield(), 0);
        }
        for (int i = 0; i < ARRIVALS; i++) {
                EXPECT_EQ(cede_sem_release(&sem), 0);
                EXPECT_EQ(cede_sem_waiting(&sem), ARRIVALS - 1 - i);
                while (atomic_load(&served) != i + 1)
                        EXPECT_EQ(cede_yield(), 0);
        }
        for (int i = 1; i < ARRIVALS; i += 3)
                join(threads[i]);
        return cede_scope_close(&s, 0);
}

static void mixed(enum cede_order order, const char *expected)
{
        empty(order);
        EXPECT_EQ(cede_run(mixed_queue, NULL), 0);
        EXPECT_STR(order_log, expected);
        expect_left(0);
}

TEST(tasks_threads_and_callbacks_fifo)
{
        mixed(CEDE_FIFO, "t0T1c2t3T4c5t6T7c8");
}

TEST(tasks_threads_and_callbacks_lifo)
{
        mixed(CEDE_LIFO, "c8T7t6c5T4t3c2T1t0");
}

TEST(tasks_threads_and_callbacks_by_priority)
{
        mixed(CEDE_PRIORITY, "c8t0c5T1c2t3T4T7t6");
}

/* Everybody at once. */

enum { STORMERS = 6, PERMITS = 5 };

static struct cede_scope *cancellable[STORMERS];
static pthread_mutex_t cancellable_lock[STORMERS];
static atomic_long held;
static atomic_bool calm;
static atomic_uint taken;

static void publish(int i, struct cede_scope *scope)
{
        pthread_mutex_lock(&cancellable_lock[i]);
        cancellable[i] = scope;
        pthread_mutex_unlock(&cancellable_lock[i]);
}

static void storm_once(uint64_t random, int mine)
{
        long n = (long)(1 + random % PERMITS);
        struct cede_scope s;
        int r;

        cede_scope_open_with(
                &s,
                &(struct cede_scope_options){
                        .deadline = random >> 8 & 1 ? cede_in(CEDE_US(random >> 16 & 63)) : 0 });
        if (mine >= 0)
                publish(mine, &s);
        r = cede_sem_acquire_n(&sem, n);
        EXPECT(r == 0 || r == -ECANCELED || r == -ETIMEDOUT);
        if (r == 0) {
                atomic_fetch_add(&taken, 1);
                EXPECT(atomic_fetch_add(&held, n) + n <= PERMITS);
                if ((random >> 24 & 7) == 0)
                        (void)cede_yield();
                atomic_fetch_sub(&held, n);
                EXPECT_EQ(cede_sem_release_n(&sem, n), 0);
        }
        if (mine >= 0)
                publish(mine, NULL);
        (void)cede_scope_close(&s, 0);
}

static void *storm(void *arg)
{
        uint64_t seed = (uintptr_t)arg;

        for (uint64_t i = 0; !atomic_load(&calm); i++)
                storm_once(cede__prng(seed, i), (int)seed);
        return NULL;
}

static int storm_task(void *arg)
{
        uint64_t seed = 100 + (uintptr_t)arg;

        for (uint64_t i = 0; !atomic_load(&calm); i++) {
                storm_once(cede__prng(seed, i), -1);
                EXPECT_EQ(cede_yield(), 0);
        }
        return 0;
}

static int storm_tasks(void *arg)
{
        uintptr_t seed = (uintptr_t)arg;
        struct cede_scope s;

        cede_scope_open(&s);
        for (uintptr_t i = 0; i < 3; i++)
                EXPECT_EQ(cede_spawn(&s, storm_task, (void *)(seed * 10 + i)), 0);
        for (uint64_t i = 0; !atomic_load(&calm); i++) {
                storm_once(cede__prng(seed, i), (int)seed);
                (void)cede_sleep(CEDE_US(50));
        }
        return cede_scope_close(&s, 0);
}

static void *storm_run(void *arg)
{
        EXPECT_EQ(cede_run(storm_tasks, arg), 0);
        return NULL;
}

static void storm_for(enum cede_order order, int64_t ns)
{
        pthread_t threads[STORMERS];
        int64_t end = cede_in(ns);

        EXPECT_EQ(cede_sem_init(&sem, PERMITS, order), 0);
        for (int i = 0; i < STORMERS; i++)
                EXPECT_EQ(pthread_mutex_init(&cancellable_lock[i], NULL), 0);
        for (uintptr_t i = 0; i < STORMERS; i++)
                threads[i] = start(i < 4 ? storm : storm_run, (void *)i);
        for (uint64_t i = 0; cede_now() < end || atomic_load(&taken) < 100; i++) {
                uint64_t whom = cede__prng(1000, i) % STORMERS;

                pthread_mutex_lock(&cancellable_lock[whom]);
                if (cancellable[whom])
                        cede_scope_cancel(cancellable[whom]);
                pthread_mutex_unlock(&cancellable_lock[whom]);
                EXPECT_EQ(cede_sleep(CEDE_US(20)), 0);
        }
        atomic_store(&calm, true);
        for (int i = 0; i < STORMERS; i++)
                join(threads[i]);
        EXPECT_EQ(atomic_load(&held), 0);
        expect_left(PERMITS);
}

TEST(storm_fifo, .seconds = 60)
{
        storm_for(CEDE_FIFO, CEDE_MS(400));
}

TEST(storm_lifo, .seconds = 60)
{
        storm_for(CEDE_LIFO, CEDE_MS(400));
}

TEST(storm_by_priority, .seconds = 60)
{
        storm_for(CEDE_PRIORITY, CEDE_MS(400));
}
