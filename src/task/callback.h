/* SPDX-License-Identifier: MIT */
/* For objects that callbacks can wait for: around the wait of one. */
#ifndef CEDE_TASK_CALLBACK_H
#define CEDE_TASK_CALLBACK_H

#include "sched/loop.h"
#include <cede/callback.h>

/* The callback as a party that is about to wait. */
struct cede__party *cede__callback_begin(struct cede_callback *callback);

/* The wait did not come about. */
void cede__callback_refused(struct cede_callback *callback);

/* The loop's hook: calls the callback that the fiber is. */
void cede__callback_call(struct cede__fiber *fiber);

#endif
