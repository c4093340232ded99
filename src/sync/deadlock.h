/* SPDX-License-Identifier: MIT */
/*
 * Finding the wait that closes a circle of owners.
 *
 * Every party that waits for a mutex without a deadline is an edge: it waits for the mutex's owner.
 * Edges are entered, and looked through, in one step under one lock of the process:
 *
 *  (1) No edge appears while somebody looks.  So all edges of a circle that is found stood there at
 *      once, and none of the parties in it could have released anything meanwhile.
 *  (2) Of two waits that close a circle together, the second finds it, and only that one: it ends
 *      its wait under the lock, and a wait that has been ended is no edge any more.
 *  (3) Nothing of an owner is read but its address, since it may be running, and end.  Whether it
 *      waits itself is looked up under that address.
 *
 * A wait under a deadline is no edge: it ends by itself.  An owner that waits for the end of its
 * children counts as waiting for the party that looks, if that is one of them.
 */
#ifndef CEDE_SYNC_DEADLOCK_H
#define CEDE_SYNC_DEADLOCK_H

#include "wait/wait.h"
#include <cede/mutex.h>

/* One wait; on the stack of who waits. */
struct cede__edge {
        struct cede__edge *next; /* under the lock */
        struct cede__waiter *waiter;
        struct cede_mutex *mutex;
};

/* Enters a wait that is queued already, if it is an edge. */
void cede__edge_enter(struct cede__edge *edge, struct cede__waiter *waiter, struct cede_mutex *m);

/*
 * To be asked whenever the wait has begun, also once more.  True: it closes a circle, which has
 * been reported, and has been claimed for that, to be taken back.
 */
bool cede__edge_closes(struct cede__edge *edge);

/* The wait is over. */
void cede__edge_leave(struct cede__edge *edge);

#endif
