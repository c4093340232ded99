/* SPDX-License-Identifier: MIT */
/* What a mutex tells the lock-order check. */
#ifndef CEDE_SYNC_LOCK_ORDER_H
#define CEDE_SYNC_LOCK_ORDER_H

#include "base/compiler.h"
#include <cede/mutex.h>

extern bool cede__lock_order_on CEDE__HIDDEN; /* atomic */

static inline bool cede__lock_order(void)
{
        return __atomic_load_n(&cede__lock_order_on, __ATOMIC_RELAXED);
}

/*
 * m is about to be added to the list of what its new owner holds, `held`; it was locked from
 * `site`. Notes the site in m.  Of what is held, mutexes count.
 */
void cede__lock_order_note(struct cede_mutex *m, const struct cede__hold *held, const void *site);

#endif
