/* SPDX-License-Identifier: MIT */
/*
 * Wait for any one of several objects, of whatever kinds, and take exactly that one.
 *
 *      struct cede_case cases[] = {
 *              cede_event_case(&stop),
 *              cede_sem_case(&connections, 1),
 *              cede_time_case(cede_in(CEDE_SEC(5))),
 *      };
 *
 *      switch (cede_wait_any(cases, 3)) {
 *      case 0:
 *              return 0;
 *      case 1:
 *              return serve();                 // holds one permit
 *      case 2:
 *              return keep_alive();            // nothing was taken
 *      default:
 *              ...                             // -ECANCELED or -ETIMEDOUT: nothing was taken
 *      }
 *
 * The caller stands in the queue of every object, in that object's order, with every kind of
 * waiter.  The first that is granted to it ends the wait; in the same step it stops counting in the
 * other queues, so nothing is ever taken from two objects, and those behind it go on.  If several
 * can be had at once, the first case in the array is taken: put what must not starve first.  A
 * waiter of this kind is always handed to (order.h: strictly).
 *
 * Each object's header has the function that makes its case.  A case is used for one wait: make it
 * anew for the next.  It is no allocation, only a struct to lie in an array.
 *
 * In reports a wait for several objects names all of them.  It is no edge in a circle of owners
 * (mutex.h), since any of the objects may end it.
 */
#ifndef CEDE_ANY_H
#define CEDE_ANY_H

#include <cede/base.h>
#include <cede/internal.h>

CEDE_BEGIN_DECLS

struct cede__case_kind;

/* One object to wait for, and how. */
struct cede_case {
        const struct cede__case_kind *kind;
        void *object;
        void *item;   /* what is put or got */
        int64_t need; /* how much, or when; the priority of an item */
        /*
         * Of the case that was taken: 0, or what else the object's own waiting function would have
         * returned then, e.g. -EOWNERDEAD from a mutex, which is locked, or -EPIPE from a queue
         * that is closed.
         */
        int result;
        struct cede__waiter waiter;
};

/*
 * Waits until one of the cases can be taken, and takes it; of several that can be taken at once,
 * the first in the array.  Returns its index; cases[index].result says how it went.
 *
 * -ECANCELED  the caller is cancelled (also if something can be taken); nothing was taken
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed, and nothing can be taken
 * -EDEADLK    a case locks a mutex that the caller owns
 * -EINVAL     there is no case, or one that could never be granted (more permits than the
 *             semaphore's maximum)
 */
CEDE_API int cede_wait_any(struct cede_case *cases, unsigned count) CEDE_MUST_CHECK;

/*
 * Takes one of the cases if that needs no waiting, and returns its index, as cede_wait_any; also
 * in cancelled tasks.  -EAGAIN: none can be had now.  -EDEADLK, -EINVAL: as from cede_wait_any.
 */
CEDE_API int cede_try_any(struct cede_case *cases, unsigned count) CEDE_MUST_CHECK;

/* Returns the case that a time, on cede_now()'s clock, has come.  CEDE_NEVER: it never does. */
CEDE_API struct cede_case cede_time_case(int64_t t);

CEDE_END_DECLS

#endif
