/* SPDX-License-Identifier: MIT */
/*
 * Pool: a crew (crew.h) whose jobs are futures.
 *
 * Each job is a party of its own, which waits for its turn: a thread claims it and runs it, or
 * whoever cancels the future claims it and takes it out.  Who has claimed it ends it: resolves the
 * future, and gives back the room.
 *
 * Runs.  A job that is submitted on a loop counts as that loop's outside work until the loop has
 * been told of its end by a post.  The future is resolved before, so those who wait for it are
 * ready when the job no longer counts, and a virtual clock does not move in between.
 *
 * The end.  `unfinished` counts jobs and those who are about to submit one.  The last one to go
 * after the pool was closed resolves `drained`, with its lock dropped: nothing of the pool is
 * touched afterwards, except by the pool's own threads, which are joined.
 */
#include <cede/pool.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "exec/crew.h"
#include "future/future.h"
#include <cede/scope.h>
#include <errno.h>

enum { THREADS_MAX = 1024 };

struct cede_pool {
        struct cede__crew crew;
        bool closed;                /* under the crew's lock */
        unsigned unfinished;        /* likewise */
        struct cede_future drained; /* closed, and nothing is unfinished */
        pthread_t thread[];
};

struct job {
        struct cede_future future; /* first */
        struct cede__job job;
        struct cede__party party;
        struct cede_pool *pool;
        struct cede__post post; /* to the loop whose outside work it was */
};

static int enter(struct cede_pool *pool)
{
        int r = 0;

        pthread_mutex_lock(&pool->crew.lock);
        if (pool->closed)
                r = -EPIPE;
        else if (!pool->unfinished++)
                atomic_fetch_sub(&cede__threads_idle, pool->crew.threads);
        pthread_mutex_unlock(&pool->crew.lock);
        return r;
}

static void leave(struct cede_pool *pool)
{
        bool last;

        pthread_mutex_lock(&pool->crew.lock);
        if (!--pool->unfinished)
                atomic_fetch_add(&cede__threads_idle, pool->crew.threads);
        last = pool->closed && !pool->unfinished;
        pthread_mutex_unlock(&pool->crew.lock);
        if (last)
                (void)cede__future_settle(&pool->drained, NULL, 0, NULL);
}

/* On the job's loop. */
static void ended_posted(struct cede__post *post)
{
        struct job *me = cede__container_of(post, struct job, post);

        cede__outside_leave(me->job.outside);
        cede_future_unref(&me->future);
}

/* By whoever has claimed the job: a thread that has run it, or a canceller. */
static void finish(struct cede__party *party, int result)
{
        struct job *me = cede__container_of(party, struct job, party);
        struct cede_pool *pool = me->pool;

        (void)cede__future_settle(&me->future, (void *)(intptr_t)result, result < 0 ? result : 0,
                                  /* no call: the place is the function */
                                  (const char *)(uintptr_t)me->job.fn + 1);
        cede_sem_release(&pool->crew.room);
        if (me->job.outside)
                cede__loop_post(me->job.outside->loop, &me->post);
        else
                cede_future_unref(&me->future);
        leave(pool);
}

static const struct cede__party_kind job_party = { NULL, finish, false, false };

static const struct cede__waitable queued = { "pool", cede__crew_withdraw, NULL,
                                              cede__crew_describe, NULL };

static struct cede_future *cancel(struct cede_future *f)
{
        struct job *me = cede__container_of(f, struct job, future);

        (void)cede__wait_cancel(&me->party, -ECANCELED); /* if it runs, it is waited for */
        return NULL;
}

static const struct cede__future_kind job_kind = { cancel };

/* There is room for the job.  -errno: it was not put into the queue. */
static int put(struct cede_pool *pool, struct job *me, const void *site)
{
        const struct cede__party *party = cede__party_here();

        if (cede__loop_here) {
                me->job.outside = cede__outside_enter(cede__loop_here, pool, pool->crew.threads);
                if (!me->job.outside)
                        return -ENOMEM;
        }
        pthread_mutex_lock(&pool->crew.lock);
        if (!pool->closed) {
                cede__crew_put(&pool->crew, &me->job, &me->party, &queued, cede__party_rank(party),
                               site);
                return 0;
        }
        pthread_mutex_unlock(&pool->crew.lock);
        if (me->job.outside)
                cede__outside_leave(me->job.outside);
        return -EPIPE;
}

static int submit_job(struct cede_pool *pool, struct job *me, int (*acquire)(struct cede_sem *),
                      const void *site)
{
        int r = enter(pool);

        if (r < 0)
                return r;
        r = acquire(&pool->crew.room);
        if (r == 0) {
                r = put(pool, me, site);
                if (r == 0)
                        return 0;
                cede_sem_release(&pool->crew.room);
        }
        leave(pool);
        return r;
}

static int submit(struct cede_pool *pool, int (*fn)(void *arg), void *arg,
                  int (*acquire)(struct cede_sem *), struct cede_future **ret_future,
                  const void *site)
{
        struct job *me;
        int r;

        if (!pool || !fn)
                return -EINVAL;
        me = cede__future_make(sizeof(*me), &job_kind);
        if (!me)
                return -ENOMEM;
        me->job.fn = fn;
        me->job.arg = arg;
        me->party.kind = &job_party;
        me->pool = pool;
        me->post.run = ended_posted;
        if (ret_future)
                cede_future_ref(&me->future); /* before it can end */
        r = submit_job(pool, me, acquire, site);
        if (r == 0) {
                if (ret_future)
                        *ret_future = &me->future;
                return 0;
        }
        if (ret_future)
                cede_future_unref(&me->future);
        cede_future_unref(&me->future);
        return r;
}

int cede_pool_submit(struct cede_pool *pool, int (*fn)(void *arg), void *arg,
                     struct cede_future **ret_future)
{
        return submit(pool, fn, arg, cede_sem_acquire, ret_future, CEDE__CALL_SITE);
}

int cede_pool_try_submit(struct cede_pool *pool, int (*fn)(void *arg), void *arg,
                         struct cede_future **ret_future)
{
        return submit(pool, fn, arg, cede_sem_try_acquire, ret_future, CEDE__CALL_SITE);
}

/* Submits all, and waits for them in order, until one fails. */
static int run_all(struct cede_pool *pool, int (*fn)(void *arg), void *const *args, size_t n,
                   struct cede_future *jobs[], const void *site)
{
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++)
                r = submit(pool, fn, args[i], cede_sem_acquire, &jobs[i], site);
        for (size_t i = 0; i < n && r == 0; i++) {
                r = cede__future_wait(jobs[i], site);
                if (r == 0)
                        r = cede__future_take(jobs[i], NULL);
        }
        return r;
}

/* Their arguments may be the caller's: it must not go on before they have ended. */
static void withdraw_all(struct cede_future *jobs[], size_t n, const void *site)
{
        for (size_t i = 0; i < n; i++)
                if (jobs[i])
                        cede_future_cancel(jobs[i]);
        CEDE_SHIELD
                for (size_t i = 0; i < n; i++)
                        if (jobs[i])
                                (void)cede__future_wait(jobs[i], site);
}

int cede_pool_map(struct cede_pool *pool, int (*fn)(void *arg), void *const *args, size_t n,
                  int *results)
{
        struct cede_future **jobs;
        int r;

        if (!pool || !fn || (n && !args))
                return -EINVAL;
        jobs = n < SIZE_MAX / sizeof(*jobs) ? cede__alloc((n + 1) * sizeof(*jobs)) : NULL;
        if (!jobs)
                return -ENOMEM;
        r = run_all(pool, fn, args, n, jobs, CEDE__CALL_SITE);
        if (r < 0)
                withdraw_all(jobs, n, CEDE__CALL_SITE);
        for (size_t i = 0; i < n; i++) {
                void *value = NULL;
                int result = jobs[i] ? cede__future_take(jobs[i], &value) : -ECANCELED;

                if (results)
                        results[i] = result < 0 ? result : (int)(intptr_t)value;
                cede_future_unref(jobs[i]);
        }
        cede__free(jobs);
        return r;
}

static void cancel_queued_jobs(struct cede__crew *crew)
{
        struct cede__grants claimed = CEDE__GRANTS_INIT(claimed);
        struct cede__job *job;

        pthread_mutex_lock(&crew->lock);
        while ((job = cede__crew_take(crew)))
                cede__grants_add(&claimed, &job->waiter);
        pthread_mutex_unlock(&crew->lock);
        cede__grants_finish(&claimed, -ECANCELED);
}

int cede_pool_shutdown(struct cede_pool *pool, bool cancel_queued)
{
        bool was_closed;

        if (!pool)
                return -EINVAL;
        if (cede__crew_here == &pool->crew)
                return -EDEADLK;
        pthread_mutex_lock(&pool->crew.lock);
        was_closed = pool->closed;
        if (!was_closed && !pool->unfinished++) /* for this function, while it uses the pool */
                atomic_fetch_sub(&cede__threads_idle, pool->crew.threads);
        pool->closed = true;
        pthread_mutex_unlock(&pool->crew.lock);
        if (!was_closed) /* all who wait for room come in, and find it closed */
                cede_sem_release_n(&pool->crew.room, LONG_MAX / 16);
        if (cancel_queued)
                cancel_queued_jobs(&pool->crew);
        if (!was_closed)
                leave(pool);
        return cede__future_wait(&pool->drained, CEDE__CALL_SITE);
}

int cede_pool_create(const struct cede_pool_options *options, struct cede_pool **ret_pool)
{
        static const struct cede_pool_options defaults;
        const struct cede_pool_options *o = options ? options : &defaults;
        unsigned threads = o->threads;
        struct cede_pool *pool;

        if (!cede__waitq_order_valid(o->order) || threads > THREADS_MAX)
                return -EINVAL;
        if (!threads)
                threads = cede__crew_default() < THREADS_MAX ? cede__crew_default() : THREADS_MAX;
        pool = cede__alloc(sizeof(*pool) + threads * sizeof(pthread_t));
        if (!pool)
                return -ENOMEM;
        cede__crew_init(&pool->crew, pool->thread, threads, o->queue, o->order);
        pool->crew.name = o->name ? o->name : "cede-pool";
        cede_sem_set_name(&pool->crew.room, pool->crew.name);
        cede_future_set_name(&pool->drained, pool->crew.name);
        while (pool->crew.threads < threads)
                if (!cede__crew_grow(&pool->crew)) {
                        cede__crew_finish(&pool->crew);
                        cede__free(pool);
                        return -EAGAIN;
                }
        atomic_fetch_add(&cede__threads_idle, threads);
        *ret_pool = pool;
        return 0;
}

void cede_pool_destroy(struct cede_pool *pool)
{
        if (!pool)
                return;
        if (!cede__future_done(&pool->drained))
                cede__die("pool %s is destroyed before all its jobs have ended; call "
                          "cede_pool_shutdown first, until it returns 0",
                          pool->crew.name);
        atomic_fetch_sub(&cede__threads_idle, pool->crew.threads);
        cede__crew_finish(&pool->crew);
        cede__free(pool);
}

void cede_pool_stats(struct cede_pool *pool, struct cede_pool_stats *ret_stats)
{
        pthread_mutex_lock(&pool->crew.lock);
        *ret_stats = (struct cede_pool_stats){
                .threads = pool->crew.threads,
                .queued = pool->crew.jobs.waiting,
                .peak_queued = pool->crew.jobs.peak,
                .unfinished = pool->unfinished,
                .waiting = cede_sem_waiting(&pool->crew.room),
        };
        pthread_mutex_unlock(&pool->crew.lock);
}
