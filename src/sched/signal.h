/* SPDX-License-Identifier: MIT */
/*
 * Signals that are meant for a loop.  The handler only knocks; the loop does the work, in its turn.
 * One loop of the process at a time has them.
 */
#ifndef CEDE_SCHED_SIGNAL_H
#define CEDE_SCHED_SIGNAL_H

#include "sched/loop.h"

/*
 * `interrupts`: ends with 0, may be NULL; after the first of them the next has its default effect.
 * Signals that are ignored stay so.
 * `report`: may be 0.  -EBUSY: another loop has signals; -EINVAL: no such signal.
 */
int cede__signals_enter(struct cede__loop *loop, const int *interrupts, int report);
void cede__signals_leave(struct cede__loop *loop);

/* The signal that interrupted the loop which has them; 0: none yet. */
int cede__signals_interrupt(void);

#endif
