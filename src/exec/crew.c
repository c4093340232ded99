/* SPDX-License-Identifier: MIT */
#include "exec/crew.h"

#include "base/futex.h"
#include "base/thread.h"
#include <cede/thread.h>
#include <unistd.h>

_Thread_local const struct cede__crew *cede__crew_here;

struct cede__job *cede__crew_take(struct cede__crew *crew)
{
        struct cede__wnode *head;

        while ((head = cede__waitq_head(&crew->jobs))) {
                struct cede__waiter *w = cede__container_of(head, struct cede__waiter, node);

                if (cede__claim(w->party)) {
                        cede__waitq_grant(&crew->jobs, head);
                        return cede__container_of(w, struct cede__job, waiter);
                }
                cede__waitq_remove(&crew->jobs, head); /* being withdrawn */
        }
        return NULL;
}

/*
 * Under the lock, which it drops meanwhile.  Not a pthread_cond_t: that of glibc before 2.41 now
 * and then loses a signal where several threads wait (its bug 25847), and a job would stay in the
 * queue beside idle threads.  What is sleeping when a change comes is woken by it, what has yet to
 * fall asleep sees that the number is another one.
 */
static void sleep_until_changed(struct cede__crew *crew)
{
        uint32_t seen = atomic_load_explicit(&crew->changes, memory_order_relaxed);

        crew->idle++;
        pthread_mutex_unlock(&crew->lock);
        cede__futex_wait(&crew->changes, seen, CEDE_NEVER);
        pthread_mutex_lock(&crew->lock);
        crew->idle--;
}

/* Under the lock. */
static void note_change(struct cede__crew *crew)
{
        atomic_fetch_add_explicit(&crew->changes, 1, memory_order_relaxed);
}

static void run(struct cede__job *job)
{
        int result;

        cede__outside_served = job->outside;
        result = job->fn(job->arg);
        cede__outside_served = NULL; /* which may be gone once the job has ended */
        cede_thread_set_priority(0); /* the next job's own to choose */
        cede__wait_finish(job->waiter.party, result);
}

static void *work(void *arg)
{
        struct cede__crew *crew = arg;

        cede__crew_here = crew;
        pthread_mutex_lock(&crew->lock);
        for (;;) {
                struct cede__job *job = cede__crew_take(crew);

                if (job) {
                        pthread_mutex_unlock(&crew->lock);
                        run(job);
                        pthread_mutex_lock(&crew->lock);
                } else if (crew->stop) {
                        break;
                } else {
                        sleep_until_changed(crew);
                }
        }
        pthread_mutex_unlock(&crew->lock);
        return NULL;
}

bool cede__crew_grow(struct cede__crew *crew)
{
        if (cede__thread_start(&crew->thread[crew->threads], crew->name, work, crew) < 0)
                return false;
        crew->threads++;
        return true;
}

void cede__crew_put(struct cede__crew *crew, struct cede__job *job, struct cede__party *party,
                    const struct cede__waitable *kind, struct cede__wrank rank, const void *site)
{
        bool wake;

        cede__wait_begin(&job->waiter, party, kind, crew, 0, site);
        cede__waitq_insert(&crew->jobs, &job->waiter.node, rank);
        cede__waitq_stay(&crew->jobs);
        wake = crew->idle > 0;
        note_change(crew);
        pthread_mutex_unlock(&crew->lock);
        if (wake)
                cede__futex_wake(&crew->changes);
}

void cede__crew_withdraw(struct cede__waiter *w)
{
        struct cede__crew *crew = w->object;

        pthread_mutex_lock(&crew->lock);
        if (cede__waitq_linked(&w->node))
                cede__waitq_remove(&crew->jobs, &w->node);
        pthread_mutex_unlock(&crew->lock);
}

void cede__crew_resort(struct cede__waiter *w)
{
        struct cede__crew *crew = w->object;

        pthread_mutex_lock(&crew->lock);
        if (cede__waitq_linked(&w->node))
                cede__waitq_resort(&crew->jobs, &w->node, cede__party_rank(w->party));
        pthread_mutex_unlock(&crew->lock);
}

void cede__crew_describe(const struct cede__waiter *w, struct cede__text *t)
{
        const struct cede__crew *crew = w->object;
        const struct cede__job *job = cede__container_of(w, const struct cede__job, waiter);

        cede__text_site(t, (const char *)(uintptr_t)job->fn + 1);
        cede__text_add(t, " (%u threads)", crew->threads);
}

unsigned cede__crew_default(void)
{
        long cores = sysconf(_SC_NPROCESSORS_ONLN);

        return cores > CEDE__CREW_THREADS ? (unsigned)cores : CEDE__CREW_THREADS;
}

void cede__crew_init(struct cede__crew *crew, pthread_t *thread, unsigned threads_max,
                     unsigned queue, enum cede_order order)
{
        /* Cannot fail: the order is valid. */
        (void)!cede_sem_init(&crew->room, (long)threads_max + (queue ? queue : CEDE__CREW_QUEUE),
                             order);
        cede__waitq_init(&crew->jobs, order);
        pthread_mutex_init(&crew->lock, NULL);
        crew->thread = thread;
}

void cede__crew_finish(struct cede__crew *crew)
{
        pthread_mutex_lock(&crew->lock);
        crew->stop = true;
        note_change(crew);
        pthread_mutex_unlock(&crew->lock);
        for (unsigned i = 0; i < crew->threads; i++)
                cede__futex_wake(&crew->changes);
        for (unsigned i = 0; i < crew->threads; i++)
                pthread_join(crew->thread[i], NULL);
        pthread_mutex_destroy(&crew->lock);
}
