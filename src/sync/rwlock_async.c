/* SPDX-License-Identifier: MIT */
/* Read-write lock: waiting for it with a callback, or as one of several objects. */
#include "sync/any.h"
#include "sync/rwlock.h"
#include "task/callback.h"
#include <errno.h>

/* For callbacks */

static int lock_async(struct cede_rwlock *l, long need, struct cede_callback *callback,
                      const void *site)
{
        struct cede__party *party = cede__callback_begin(callback);
        int result, r = cede__rwlock_enter(l, need, party, &callback->waiter, site, &result);

        if (r < 0) {
                cede__callback_refused(callback);
                return r;
        }
        if (r > 0)
                cede__wait_finish(party, result);
        return 0;
}

int cede_rwlock_read_lock_async(struct cede_rwlock *l, struct cede_callback *callback)
{
        return lock_async(l, READ, callback, CEDE__CALL_SITE);
}

int cede_rwlock_write_lock_async(struct cede_rwlock *l, struct cede_callback *callback)
{
        return lock_async(l, WRITE, callback, CEDE__CALL_SITE);
}

int cede_rwlock_write_unlock_async(struct cede_rwlock *l, struct cede_callback *callback)
{
        struct cede__party *party = &callback->fiber.party;

        if (writer(l) != party)
                return -EPERM;
        cede__rwlock_write_until(l, party, 0);
        return 0;
}

int cede_rwlock_downgrade_async(struct cede_rwlock *l, struct cede_callback *callback)
{
        struct cede__party *party = &callback->fiber.party;

        if (writer(l) != party)
                return -EPERM;
        if (l->tracking)
                cede__rwlock_track_nobody(l);
        cede__rwlock_write_until(l, party, one_more(0));
        return 0;
}

/* For waiting for any of several */

static int attempt_case(struct cede_case *c, struct cede__party *me)
{
        int r = c->need == READ ? cede_rwlock_try_read_lock(c->object) :
                                  cede_rwlock_try_write_lock(c->object);

        (void)me;
        c->result = r == -EOWNERDEAD ? r : 0;
        return r == -EAGAIN ? 0 : r == -EDEADLK ? r : 1;
}

static int enter_case(struct cede_case *c, struct cede__party *me, const void *site)
{
        int result, r = cede__rwlock_enter(c->object, (long)c->need, me, &c->waiter, site, &result);

        if (r > 0)
                c->result = cede__rwlock_entered(c->object, me, (long)c->need, result);
        return r;
}

static int granted_case(struct cede_case *c, struct cede__party *me, int result)
{
        return cede__rwlock_entered(c->object, me, (long)c->need, result);
}

struct cede_case cede_rwlock_read_case(struct cede_rwlock *l)
{
        static const struct cede__case_kind read = { "read lock", attempt_case, enter_case,
                                                     granted_case };

        return (struct cede_case){ .kind = &read, .object = l, .need = READ };
}

struct cede_case cede_rwlock_write_case(struct cede_rwlock *l)
{
        static const struct cede__case_kind write = { "write lock", attempt_case, enter_case,
                                                      granted_case };

        return (struct cede_case){ .kind = &write, .object = l, .need = WRITE };
}
