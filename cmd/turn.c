/* SPDX-License-Identifier: MIT */
/*
 * Turns: who may open something now.
 *
 * One semaphore has a permit for each directory and file that may be open, and one queue for all
 * who want one.  A directory's turn is taken by its task, which keeps it when the directory has
 * been read (walk.c says why).  A file's turn is of use to nobody but the thread of the pool that
 * reads the file: so that thread takes it, right before it opens the file, and gives it back as
 * soon as it has closed it.
 *
 *      task of a directory  admission  turn  /admission  job: list it  children queue  /turn
 *      task of a file       admission  job:  turn  count its lines  /turn              /admission
 *
 * The danger is that all threads wait for a turn, with all turns held by directories whose jobs
 * wait for a thread.  So there are fewer permits of admission than threads, by one, and a file has
 * one as long as its job is in the pool.  Then, for any number of turns, be it one:
 *
 *  (1) One thread at least is not busy with a file.  The other jobs that it runs wait for nothing
 *      but the disk; so the jobs of directories are run.
 *  (2) A directory's task that has a turn waits for its job, lets its children queue, and gives the
 *      turn back.  A thread that has one reads its file, and gives it back.
 *  (3) So every turn comes back, hence whoever waits for one gets it, hence every admission comes
 *      back.
 *
 * It takes two threads at least, from the start: cede_run_options.offload_threads_min sees to that.
 *
 * Order.  Directories need admission just to stand in the same queue as files: the newest, or the
 * deepest, goes first whatever it is.  With a way of their own past the files, which have a few
 * threads only, they would run ahead, until most files of the tree had a task at the same time.
 * For turns then wait those few who are admitted, tasks and threads, in the same order; a thread
 * waits with its file's priority.  A walk without --lines has no files, and no admission.
 *
 * Cancellation.  A task that waits is out of its queue at once.  A thread is not, a scope of the
 * run has no power over it.  But no others queue any more, and who holds a turn has its job see
 * `stop` (progress.c) and gives it back.  So the threads that wait, a handful, get theirs one after
 * the other, and leave off before they have read anything.
 */
#include "walk.h"
#include <errno.h>

/* When the process or the system is out of descriptors: the first pause, doubled at each try. */
enum { FIRST_PAUSE_US = 500, TRIES = 12 };

int turns_init(struct walk *w, long limit, unsigned threads)
{
        enum cede_order order = w->options->order;
        int r = cede_sem_init(&w->turns, limit, order);

        if (r == 0)
                r = cede_sem_init(&w->admission, (long)threads - 1, order);
        if (r < 0)
                return r;
        cede_sem_set_name(&w->turns, "turns to open");
        cede_sem_set_name(&w->admission, "admission to turns");
        return 0;
}

void turns_finish(struct walk *w)
{
        cede_sem_finish(&w->turns);
        cede_sem_finish(&w->admission);
}

unsigned turns_waiting(const struct walk *w)
{
        return cede_sem_waiting(&w->turns) + cede_sem_waiting(&w->admission);
}

/* In a task or a thread. */
static int take(struct walk *w)
{
        int r = cede_sem_acquire(&w->turns);
        unsigned open, peak;

        if (r < 0)
                return r;
        open = atomic_fetch_add(&w->open, 1) + 1;
        peak = atomic_load(&w->peak_open);
        while (peak < open && !atomic_compare_exchange_weak(&w->peak_open, &peak, open))
                ;
        return 0;
}

int turn_take(struct walk *w)
{
        int r;

        if (!w->options->lines)
                return take(w);
        r = cede_sem_acquire(&w->admission);
        if (r < 0)
                return r;
        r = take(w);
        cede_sem_release(&w->admission);
        return r;
}

void turn_give(struct walk *w)
{
        atomic_fetch_sub(&w->open, 1);
        cede_sem_release(&w->turns);
}

int turn_job(int (*job)(void *), void *arg, const int *result)
{
        int64_t pause = CEDE_US(FIRST_PAUSE_US);
        int r;

        for (int tries = 1;; tries++) {
                r = cede_offload(job, arg);
                if (r < 0 || (*result != -EMFILE && *result != -ENFILE) || tries == TRIES)
                        return r;
                /* Out of descriptors.  Others give theirs back in a moment. */
                r = cede_sleep(pause);
                if (r < 0)
                        return r;
                pause *= 2;
        }
}

struct job {
        struct walk *walk;
        int priority;
        int (*fn)(void *arg);
        void *arg;
};

/* On a thread of the pool. */
static int take_and_run(void *arg)
{
        const struct job *job = arg;
        int r;

        cede_thread_set_priority(job->priority);
        r = take(job->walk);
        if (r < 0)
                return r;
        r = job->fn(job->arg);
        turn_give(job->walk);
        return r;
}

int turn_run(struct walk *w, int priority, int (*fn)(void *), void *arg, const int *result)
{
        struct job job = { w, priority, fn, arg };
        int r = cede_sem_acquire(&w->admission);

        if (r < 0)
                return r;
        r = turn_job(take_and_run, &job, result);
        cede_sem_release(&w->admission);
        return r;
}
