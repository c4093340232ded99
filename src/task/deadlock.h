/* SPDX-License-Identifier: MIT */
/*
 * Finding the wait that closes a circle of owners.
 *
 * A party is stuck if it waits, with no deadline that would end it, for what only stuck parties can
 * give:
 *
 *      for a mutex                  its owner is stuck
 *      for the end of a task        that task is stuck            (cede_task_join)
 *      for the end of its children  one of them is                (cede_scope_close)
 *      for a slot of a limit        all that hold a slot are      (to start, or to go on)
 *
 * Each wait of these kinds looks, when it begins, whether the party is stuck now, and whether that
 * is its own doing (stuck.c).  Everything else, a semaphore or the time, can come from anywhere:
 * who waits for it moves.
 *
 * What can be seen.  Tasks of the caller's own loop stand still while it looks, and their records
 * say what they wait for (but not where a run has several workers).  Of any other party nothing may
 * be read but its address, since it may be running, and end.  Therefore whoever waits for a mutex
 * while it holds one is entered in a table by its address: an edge.  Who holds none is nobody's
 * owner, and nobody needs to find it there.  A party of another loop that waits for children, a
 * task or a slot is not followed.
 *
 *  (1) Edges are looked through under the same lock of the process under which they are entered,
 *      and by whoever enters one, after that.  Of two waits that close a circle together, the
 *      second one finds it, and only that one.
 *  (2) A circle that was found is looked through once more.  No wait that was over begins again
 *      meanwhile: an edge is left under the lock, and tasks of this loop do not run.  So whoever
 *      still waits the second time has waited all the time between, and there was a moment at which
 *      all of it stood at once.
 *  (3) One wait of the circle is claimed before the lock is dropped, if any can be.  From then on
 *      its party moves, so nobody else finds the same circle; and if the claim is lost to a grant
 *      or a cancel, there is no circle any more, and nothing is reported.
 *
 * Which one fails, with -EDEADLK: the wait that closes it, if it can be ended; else the first in
 * the circle that can.  Its waiter may belong to another thread or loop, and is still there:
 * whoever is in the circle is a task of this loop, which does not run, or is in the table, which it
 * leaves only under the lock; and once claimed it cannot return before it is finished
 * (wait/wait.h). So the claim is made under the lock, withdraw and finish follow without it, as in
 * any cancel: they may post callbacks, and those are code of the program.  Callbacks themselves are
 * in no circle: whoever has the handle may unlock what it owns, even while it waits.
 *
 * Closing a scope cannot fail before its children have ended.  There the children are cancelled, if
 * that reaches somebody in the circle.
 */
#ifndef CEDE_TASK_DEADLOCK_H
#define CEDE_TASK_DEADLOCK_H

#include "task/task.h"

/* One wait; where the waiter is. */
struct cede__edge {
        struct cede__edge *next;     /* under the lock, like all of it while it is entered */
        struct cede__waiter *waiter; /* NULL: it is not entered */
        bool on_path;                /* of the search in progress */
};

/*
 * The caller waits for a mutex, and is queued already.  True: it closes a circle and has been
 * claimed for that; the caller withdraws it and fails with -EDEADLK.
 */
bool cede__edge_enter(struct cede__edge *edge, struct cede__waiter *waiter);

/*
 * The same for a wait that the caller has claimed, to put it into the mutex's queue: before that,
 * while the waiter is certainly there, and after that, when it may be gone, but others that come to
 * wait for its party can see that somebody waits for them in turn.  `holds_others`: the party holds
 * mutexes; its list of them may not be read, since a party of another loop that was notified just
 * now may still be about to leave the mutex.
 */
struct cede__moved {
        struct cede__party *party; /* NULL: nobody can be waiting for it */
        bool is_here;              /* a task of this loop */
};

struct cede__moved cede__edge_enter_moved(struct cede__edge *edge, struct cede__waiter *waiter,
                                          bool holds_others);
void cede__edge_look_moved(struct cede__moved moved);

/* The wait is over. */
void cede__edge_leave(struct cede__edge *edge);

/* The same for a task of this loop that joins another, or waits for a slot. */
bool cede__deadlock_look(struct cede__party *me);

/* For a task of this loop that has begun to wait for the children of a scope. */
void cede__deadlock_look_closing(struct cede_scope *scope);

/* Under the lock: how the party at this address waits for a mutex; NULL: not that could be seen. */
struct cede__edge *cede__edge_find(const struct cede__party *party);

/* One of those that are stuck. */
struct cede__stuck {
        struct cede__party *party;
        struct cede__waiter *waiter; /* NULL: it waits to start */
        struct cede__party *owner;   /* whom it waits for, if that is a mutex's owner */
        unsigned needs;              /* for how many that are stuck it waits */
};

/*
 * stuck.c, under the lock: whether this party, which has begun to wait, is stuck by its own doing.
 * `is_here`: it is a task of this loop; else only its address is used, unless it is in the table.
 * Returns how many are in it; the party itself is the last of them.  0: it is not.  Beyond a
 * bounded number of steps it gives up, and says 0.
 */
unsigned cede__stuck_search(struct cede__party *me, bool is_here,
                            const struct cede__stuck **ret_stuck);
bool cede__stuck_is_here(const struct cede__party *party);

/* Whether anybody waits for it that a search could find: else it closes no circle. */
bool cede__stuck_possible(struct cede__party *me);

#endif
