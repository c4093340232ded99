/* SPDX-License-Identifier: MIT */
/*
 * Adaptive transfer in a storm: tasks on two loops, threads and callbacks at one mutex and one
 * semaphore, in every order, with deadlines, cancels from anywhere, and changes of priority.  Who
 * is nudged may be cancelled, run out of time or be sorted anew before it comes back.  The outcome
 * of each call is open; exclusion holds, permits add up, and at the end nobody is left or on his
 * way.
 *
 * Every wait is under a deadline, so none is looked at for circles of owners.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/prng.h"
#include "log.h"

enum { LOOPS = 2, TASKS = 3, THREADS = 2, PARTIES = LOOPS * TASKS + THREADS, PERMITS = 4 };

static struct cede_mutex m;
static struct cede_sem s;
static long counter;                  /* under m */
static long taken, inside, callbacks; /* atomic */
static int turns;

/* Who can be cancelled just now. */
static struct victim {
        pthread_mutex_t lock;
        struct cede_scope *scope; /* under the lock */
} victims[PARTIES];

static struct cede_task *tasks[LOOPS][TASKS]; /* each row is its loop's */
static _Thread_local int this_loop;

struct party {
        int number;
        int loop; /* -1: a thread */
        uint64_t seed, draws;
};

static uint64_t draw(struct party *p)
{
        return cede__prng(p->seed, p->draws++) >> 20;
}

static long add(long *to, long n)
{
        return __atomic_add_fetch(to, n, __ATOMIC_RELAXED);
}

static void hold_permits(long n)
{
        EXPECT(add(&inside, n) <= PERMITS);
        add(&inside, -n);
        EXPECT_EQ(cede_sem_release_n(&s, n), 0);
}

static void use_mutex(int r, bool pause)
{
        long seen;

        if (r < 0) {
                EXPECT(r == -ETIMEDOUT || r == -ECANCELED);
                return;
        }
        seen = counter;
        if (pause)
                (void)!cede_yield();
        counter = seen + 1;
        add(&taken, 1);
        cede_mutex_unlock(&m);
}

static void use_sem(int r, long n)
{
        if (r == 0)
                hold_permits(n);
        else
                EXPECT(r == -ETIMEDOUT || r == -ECANCELED);
}

static void on_mutex(struct cede_callback *callback, int r)
{
        EXPECT_EQ(r, 0);
        counter++;
        add(&taken, 1);
        EXPECT_EQ(cede_mutex_unlock_async(&m, callback), 0);
        add(&callbacks, 1);
        free(callback);
}

static void on_permit(struct cede_callback *callback, int r)
{
        EXPECT_EQ(r, 0);
        hold_permits(1);
        add(&callbacks, 1);
        free(callback);
}

/* A callback that joins the queue, and sometimes leaves it again. */
static void call_back(uint64_t r)
{
        struct cede_callback *callback = calloc(1, sizeof(*callback));

        EXPECT(callback);
        callback->fn = r & 1 ? on_mutex : on_permit;
        callback->priority = (int)(r >> 1 & 3);
        EXPECT_EQ(r & 1 ? cede_mutex_lock_async(&m, callback) :
                          cede_sem_acquire_async(&s, 1, callback),
                  0);
        if (r & 64 && cede_callback_cancel(callback) == 0)
                free(callback);
}

static void be_victim(const struct party *p, struct cede_scope *scope)
{
        struct victim *v = &victims[p->number];

        pthread_mutex_lock(&v->lock);
        v->scope = scope;
        pthread_mutex_unlock(&v->lock);
}

static void cancel_somebody(struct party *p)
{
        struct victim *v = &victims[draw(p) % PARTIES];

        pthread_mutex_lock(&v->lock);
        if (v->scope)
                cede_scope_cancel(v->scope);
        pthread_mutex_unlock(&v->lock);
}

static void take_turn(struct party *p)
{
        uint64_t r = draw(p), what = r >> 8;
        struct cede_scope_options options = {
                .deadline = cede_in(r % 8 ? CEDE_SEC(1000) : CEDE_US(r % 64)),
        };
        struct cede_scope scope;

        cede_scope_open_with(&scope, &options);
        be_victim(p, &scope);
        if (what % 8 < 4)
                use_mutex(cede_mutex_lock(&m), what % 3 == 0);
        else
                use_sem(cede_sem_acquire_n(&s, 1 + (long)(what % 3)), 1 + (long)(what % 3));
        be_victim(p, NULL);
        EXPECT(cede_scope_close(&scope, 0) <= 0);
        r = draw(p);
        if (r % 4 == 0)
                cancel_somebody(p);
        if (p->loop >= 0 && r % 3 == 0 && tasks[p->loop][r / 16 % TASKS])
                cede_task_set_priority(tasks[p->loop][r / 16 % TASKS], (int)(r / 64 % 5));
        if (p->loop >= 0 && r % 16 == 1)
                call_back(r >> 16);
}

static void take_turns(int number, int loop)
{
        struct party p = { number, loop, (uint64_t)number, 0 };

        for (int i = 0; i < 100 || (i < turns && test_has_time()); i++)
                take_turn(&p);
}

static int be_task(void *arg)
{
        int i = (int)(intptr_t)arg;

        tasks[this_loop][i] = cede_task_self();
        take_turns(this_loop * TASKS + i, this_loop);
        tasks[this_loop][i] = NULL;
        return 0;
}

static int be_tasks(void *arg)
{
        struct cede_scope c;

        this_loop = (int)(intptr_t)arg;
        cede_scope_open(&c);
        for (intptr_t i = 0; i < TASKS; i++)
                EXPECT_EQ(cede_spawn(&c, be_task, (void *)i), 0);
        return cede_scope_close(&c, 0);
}

static void *be_loop(void *arg)
{
        EXPECT_EQ(cede_run(be_tasks, arg), 0);
        return NULL;
}

static void *be_thread(void *arg)
{
        take_turns(LOOPS * TASKS + (int)(intptr_t)arg, -1);
        return NULL;
}

static void storm(enum cede_order order)
{
        pthread_t threads[LOOPS + THREADS];

        EXPECT_EQ(cede_mutex_init(&m, order), 0);
        EXPECT_EQ(cede_sem_init(&s, PERMITS, order), 0);
        EXPECT_EQ(cede_mutex_set_transfer(&m, CEDE_ADAPTIVE), 0);
        EXPECT_EQ(cede_sem_set_transfer(&s, CEDE_ADAPTIVE), 0);
        EXPECT_EQ(cede_sem_set_max(&s, PERMITS), 0);
        turns = test_slowed() ? 200 : 10000;
        for (int i = 0; i < PARTIES; i++)
                EXPECT_EQ(pthread_mutex_init(&victims[i].lock, NULL), 0);
        for (intptr_t i = 0; i < LOOPS + THREADS; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, i < LOOPS ? be_loop : be_thread,
                                         (void *)(i < LOOPS ? i : i - LOOPS)),
                          0);
        for (int i = 0; i < LOOPS + THREADS; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        EXPECT_EQ(counter, taken);
        EXPECT(taken > 0 && callbacks > 0);
        EXPECT_EQ(cede_sem_value(&s), PERMITS);
        cede_mutex_finish(&m); /* ends the program if anybody waits, or is on his way */
        cede_sem_finish(&s);
}

TEST(adaptive_storm_in_fifo_order, .seconds = 60)
{
        storm(CEDE_FIFO);
}

TEST(adaptive_storm_in_lifo_order, .seconds = 60)
{
        storm(CEDE_LIFO);
}

TEST(adaptive_storm_in_priority_order, .seconds = 60)
{
        storm(CEDE_PRIORITY);
}

TEST(adaptive_storm_in_deadline_order, .seconds = 60)
{
        storm(CEDE_EDF);
}

TEST(adaptive_storm_in_random_order, .seconds = 60)
{
        storm(CEDE_RANDOM);
}
