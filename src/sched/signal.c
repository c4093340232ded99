/* SPDX-License-Identifier: MIT */
#include "sched/signal.h"
#include "base/clock.h"
#include <errno.h>
#include <signal.h>
#include <sched.h>

enum { INTERRUPTS_MAX = 8, SAME_SIGNAL = 200 * 1000 * 1000 };

static atomic_bool taken; /* by a run, until everything is put back */
static _Atomic(struct cede__loop *) owner;
static atomic_uint handlers; /* handlers that may be using the owner */

/* Of the owner; constant while there are handlers. */
static struct {
        int signal;
        struct sigaction before;
} saved[INTERRUPTS_MAX + 1];
static unsigned saved_count;

/* Of the owner; set by the handler.  Two signals may race for it: either is a right answer. */
static volatile sig_atomic_t interrupted_by;
static int64_t interrupted_at;

/* The owner, who does not go before release; NULL: it has gone. */
static struct cede__loop *acquire(void)
{
        atomic_fetch_add(&handlers, 1);
        return atomic_load(&owner);
}

static void release(void)
{
        atomic_fetch_sub(&handlers, 1);
}

/*
 * The first signal interrupts the loop.  One that follows has its default effect; but what comes at
 * once is taken for the same (timeout(1) signals the process, and then its group).
 */
static void on_interrupt(int signal)
{
        struct cede__loop *loop = acquire();
        int saved_errno = errno;

        if (loop && !interrupted_by) {
                interrupted_at = cede__clock_now();
                atomic_signal_fence(memory_order_seq_cst); /* another signal may come here */
                interrupted_by = signal;
                cede__loop_knock(loop, CEDE__KNOCK_INTERRUPT);
        } else if (loop && cede__clock_now() - interrupted_at > SAME_SIGNAL) {
                sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
                raise(signal); /* delivered when this handler returns */
        }
        release();
        errno = saved_errno;
}

static void on_report(int signal)
{
        struct cede__loop *loop = acquire();

        (void)signal;
        if (loop)
                cede__loop_knock(loop, CEDE__KNOCK_REPORT);
        release();
}

static int install(int signal, void (*handler)(int))
{
        struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK };
        struct sigaction *before = &saved[saved_count].before;

        if (saved_count > INTERRUPTS_MAX || sigaction(signal, &action, before) < 0)
                return -EINVAL;
        saved[saved_count++].signal = signal;
        if (before->sa_handler == SIG_IGN)
                sigaction(signal, before, NULL); /* nohup, or a job in the background */
        return 0;
}

int cede__signals_interrupt(void)
{
        return interrupted_by;
}

int cede__signals_enter(struct cede__loop *loop, const int *interrupts, int report)
{
        bool untaken = false;
        int r = 0;

        if ((!interrupts || !*interrupts) && !report)
                return 0;
        if (!atomic_compare_exchange_strong(&taken, &untaken, true))
                return -EBUSY;
        interrupted_by = 0;
        atomic_store(&owner, loop);
        for (; r == 0 && interrupts && *interrupts; interrupts++)
                r = install(*interrupts, on_interrupt);
        if (r == 0 && report)
                r = install(report, on_report);
        if (r < 0)
                cede__signals_leave(loop);
        return r;
}

void cede__signals_leave(struct cede__loop *loop)
{
        if (atomic_load(&owner) != loop)
                return;
        /* First nobody gets at the loop any more, then those who already did are waited for. */
        atomic_store(&owner, NULL);
        while (atomic_load(&handlers))
                sched_yield();
        while (saved_count > 0) {
                saved_count--;
                sigaction(saved[saved_count].signal, &saved[saved_count].before, NULL);
        }
        atomic_store(&taken, false);
}
