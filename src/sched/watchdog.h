/* SPDX-License-Identifier: MIT */
/*
 * Watchdog: a thread that notices when a loop's turns stop.
 *
 * It looks four times per limit.  If the loop was neither asleep nor gave a turn meanwhile, it
 * sends SIGURG to the loop's thread, whose handler, if still nothing has changed, names the
 * culprit: only there can that be read without a race.
 */
#ifndef CEDE_SCHED_WATCHDOG_H
#define CEDE_SCHED_WATCHDOG_H

#include "sched/loop.h"
#include <pthread.h>

struct cede__watchdog {
        struct cede__loop *loop;
        int64_t limit;
        pthread_t watched, watcher;
        pthread_mutex_t lock;
        pthread_cond_t stop_changed;
        bool stop;                 /* under lock */
        _Atomic uint64_t stuck_at; /* the turn that SIGURG was sent for */
};

/* `limit` in ns, > 0.  -EAGAIN: no thread. */
int cede__watchdog_start(struct cede__watchdog *dog, struct cede__loop *loop, int64_t limit);
void cede__watchdog_stop(struct cede__watchdog *dog);

#endif
