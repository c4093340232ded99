/* SPDX-License-Identifier: MIT */
/* What a mutex tells the lock-order check. */
#ifndef CEDE_SYNC_LOCK_ORDER_H
#define CEDE_SYNC_LOCK_ORDER_H

#include <cede/mutex.h>

extern bool cede__lock_order_on; /* atomic */

/*
 * m is about to be added to the list of what its new owner holds, `held`; it was locked from
 * `site`. Notes the site in m.
 */
void cede__lock_order_note(struct cede_mutex *m, const struct cede_mutex *held, const void *site);

#endif
