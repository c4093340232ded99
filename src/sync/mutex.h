/* SPDX-License-Identifier: MIT */
/* What a condition needs of a mutex. */
#ifndef CEDE_SYNC_MUTEX_H
#define CEDE_SYNC_MUTEX_H

#include "wait/wait.h"
#include <cede/mutex.h>

/* NULL: it is free. */
struct cede__party *cede__mutex_owner(const struct cede_mutex *m);
bool cede__mutex_owned_by(const struct cede_mutex *m, const struct cede__party *party);

/* The owner leaves it for a while; returns how often it had locked it besides. */
unsigned cede__mutex_leave(struct cede_mutex *m, struct cede__party *me);

/* Comes back, waiting for it; that cannot be cancelled.  0 or -EOWNERDEAD. */
int cede__mutex_return(struct cede_mutex *m, unsigned depth, const void *site);

/* Has come back: it was moved to the mutex's queue, and granted with this result. */
int cede__mutex_returned(struct cede_mutex *m, unsigned depth, int result, const void *site);

/* waiter.need of those that a condition has claimed, set under the condition's lock. */
enum { CEDE__MOVED = 1 };

/*
 * A claimed waiter of somebody who left: puts it into the mutex's queue, or makes it the owner.  It
 * stays a waiter of the condition, which passes on what is asked about it.
 */
void cede__mutex_move(struct cede_mutex *m, struct cede__waiter *w);
void cede__mutex_resort(struct cede_mutex *m, struct cede__waiter *w);
void cede__mutex_describe(const struct cede_mutex *m, struct cede__text *t);

#endif
