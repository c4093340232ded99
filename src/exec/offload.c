/* SPDX-License-Identifier: MIT */
/*
 * Offload: functions run by a pool of threads, each for a task that waits.
 *
 * A job is a waiter: it lies on the task's stack, in the pool's queue, in the queue's order.  A
 * thread that takes it claims the party first.  So beginning a job competes with cancelling it on
 * the one cell, like any grant (wait/wait.h):
 *
 *      thread: claim, run, finish(result)      the canceller loses: the job is waited for
 *      canceller: claim, withdraw, finish      the thread loses: the job is never run
 *
 * Two bounds.  `room` has a permit for each thread and each place in the queue; who finds none
 * waits for it like for any semaphore.  Threads are started while there are more jobs than threads.
 *
 * Each loop counts the jobs that it handed out and has not seen finished (loop.h), so that it can
 * tell waiting for a job from a deadlock, and knows when a virtual clock may move.  The pool is the
 * run's: all its workers use it.
 */
#include <cede/offload.h>

#include "base/alloc.h"
#include "base/futex.h"
#include "base/spin.h"
#include "base/thread.h"
#include "task/run.h"
#include <cede/sem.h>
#include <cede/thread.h>
#include <errno.h>
#include <unistd.h>

enum { THREADS = 4, QUEUE = 1024 };

struct job {
        struct cede__waiter waiter;
        int (*fn)(void *arg);
        void *arg;
};

struct cede__pool {
        struct cede__run *run;
        struct cede_sem room; /* threads + places in the queue */
        unsigned threads_min, threads_max;
        pthread_mutex_t lock;
        _Atomic uint32_t changes; /* under lock; idle threads sleep on it */
        struct cede__waitq jobs;  /* under lock */
        unsigned idle;            /* under lock: threads that wait for a job */
        bool stop;                /* under lock */
        unsigned threads;         /* under lock */
        atomic_uint unfinished;   /* jobs whose tasks have not heard of the end */
        pthread_t thread[];
};

/* Under the lock: the next job to run, claimed; NULL when there is none. */
static struct job *take(struct cede__pool *pool)
{
        struct cede__wnode *head;

        while ((head = cede__waitq_head(&pool->jobs))) {
                struct cede__waiter *w = cede__container_of(head, struct cede__waiter, node);

                if (cede__claim(w->party)) {
                        cede__waitq_grant(&pool->jobs, head);
                        return cede__container_of(w, struct job, waiter);
                }
                cede__waitq_remove(&pool->jobs, head); /* being withdrawn */
        }
        return NULL;
}

/*
 * Under the lock, which it drops meanwhile.  Not a pthread_cond_t: that of glibc before 2.41 now
 * and then loses a signal where several threads wait (its bug 25847), and a job would stay in the
 * queue beside idle threads.  What is sleeping when a change comes is woken by it, what has yet to
 * fall asleep sees that the number is another one.
 */
static void sleep_until_changed(struct cede__pool *pool)
{
        uint32_t seen = atomic_load_explicit(&pool->changes, memory_order_relaxed);

        pool->idle++;
        pthread_mutex_unlock(&pool->lock);
        cede__futex_wait(&pool->changes, seen, CEDE_NEVER);
        pthread_mutex_lock(&pool->lock);
        pool->idle--;
}

/* Under the lock. */
static void note_change(struct cede__pool *pool)
{
        atomic_fetch_add_explicit(&pool->changes, 1, memory_order_relaxed);
}

static void *work(void *arg)
{
        struct cede__pool *pool = arg;

        pthread_mutex_lock(&pool->lock);
        for (;;) {
                struct job *job = take(pool);

                if (job) {
                        pthread_mutex_unlock(&pool->lock);
                        cede__loop_served = cede__fiber_of(job->waiter.party)->loop;
                        cede__wait_finish(job->waiter.party, job->fn(job->arg));
                        cede_thread_set_priority(0); /* the next job's own to choose */
                        pthread_mutex_lock(&pool->lock);
                } else if (pool->stop) {
                        break;
                } else {
                        sleep_until_changed(pool);
                }
        }
        pthread_mutex_unlock(&pool->lock);
        return NULL;
}

static void withdraw(struct cede__waiter *w)
{
        struct cede__pool *pool = w->object;

        pthread_mutex_lock(&pool->lock);
        if (cede__waitq_linked(&w->node))
                cede__waitq_remove(&pool->jobs, &w->node);
        pthread_mutex_unlock(&pool->lock);
}

static void resort(struct cede__waiter *w)
{
        struct cede__pool *pool = w->object;

        pthread_mutex_lock(&pool->lock);
        if (cede__waitq_linked(&w->node))
                cede__waitq_resort(&pool->jobs, &w->node, cede__party_rank(w->party));
        pthread_mutex_unlock(&pool->lock);
}

static void describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede__pool *pool = w->object;

        cede__text_site(
                t,
                (const char *)(uintptr_t)cede__container_of(w, const struct job, waiter)->fn + 1);
        cede__text_add(t, " (%u threads)", pool->threads);
}

static const struct cede__waitable offloaded = { "offloaded function", withdraw, resort, describe,
                                                 NULL };

/* All tasks have ended, so there are no jobs. */
static void finish(struct cede__pool *pool)
{
        pthread_mutex_lock(&pool->lock);
        pool->stop = true;
        note_change(pool);
        pthread_mutex_unlock(&pool->lock);
        for (unsigned i = 0; i < pool->threads; i++)
                cede__futex_wake(&pool->changes);
        for (unsigned i = 0; i < pool->threads; i++)
                pthread_join(pool->thread[i], NULL);
        pthread_mutex_destroy(&pool->lock);
        cede__free(pool);
}

static struct cede__pool *create(struct cede__run *run)
{
        const struct cede_run_options *o = &run->options;
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        unsigned threads = o->offload_threads;
        struct cede__pool *pool;

        if (!threads)
                threads = cores > THREADS ? (unsigned)cores : THREADS;
        if (threads > CEDE__OFFLOAD_THREADS_MAX)
                threads = CEDE__OFFLOAD_THREADS_MAX;
        if (threads < o->offload_threads_min)
                threads = o->offload_threads_min;
        pool = cede__alloc(sizeof(*pool) + threads * sizeof(pthread_t));
        if (!pool)
                return NULL;
        pool->run = run;
        pool->threads_max = threads;
        pool->threads_min = o->offload_threads_min ? o->offload_threads_min : 1;
        /* Cannot fail: the order was checked when the run began. */
        (void)!cede_sem_init(&pool->room,
                             (long)threads + (o->offload_queue ? o->offload_queue : QUEUE),
                             o->offload_order);
        cede_sem_set_name(&pool->room, "room for offloaded functions");
        cede__waitq_init(&pool->jobs, o->offload_order);
        pthread_mutex_init(&pool->lock, NULL);
        run->pool_finish = finish;
        return pool;
}

/* The run's pool, from the first use on; NULL: no memory. */
static struct cede__pool *pool_of(struct cede__run *run)
{
        struct cede__pool *pool = __atomic_load_n(&run->pool, __ATOMIC_ACQUIRE);

        if (cede__likely(pool != NULL))
                return pool;
        cede__spin_lock(&run->pool_lock, 1);
        if (!run->pool)
                __atomic_store_n(&run->pool, create(run), __ATOMIC_RELEASE);
        pool = run->pool;
        cede__spin_unlock(&run->pool_lock, 0);
        return pool;
}

static bool start_thread(struct cede__pool *pool)
{
        if (cede__thread_start(&pool->thread[pool->threads], "cede-offload", work, pool) < 0)
                return false;
        atomic_store(&pool->run->offload_threads, ++pool->threads);
        return true;
}

/*
 * Under the lock: there will be one job more.  -EAGAIN: not even the least number of threads could
 * be started.
 */
static int staff(struct cede__pool *pool)
{
        while (pool->threads < pool->threads_min)
                if (!start_thread(pool))
                        return -EAGAIN;
        if (pool->threads < pool->threads_max && pool->threads <= atomic_load(&pool->unfinished))
                (void)start_thread(pool);
        return 0;
}

static int submit(struct cede__pool *pool, struct job *job, struct cede_task *me, const void *site)
{
        struct cede__loop *loop = me->fiber.loop;
        bool wake;
        int r;

        pthread_mutex_lock(&pool->lock);
        r = staff(pool);
        if (r < 0) {
                pthread_mutex_unlock(&pool->lock);
                return r;
        }
        loop->outside_threads = pool->threads;
        atomic_fetch_add(&pool->unfinished, 1);
        cede__wait_begin(&job->waiter, &me->fiber.party, &offloaded, pool, 0, site);
        cede__waitq_insert(&pool->jobs, &job->waiter.node, cede__party_rank(&me->fiber.party));
        wake = pool->idle > 0;
        note_change(pool);
        pthread_mutex_unlock(&pool->lock);
        if (wake)
                cede__futex_wake(&pool->changes);
        loop->outside++;
        r = cede__wait(&me->fiber.party);
        loop->outside--;
        atomic_fetch_sub(&pool->unfinished, 1);
        return r;
}

int cede_offload(int (*fn)(void *arg), void *arg)
{
        struct cede_task *me = cede__task_here();
        struct cede__run *run = cede__run_of(me->fiber.loop);
        struct cede__pool *pool = pool_of(run);
        struct job job = { .fn = fn, .arg = arg };
        int r;

        if (!fn)
                return -EINVAL;
        if (me->fiber.party.cancel)
                return me->fiber.party.cancel;
        if (!pool)
                return -ENOMEM;
        r = cede_sem_acquire(&pool->room);
        if (r < 0)
                return r;
        /* Room was granted, but it may have been cancelled since: then nothing is run. */
        r = me->fiber.party.cancel;
        if (r == 0)
                r = submit(pool, &job, me, CEDE__CALL_SITE);
        cede_sem_release(&pool->room);
        return r;
}
