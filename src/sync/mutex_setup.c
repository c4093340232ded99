/* SPDX-License-Identifier: MIT */
/*
 * Around the life of a mutex: how it begins and ends, its options, and what can be asked about it.
 */
#include "sync/mutex.h"
#include "sync/transfer.h"
#include <errno.h>

int cede_mutex_run(struct cede_mutex *m, int (*fn)(void *arg), void *arg)
{
        int r = cede_mutex_lock(m);

        if (r == 0) {
                r = fn(arg);
                cede_mutex_unlock(m);
        } else if (r == -EOWNERDEAD) {
                cede_mutex_unlock(m);
        }
        return r;
}

static int init(struct cede_mutex *m, enum cede_order order, bool recursive, const void *site)
{
        if (!cede__waitq_order_valid(order))
                return -EINVAL;
        *m = (struct cede_mutex){ .recursive = recursive, .origin = site };
        cede__waitq_init(&m->q, order);
        return 0;
}

int cede_mutex_init(struct cede_mutex *m, enum cede_order order)
{
        return init(m, order, false, CEDE__CALL_SITE);
}

int cede_mutex_init_recursive(struct cede_mutex *m, enum cede_order order)
{
        return init(m, order, true, CEDE__CALL_SITE);
}

void cede_mutex_finish(struct cede_mutex *m)
{
        if (cede__mutex_owner(m) || m->q.head || m->nudged)
                cede__die("mutex %s is finished while it is locked, or %u wait for it",
                          m->name ? m->name : "unnamed", m->q.waiting);
}

void cede_mutex_set_name(struct cede_mutex *m, const char *name)
{
        m->name = name;
}

int cede_mutex_set_transfer(struct cede_mutex *m, enum cede_transfer transfer)
{
        if (!cede__transfer_valid(transfer))
                return -EINVAL;
        m->transfer = transfer;
        return 0;
}

bool cede_mutex_locked(const struct cede_mutex *m)
{
        return cede__mutex_owner(m) != NULL;
}

bool cede_mutex_owned(const struct cede_mutex *m)
{
        return cede__mutex_owner(m) == cede__party_here();
}

unsigned cede_mutex_waiting(const struct cede_mutex *m)
{
        return __atomic_load_n(&m->q.waiting, __ATOMIC_RELAXED);
}
