/* SPDX-License-Identifier: MIT */
/*
 * Read-write lock under threads and tasks of two runs: what it guards is plain memory, which the
 * thread sanitizer watches; and whoever holds it checks that it is alone, or among readers.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/prng.h"
#include "log.h"

enum { THREADS = 4, TASKS = 4 };

static struct cede_rwlock l;
static long value, copy; /* equal, unless somebody writes */
static atomic_int readers, writers;
static atomic_long written;

static void look(void)
{
        atomic_fetch_add(&readers, 1);
        EXPECT_EQ(atomic_load(&writers), 0);
        EXPECT_EQ(value, copy);
        atomic_fetch_sub(&readers, 1);
}

static void change(void)
{
        EXPECT_EQ(atomic_fetch_add(&writers, 1), 0);
        EXPECT_EQ(atomic_load(&readers), 0);
        value++;
        copy++;
        atomic_fetch_sub(&writers, 1);
        atomic_fetch_add(&written, 1);
}

static void read_it(int r)
{
        if (r == 0) {
                look();
                EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        } else {
                EXPECT(r == -EAGAIN || r == -ETIMEDOUT);
        }
}

static void write_it(int r, bool downgrade)
{
        if (r < 0) {
                EXPECT(r == -EAGAIN || r == -ETIMEDOUT);
                return;
        }
        change();
        if (downgrade) {
                EXPECT_EQ(cede_rwlock_downgrade(&l), 0);
                look();
                EXPECT_EQ(cede_rwlock_read_unlock(&l), 0);
        } else {
                EXPECT_EQ(cede_rwlock_write_unlock(&l), 0);
        }
}

static void use(uint64_t random, unsigned i)
{
        switch (cede__prng(random, i) % 16) {
        case 0:
                write_it(cede_rwlock_write_lock(&l), false);
                break;
        case 1:
                write_it(cede_rwlock_write_lock(&l), true);
                break;
        case 2:
                write_it(cede_rwlock_try_write_lock(&l), false);
                break;
        case 3:
                CEDE_TIMEOUT(CEDE_US(1))
                        write_it(cede_rwlock_write_lock(&l), false);
                break;
        case 4:
                CEDE_TIMEOUT(CEDE_US(1))
                        read_it(cede_rwlock_read_lock(&l));
                break;
        case 5:
                read_it(cede_rwlock_try_read_lock(&l));
                break;
        default:
                read_it(cede_rwlock_read_lock(&l));
        }
}

static unsigned rounds(void)
{
        return test_slowed() ? 200 : 20000;
}

static void *thread_main(void *seed)
{
        uint64_t random = (uintptr_t)seed;

        for (unsigned i = 0; i < rounds(); i++)
                use(random, i);
        return NULL;
}

static int task_main(void *seed)
{
        uint64_t random = (uintptr_t)seed;

        for (unsigned i = 0; i < rounds(); i++) {
                use(random, i);
                if (i % 3 == 0)
                        EXPECT_EQ(cede_yield(), 0);
        }
        return 0;
}

static int run_main(void *seed)
{
        int r = 0;

        CEDE_SCOPE(all, &r) {
                for (uintptr_t i = 0; i < TASKS && r >= 0; i++)
                        r = cede_spawn(&all, task_main, (void *)((uintptr_t)seed + i));
        }
        return r;
}

static void *run_in_thread(void *seed)
{
        EXPECT_EQ(cede_run(run_main, seed), 0);
        return NULL;
}

static void stress(enum cede_order order, enum cede_preference preference, bool tracking)
{
        pthread_t threads[THREADS];

        EXPECT_EQ(cede_rwlock_init(&l, order), 0);
        EXPECT_EQ(cede_rwlock_set_preference(&l, preference), 0);
        cede_rwlock_set_tracking(&l, tracking);
        for (uintptr_t i = 0; i < THREADS; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, i % 2 ? run_in_thread : thread_main,
                                         (void *)(100 * i + 1)),
                          0);
        for (int i = 0; i < THREADS; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        EXPECT_EQ(value, atomic_load(&written));
        EXPECT_EQ(cede_rwlock_waiting(&l), 0);
        cede_rwlock_finish(&l);
}

TEST(fair)
{
        stress(CEDE_FIFO, CEDE_FAIR, false);
        stress(CEDE_RANDOM, CEDE_FAIR, false);
}

TEST(readers_first)
{
        stress(CEDE_FIFO, CEDE_READERS_FIRST, false);
        stress(CEDE_LIFO, CEDE_READERS_FIRST, false);
}

TEST(writers_first)
{
        stress(CEDE_FIFO, CEDE_WRITERS_FIRST, false);
        stress(CEDE_PRIORITY, CEDE_WRITERS_FIRST, false);
}

TEST(tracked)
{
        for (int i = 0; i < 3; i++)
                stress(CEDE_FIFO, (enum cede_preference)i, true);
}
