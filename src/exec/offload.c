/* SPDX-License-Identifier: MIT */
/*
 * Offload: functions run by a crew of threads (crew.h), each for a task that waits.
 *
 * A job lies on the task's stack.  Who finds no room for one waits for it like for any semaphore.
 * Threads are started while there are more jobs than threads.
 *
 * Each loop counts the jobs that it handed out and has not seen finished (loop.h), so that it can
 * tell waiting for a job from a deadlock, and knows when a virtual clock may move.  The crew is the
 * run's: all its workers use it.
 */
#include <cede/offload.h>

#include "base/alloc.h"
#include "base/spin.h"
#include "exec/crew.h"
#include "task/run.h"
#include <errno.h>

struct cede__offload {
        struct cede__run *run;
        struct cede__crew crew;
        unsigned threads_min, threads_max;
        atomic_uint unfinished; /* jobs whose tasks have not heard of the end */
        pthread_t thread[];
};

static const struct cede__waitable offloaded = { "offloaded function", cede__crew_withdraw,
                                                 cede__crew_resort, cede__crew_describe, NULL };

/* All tasks have ended, so there are no jobs. */
static void finish(struct cede__offload *offload)
{
        cede__crew_finish(&offload->crew);
        cede__free(offload);
}

static struct cede__offload *create(struct cede__run *run)
{
        const struct cede_run_options *o = &run->options;
        unsigned threads = o->offload_threads;
        struct cede__offload *offload;

        if (!threads)
                threads = cede__crew_default();
        if (threads > CEDE__OFFLOAD_THREADS_MAX)
                threads = CEDE__OFFLOAD_THREADS_MAX;
        if (threads < o->offload_threads_min)
                threads = o->offload_threads_min;
        offload = cede__alloc(sizeof(*offload) + threads * sizeof(pthread_t));
        if (!offload)
                return NULL;
        offload->run = run;
        offload->threads_max = threads;
        offload->threads_min = o->offload_threads_min ? o->offload_threads_min : 1;
        cede__crew_init(&offload->crew, offload->thread, threads, o->offload_queue,
                        o->offload_order); /* which was checked when the run began */
        offload->crew.name = "cede-offload";
        cede_sem_set_name(&offload->crew.room, "room for offloaded functions");
        run->offload_finish = finish;
        return offload;
}

/* The run's crew, from the first use on; NULL: no memory. */
static struct cede__offload *offload_of(struct cede__run *run)
{
        struct cede__offload *offload = __atomic_load_n(&run->offload, __ATOMIC_ACQUIRE);

        if (cede__likely(offload != NULL))
                return offload;
        cede__spin_lock(&run->offload_lock, 1);
        if (!run->offload)
                __atomic_store_n(&run->offload, create(run), __ATOMIC_RELEASE);
        offload = run->offload;
        cede__spin_unlock(&run->offload_lock, 0);
        return offload;
}

static bool start_thread(struct cede__offload *offload)
{
        if (!cede__crew_grow(&offload->crew))
                return false;
        atomic_store(&offload->run->offload_threads, offload->crew.threads);
        return true;
}

/*
 * Under the lock: there will be one job more.  -EAGAIN: not even the least number of threads could
 * be started.
 */
static int staff(struct cede__offload *offload)
{
        while (offload->crew.threads < offload->threads_min)
                if (!start_thread(offload))
                        return -EAGAIN;
        if (offload->crew.threads < offload->threads_max &&
            offload->crew.threads <= atomic_load(&offload->unfinished))
                (void)start_thread(offload);
        return 0;
}

static int submit(struct cede__offload *offload, struct cede__job *job, struct cede_task *me,
                  const void *site)
{
        struct cede__crew *crew = &offload->crew;
        int r;

        pthread_mutex_lock(&crew->lock);
        r = staff(offload);
        if (r < 0) {
                pthread_mutex_unlock(&crew->lock);
                return r;
        }
        job->outside->threads = crew->threads;
        atomic_fetch_add(&offload->unfinished, 1);
        cede__crew_put(crew, job, &me->fiber.party, &offloaded, cede__party_rank(&me->fiber.party),
                       site);
        job->outside->pieces++;
        r = cede__wait(&me->fiber.party);
        job->outside->pieces--;
        atomic_fetch_sub(&offload->unfinished, 1);
        return r;
}

int cede_offload(int (*fn)(void *arg), void *arg)
{
        struct cede_task *me = cede__task_here();
        struct cede__run *run = cede__run_of(me->fiber.loop);
        struct cede__offload *offload = offload_of(run);
        struct cede__job job = { .fn = fn, .arg = arg, .outside = &me->fiber.loop->outside };
        int r;

        if (!fn)
                return -EINVAL;
        if (me->fiber.party.cancel)
                return me->fiber.party.cancel;
        if (!offload)
                return -ENOMEM;
        r = cede_sem_acquire(&offload->crew.room);
        if (r < 0)
                return r;
        /* Room was granted, but it may have been cancelled since: then nothing is run. */
        r = me->fiber.party.cancel;
        if (r == 0)
                r = submit(offload, &job, me, CEDE__CALL_SITE);
        cede_sem_release(&offload->crew.room);
        return r;
}
