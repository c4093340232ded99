/* SPDX-License-Identifier: MIT */
/* The primitives as matrix.c sees them, each as a table of what can be done with it. */
#ifndef MATRIX_OBJECTS_H
#define MATRIX_OBJECTS_H

#include "log.h"

struct object {
        void (*init)(enum cede_order order); /* so that everybody has to wait */
        int (*wait)(void);
        int (*wait_async)(struct cede_callback *callback);
        void (*leave)(void); /* of who got it: passes it on */
        void (*leave_async)(struct cede_callback *callback);
        void (*grant)(unsigned n); /* n wait */
        unsigned (*waiting)(void);
        void (*check_left)(unsigned n, unsigned peak); /* n got it; at most so many waited */
        bool wakes_all;                                /* there is no order among threads then */
};

static bool one_loop; /* nothing happens while the main task runs */

/* With adaptive transfer nobody comes to pass those who wait, so their order is the same. */
static enum cede_transfer transfer;

static struct cede_sem sem;
static struct cede_mutex mutex;
static struct cede_rwlock rwlock;
static struct cede_event event_;
static struct cede_condition condition_;
static struct cede_future future_;
static struct cede_queue queue;

static void sem_init(enum cede_order order)
{
        EXPECT_EQ(cede_sem_init(&sem, 0, order), 0);
        EXPECT_EQ(cede_sem_set_transfer(&sem, transfer), 0);
}

static int sem_wait(void)
{
        return cede_sem_acquire(&sem);
}

static int sem_wait_async(struct cede_callback *callback)
{
        return cede_sem_acquire_async(&sem, 1, callback);
}

static void sem_leave(void)
{
        EXPECT_EQ(cede_sem_release(&sem), 0);
}

static void sem_leave_async(struct cede_callback *callback)
{
        (void)callback;
        sem_leave();
}

static void sem_grant(unsigned n)
{
        sem_leave();
        if (n && one_loop && transfer == CEDE_STRICT)
                EXPECT_EQ(cede_sem_try_acquire(&sem), -EAGAIN);
}

static unsigned sem_waiting(void)
{
        return cede_sem_waiting(&sem);
}

static void sem_check_left(unsigned n, unsigned peak)
{
        struct cede_sem_stats stats;

        cede_sem_stats(&sem, &stats);
        EXPECT_EQ(stats.value, 1);
        EXPECT_EQ(stats.waiting, 0);
        EXPECT(stats.handoffs == n || transfer == CEDE_ADAPTIVE);
        EXPECT(stats.peak_waiting == peak || peak == 0);
        cede_sem_finish(&sem);
}

static const struct object semaphore = { sem_init,    sem_wait,        sem_wait_async,
                                         sem_leave,   sem_leave_async, sem_grant,
                                         sem_waiting, sem_check_left,  false };

static void mutex_init(enum cede_order order)
{
        EXPECT_EQ(cede_mutex_init(&mutex, order), 0);
        EXPECT_EQ(cede_mutex_set_transfer(&mutex, transfer), 0);
        EXPECT_EQ(cede_mutex_lock(&mutex), 0);
}

static int mutex_wait(void)
{
        return cede_mutex_lock(&mutex);
}

static int mutex_wait_async(struct cede_callback *callback)
{
        return cede_mutex_lock_async(&mutex, callback);
}

static void mutex_leave(void)
{
        EXPECT(cede_mutex_owned(&mutex));
        EXPECT_EQ(cede_mutex_unlock(&mutex), 0);
}

static void mutex_leave_async(struct cede_callback *callback)
{
        EXPECT_EQ(cede_mutex_unlock_async(&mutex, callback), 0);
}

static void mutex_grant(unsigned n)
{
        mutex_leave();
        if (n && one_loop && transfer == CEDE_STRICT) {
                EXPECT(cede_mutex_locked(&mutex));
                EXPECT_EQ(cede_mutex_try_lock(&mutex), -EAGAIN);
        }
}

static unsigned mutex_waiting(void)
{
        return cede_mutex_waiting(&mutex);
}

static void mutex_check_left(unsigned n, unsigned peak)
{
        struct cede_mutex_stats stats;

        cede_mutex_stats(&mutex, &stats);
        EXPECT(!cede_mutex_locked(&mutex));
        EXPECT_EQ(stats.waiting, 0);
        EXPECT(stats.handoffs == n || transfer == CEDE_ADAPTIVE);
        EXPECT(stats.peak_waiting == peak || peak == 0);
        cede_mutex_finish(&mutex);
}

static const struct object mutex_object = { mutex_init,    mutex_wait,        mutex_wait_async,
                                            mutex_leave,   mutex_leave_async, mutex_grant,
                                            mutex_waiting, mutex_check_left,  false };

/* Written: one after the other.  Read: all at once. */
static void rwlock_init(enum cede_order order)
{
        EXPECT_EQ(cede_rwlock_init(&rwlock, order), 0);
        EXPECT_EQ(cede_rwlock_write_lock(&rwlock), 0);
}

static int write_wait(void)
{
        return cede_rwlock_write_lock(&rwlock);
}

static int write_wait_async(struct cede_callback *callback)
{
        return cede_rwlock_write_lock_async(&rwlock, callback);
}

static void write_leave(void)
{
        EXPECT(cede_rwlock_owned(&rwlock));
        EXPECT_EQ(cede_rwlock_write_unlock(&rwlock), 0);
}

static void write_leave_async(struct cede_callback *callback)
{
        EXPECT_EQ(cede_rwlock_write_unlock_async(&rwlock, callback), 0);
}

static void write_grant(unsigned n)
{
        write_leave();
        if (n && one_loop) {
                EXPECT(cede_rwlock_written(&rwlock));
                EXPECT_EQ(cede_rwlock_try_read_lock(&rwlock), -EAGAIN);
        }
}

static int read_wait(void)
{
        return cede_rwlock_read_lock(&rwlock);
}

static int read_wait_async(struct cede_callback *callback)
{
        return cede_rwlock_read_lock_async(&rwlock, callback);
}

static void read_leave(void)
{
        EXPECT_EQ(cede_rwlock_read_unlock(&rwlock), 0);
}

static void read_leave_async(struct cede_callback *callback)
{
        (void)callback;
        read_leave();
}

static void read_grant(unsigned n)
{
        write_leave();
        if (one_loop)
                EXPECT_EQ(cede_rwlock_reading(&rwlock), n);
}

static unsigned rwlock_waiting(void)
{
        return cede_rwlock_waiting(&rwlock);
}

static void rwlock_check_left(unsigned n, unsigned peak)
{
        struct cede_rwlock_stats stats;

        cede_rwlock_stats(&rwlock, &stats);
        EXPECT_EQ(stats.reading, 0);
        EXPECT_EQ(stats.waiting, 0);
        EXPECT_EQ(stats.handoffs, n);
        EXPECT(stats.peak_waiting == peak || peak == 0);
        cede_rwlock_finish(&rwlock);
}

static const struct object write_object = { rwlock_init,    write_wait,        write_wait_async,
                                            write_leave,    write_leave_async, write_grant,
                                            rwlock_waiting, rwlock_check_left, false };

static const struct object read_object = { rwlock_init,    read_wait,         read_wait_async,
                                           read_leave,     read_leave_async,  read_grant,
                                           rwlock_waiting, rwlock_check_left, true };

static void event_init(enum cede_order order)
{
        EXPECT_EQ(cede_event_init(&event_, order), 0);
}

static int event_wait(void)
{
        return cede_event_wait(&event_);
}

static int event_wait_async(struct cede_callback *callback)
{
        return cede_event_wait_async(&event_, callback);
}

static void event_leave(void)
{
}

static void event_leave_async(struct cede_callback *callback)
{
        (void)callback;
}

static void event_grant(unsigned n)
{
        (void)n;
        cede_event_set(&event_);
        EXPECT_EQ(cede_event_waiting(&event_), 0);
        cede_event_clear(&event_); /* those that waited are awake all the same */
}

static unsigned event_waiting(void)
{
        return cede_event_waiting(&event_);
}

static void event_check_left(unsigned n, unsigned peak)
{
        struct cede_event_stats stats;

        (void)n;
        cede_event_stats(&event_, &stats);
        EXPECT(!cede_event_is_set(&event_));
        EXPECT_EQ(stats.waiting, 0);
        EXPECT(stats.peak_waiting == peak || peak == 0);
        cede_event_finish(&event_);
}

static const struct object event_object = { event_init,    event_wait,        event_wait_async,
                                            event_leave,   event_leave_async, event_grant,
                                            event_waiting, event_check_left,  true };

static void future_init(enum cede_order order)
{
        EXPECT_EQ(cede_future_init(&future_, order), 0);
}

static int future_wait(void)
{
        return cede_future_await(&future_, NULL);
}

static int future_wait_async(struct cede_callback *callback)
{
        return cede_future_await_async(&future_, callback);
}

static void future_grant(unsigned n)
{
        (void)n;
        EXPECT_EQ(cede_future_resolve(&future_, NULL), 0);
}

static unsigned future_waiting(void)
{
        return cede_future_waiting(&future_);
}

static void future_check_left(unsigned n, unsigned peak)
{
        struct cede_future_stats stats;

        (void)n;
        cede_future_stats(&future_, &stats);
        EXPECT(cede_future_is_done(&future_));
        EXPECT_EQ(stats.waiting, 0);
        EXPECT(stats.peak_waiting == peak || peak == 0);
        cede_future_finish(&future_);
}

static const struct object future_object = { future_init,    future_wait,       future_wait_async,
                                             event_leave,    event_leave_async, future_grant,
                                             future_waiting, future_check_left, true };

static void condition_init(enum cede_order order)
{
        EXPECT_EQ(cede_mutex_init(&mutex, CEDE_FIFO), 0);
        EXPECT_EQ(cede_condition_init(&condition_, order), 0);
}

/* Without a notification it returns holding the mutex, too. */
static int condition_wait(void)
{
        int r = cede_mutex_lock(&mutex);

        if (r < 0)
                return r; /* the deadline had passed before */
        r = cede_condition_wait(&condition_, &mutex);
        EXPECT(cede_mutex_owned(&mutex));
        if (r < 0)
                mutex_leave();
        return r;
}

static void condition_grant(unsigned n)
{
        EXPECT_EQ(cede_mutex_lock(&mutex), 0);
        EXPECT_EQ(cede_condition_notify(&condition_, 1), n ? 1 : 0);
        EXPECT_EQ(cede_condition_notify_all(&condition_), n ? n - 1 : 0);
        EXPECT_EQ(cede_mutex_waiting(&mutex), n); /* they have moved */
        mutex_leave();
}

static unsigned condition_waiting(void)
{
        return cede_condition_waiting(&condition_);
}

static void condition_check_left(unsigned n, unsigned peak)
{
        struct cede_condition_stats stats;

        (void)n;
        cede_condition_stats(&condition_, &stats);
        EXPECT(!cede_mutex_locked(&mutex));
        EXPECT_EQ(cede_mutex_waiting(&mutex), 0);
        EXPECT_EQ(stats.waiting, 0);
        EXPECT(stats.peak_waiting == peak || peak == 0);
        cede_condition_finish(&condition_);
        cede_mutex_finish(&mutex);
}

static const struct object condition_object = {
        condition_init,    condition_wait,       NULL, mutex_leave, NULL, condition_grant,
        condition_waiting, condition_check_left, false
};

/* Items without bytes: each who got one puts it back for the next, or takes it again. */

static void queue_init(size_t capacity, enum cede_order order)
{
        EXPECT_EQ(cede_queue_init(&queue, 0, capacity, CEDE_FIFO), 0);
        EXPECT_EQ(cede_queue_set_order(&queue, order), 0);
}

static int queue_put_one(void)
{
        return cede_queue_put(&queue, NULL);
}

static int queue_get_one(void)
{
        return cede_queue_get(&queue, NULL);
}

static int queue_put_async(struct cede_callback *callback)
{
        return cede_queue_put_async(&queue, NULL, 0, callback);
}

static int queue_get_async(struct cede_callback *callback)
{
        return cede_queue_get_async(&queue, NULL, callback);
}

static void queue_try_put(void)
{
        EXPECT_EQ(cede_queue_try_put(&queue, NULL), 0);
}

static void queue_try_get(void)
{
        EXPECT_EQ(cede_queue_try_get(&queue, NULL), 0);
}

static void queue_try_put_async(struct cede_callback *callback)
{
        (void)callback;
        queue_try_put();
}

static void queue_try_get_async(struct cede_callback *callback)
{
        (void)callback;
        queue_try_get();
}

static void queue_check_left(size_t size, uint64_t puts, unsigned most)
{
        struct cede_queue_stats stats;

        cede_queue_stats(&queue, &stats);
        EXPECT_EQ(stats.size, size);
        EXPECT_EQ(stats.puts, puts);
        EXPECT_EQ(stats.getters, 0);
        EXPECT_EQ(stats.putters, 0);
        EXPECT(stats.peak_getters + stats.peak_putters == most || most == 0);
        cede_queue_finish(&queue);
}

static void getters_init(enum cede_order order)
{
        queue_init(1, order);
}

static void getters_grant(unsigned n)
{
        queue_try_put();
        if (n && one_loop)
                EXPECT_EQ(cede_queue_try_get(&queue, NULL), -EAGAIN);
}

static unsigned getters_waiting(void)
{
        return cede_queue_getters(&queue);
}

static void getters_check_left(unsigned n, unsigned peak)
{
        queue_check_left(1, n + 1, peak);
}

static const struct object queue_getters = { getters_init,    queue_get_one,       queue_get_async,
                                             queue_try_put,   queue_try_put_async, getters_grant,
                                             getters_waiting, getters_check_left,  false };

static void putters_init(enum cede_order order)
{
        queue_init(1, order);
        queue_try_put();
}

static void putters_grant(unsigned n)
{
        queue_try_get();
        if (n && one_loop)
                EXPECT_EQ(cede_queue_try_put(&queue, NULL), -EAGAIN);
}

static unsigned putters_waiting(void)
{
        return cede_queue_putters(&queue);
}

static void putters_check_left(unsigned n, unsigned peak)
{
        queue_check_left(0, n + 1, peak);
}

static const struct object queue_putters = { putters_init,    queue_put_one,       queue_put_async,
                                             queue_try_get,   queue_try_get_async, putters_grant,
                                             putters_waiting, putters_check_left,  false };

#endif
