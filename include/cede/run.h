/* SPDX-License-Identifier: MIT */
/*
 * Running: one loop on the calling thread, or several on several threads, from the main function's
 * start to the end of its last task.
 *
 *      static int server(void *arg) { ... }
 *
 *      int main(void)
 *      {
 *              return cede_exit_status(cede_run(server, NULL));
 *      }
 *
 * fn(arg) runs as the first task, on the calling thread's own stack.  When it returns, tasks still
 * alive are cancelled and waited for, so nothing is left behind.
 *
 * Deadlock.  When no task is ready, no timer is set, no offloaded function runs, and there is
 * neither a cancel signal nor another thread that could wake a task, the run prints a report on
 * standard error (the task tree, what each waits on and where), cancels everything, and returns
 * -EDEADLK once all tasks have ended; until then the main function too goes on, cancelled, and can
 * still say what it has.  If it comes to that a second time, the program is aborted.  Where a
 * signal or another thread might wake a task, the run says so once, on standard error, and waits.
 */
#ifndef CEDE_RUN_H
#define CEDE_RUN_H

#include <cede/base.h>
#include <cede/order.h>

CEDE_BEGIN_DECLS

enum cede_clock {
        CEDE_CLOCK_REAL,
        CEDE_CLOCK_VIRTUAL,
};

struct cede_run_options {
        enum cede_clock clock;
        size_t stack_size; /* of tasks that do not say; 0: 64 KiB.  Rounded up to a power of two */
        /*
         * Signals that cancel the run, e.g. (const int[]){ SIGINT, SIGTERM, 0 }.  After the first
         * one the next has its default effect, unless it comes within 0.2 s.  One that is ignored
         * when the run begins stays ignored.  NULL: none.
         */
        const int *cancel_signals;
        int report_signal; /* e.g. SIGQUIT: prints the task tree on standard error; 0: none */
        int64_t watchdog;  /* ns; a task that runs longer than this without giving way is named on
                                  standard error, once per stretch; 0: off.  Uses SIGURG */
        unsigned offload_threads; /* most threads of cede_offload; 0: 4 or the number of cores */
        /*
         * How many of them are started with the first function; if they cannot be, cede_offload
         * fails with -EAGAIN.  For functions that wait for one another, of which a few might occupy
         * all threads.  At most 1024, and offload_threads; 0: one.
         */
        unsigned offload_threads_min;
        unsigned offload_queue;        /* most functions queued for them; 0: 1024 */
        enum cede_order offload_order; /* which of the queued runs next */
        /*
         * Threads that run tasks, the calling one included, at most 1024; 0: 1.  The main task runs
         * on the calling thread.  What more than one means for tasks is said in task.h, what for a
         * virtual clock in time.h.
         */
        unsigned workers;
};

/*
 * Runs fn(arg) as the first task, on the calling thread, and all that are spawned.  Returns fn's
 * result, or the first failure of a task spawned into the run itself, or:
 *
 * -EDEADLK  a deadlock was reported
 * -EBUSY    the caller is inside a run (spawn a task there), or `options` asks for signals that
 *           another thread's run handles
 * -EINVAL   an option that makes no sense; fn is NULL
 * -ENOMEM   nothing was run
 * -EAGAIN   a worker's or the watchdog's thread could not be started; nothing was run
 *
 * cede_run_with takes options; NULL: none.
 */
CEDE_API int cede_run(int (*fn)(void *arg), void *arg);
CEDE_API int cede_run_with(int (*fn)(void *arg), void *arg, const struct cede_run_options *options);

/* Returns a process exit status for a run's result: 0 if it is >= 0, else 1. */
CEDE_API int cede_exit_status(int result);

/*
 * Returns the cancel signal that ended the caller's run, or the thread's last one; 0 if none did.
 */
CEDE_API int cede_interrupted(void);

/* Writes the task tree of the calling thread's run: name, state, what it waits on, and where. */
CEDE_API void cede_print_tasks(int fd);

struct cede_run_stats {
        uint64_t spawned;     /* tasks, the main one included */
        uint64_t live;        /* tasks now, the main one and those that have not started included */
        uint64_t peak_live;   /* the most at a time; with several workers at least that */
        uint64_t stacks;      /* stacks in use now */
        uint64_t peak_stacks; /* the most at a time */
        uint64_t turns;       /* times that a task was started or resumed */
};

/* Stores the counters of the calling thread's run; all zero outside of any. */
CEDE_API void cede_run_stats(struct cede_run_stats *ret_stats);

CEDE_END_DECLS

#endif
