/* SPDX-License-Identifier: MIT */
/*
 * Lock-order check: finds mutexes that are locked in different orders, although it has not led to a
 * deadlock yet.
 *
 *      cede_lock_order_check(true);            // or CEDE_LOCK_ORDER=1 in the environment
 *
 * Whenever a mutex is locked by somebody who holds others, "those before this one" is remembered,
 * by class.  If the opposite is known already, directly or round some corners, that is reported on
 * standard error, once for each pair, with the places where either order was used; nobody has to
 * wait for it, and the program goes on.
 *
 * Classes.  Mutexes that were initialised by the same call instruction (in a constructor, say)
 * are one class; one with a static initialiser is a class by itself.  Holding two of the same class
 * is in order if their levels ascend: cede_mutex_set_level(&node->lock, node->depth).  With equal
 * levels it is reported.
 *
 * While it is off, it costs one predictable test of a flag in each lock call.
 * Source: the Linux kernel's lockdep (Molnar, van de Ven, 2006).
 */
#ifndef CEDE_LOCK_ORDER_H
#define CEDE_LOCK_ORDER_H

#include <cede/base.h>

CEDE_BEGIN_DECLS

struct cede_mutex;

/*
 * Switches the lock-order check on or off, for the whole process.  Off: what was learned is
 * forgotten.
 */
CEDE_API void cede_lock_order_check(bool on);

/* Returns how many inversions were reported so far. */
CEDE_API unsigned cede_lock_order_inversions(void);

/* Orders mutexes of the same class: lower levels before higher ones.  0 at first. */
CEDE_API void cede_mutex_set_level(struct cede_mutex *m, unsigned level);

CEDE_END_DECLS

#endif
