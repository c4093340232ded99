/* SPDX-License-Identifier: MIT */
/*
 * Around the life of a read-write lock: how it begins and ends, its options, what can be asked
 * about it, and locking it for one function.
 */
#include "sync/rwlock.h"
#include <errno.h>

int cede_rwlock_init(struct cede_rwlock *l, enum cede_order order)
{
        if (!cede__waitq_order_valid(order))
                return -EINVAL;
        *l = (struct cede_rwlock){ 0 };
        cede__waitq_init(&l->q, order);
        cede__waitq_init(&l->readers, order);
        return 0;
}

void cede_rwlock_finish(struct cede_rwlock *l)
{
        if (word_of(l) & ~(uintptr_t)CLOSED)
                cede__die("read-write lock %s is finished while it is locked, or %u wait for it",
                          l->name ? l->name : "unnamed", cede_rwlock_waiting(l));
}

void cede_rwlock_set_name(struct cede_rwlock *l, const char *name)
{
        l->name = name;
}

int cede_rwlock_set_preference(struct cede_rwlock *l, enum cede_preference preference)
{
        if ((unsigned)preference > CEDE_WRITERS_FIRST)
                return -EINVAL;
        l->preference = preference;
        return 0;
}

unsigned long cede_rwlock_reading(const struct cede_rwlock *l)
{
        uintptr_t word = word_of(l);

        return is_read(word) ? word / ONE : 0;
}

bool cede_rwlock_written(const struct cede_rwlock *l)
{
        return writer(l) != NULL;
}

bool cede_rwlock_owned(const struct cede_rwlock *l)
{
        return writer(l) == cede__party_here();
}

unsigned cede_rwlock_waiting(const struct cede_rwlock *l)
{
        return __atomic_load_n(&l->q.waiting, __ATOMIC_RELAXED) +
               __atomic_load_n(&l->readers.waiting, __ATOMIC_RELAXED);
}

int cede_rwlock_read_run(struct cede_rwlock *l, int (*fn)(void *arg), void *arg)
{
        int r = cede_rwlock_read_lock(l);

        if (r == 0) {
                r = fn(arg);
                cede_rwlock_read_unlock(l);
        } else if (r == -EOWNERDEAD) {
                cede_rwlock_read_unlock(l);
        }
        return r;
}

int cede_rwlock_write_run(struct cede_rwlock *l, int (*fn)(void *arg), void *arg)
{
        int r = cede_rwlock_write_lock(l);

        if (r == 0) {
                r = fn(arg);
                cede_rwlock_write_unlock(l);
        } else if (r == -EOWNERDEAD) {
                cede_rwlock_write_unlock(l);
        }
        return r;
}
