/* SPDX-License-Identifier: MIT */
/*
 * Queue.
 *
 * One lock protects everything, and is held for some dozen instructions and the copy of one
 * item.  Under it, whenever it is dropped:
 *
 *  (1) Somebody waits to get only while the store is empty and nobody waits to put.
 *  (2) Somebody waits to put only while the store holds `capacity` items.
 *
 * where those who are being cancelled do not count: they are passed over by whoever finds them at
 * the head, and withdraw by themselves.  So
 *
 *      put     with a getter waiting: copies the item to the first one's memory, and finishes its
 *              wait; else adds it to the store, if there is room; else waits
 *      get     takes from the store, and moves the item of the first who waits to put into the
 *              place that became free; of a rendezvous: takes it from that one directly; else waits
 *
 * and nobody who leaves was in anybody's way.  An item that was copied to a getter's memory was
 * claimed for it under the lock: no cancel can take it back, and nobody else can take it.  After
 * the lock is dropped nothing of the queue is touched: whoever got the last item may free it.
 *
 * Memory is allocated by puts, with the lock given up meanwhile; the store has room for `capacity`
 * items before anybody waits to put, so that a get never has to allocate for the item it moves.
 */
#include "sync/queue.h"
#include "base/alloc.h"
#include "sync/store.h"
#include "task/callback.h"
#include <errno.h>
#include <sched.h>

enum { LEAST_ROOM = 16, SPINNING_LOOKS = 10, LOOKS = 14 };

/* Where a waiter's item is, or is to go. */
static void *item_of(const struct cede__waiter *w)
{
        return (void *)(uintptr_t)w->need;
}

/*
 * A plain thread has to be woken by the system, which takes longer than many puts and gets.  So it
 * looks again for a moment before it waits, without the lock, and not so often that it would be in
 * the way of those who work at the queue, and then lets other threads run on its processor a few
 * times; meanwhile items gather, or room, for more than one turn.  Nobody is passed: while somebody
 * waits for the same, there is none.
 */
static void linger(const struct cede_queue *q, const struct cede__party *me, size_t size)
{
        unsigned spins = me->kind->may_spin && !cede__cancelled(me) ? cede__spins() : 0;
        unsigned looks = spins && q->capacity ? LOOKS : 0;

        for (unsigned n = 0; n < looks; n++) {
                if (cede_queue_closed(q) || cede_queue_size(q) != size)
                        return;
                for (unsigned i = 0; n < SPINNING_LOOKS && i < spins / SPINNING_LOOKS; i++)
                        cede__spin_pause();
                if (n >= SPINNING_LOOKS)
                        sched_yield();
        }
}

/* Putting */

/* Under the lock: an item is in the store. */
static void stored(struct cede_queue *q)
{
        if (q->store.count > q->peak)
                q->peak = q->store.count;
        q->puts++;
}

/* Under the lock, which it gives up meanwhile: more room.  0, and it is to be looked at again. */
static int grow(struct cede_queue *q)
{
        size_t size = cede__store_entry_size(&q->store), want;
        void *memory;

        want = q->store.room < LEAST_ROOM / 2 ? LEAST_ROOM : 2 * q->store.room;
        if (want > q->capacity)
                want = q->capacity;
        if (size && want > SIZE_MAX / 8 / size)
                return -ENOMEM;
        cede__queue_unlock(q);
        memory = cede__alloc(want * size + 1); /* more than nothing */
        cede__queue_lock(q);
        if (!memory)
                return -ENOMEM;
        if (q->store.room < want)
                memory = cede__store_move(&q->store, memory, want);
        cede__free(memory);
        return 0;
}

int cede__queue_offer(struct cede_queue *q, const void *item, int priority,
                      struct cede__waiter **ret_getter)
{
        struct cede__waiter *getter;

        if (!item && q->store.item_size)
                return -EINVAL;
        while (!(q->state & CEDE__QUEUE_CLOSED)) {
                getter = cede__queue_next(&q->getters);
                if (getter) {
                        cede__item_copy(item_of(getter), item, q->store.item_size);
                        q->puts++;
                        *ret_getter = getter;
                        return 1;
                }
                if (q->store.count < q->store.room) {
                        cede__store_add(&q->store, item, priority);
                        stored(q);
                        return 1;
                }
                if (q->store.room >= q->capacity)
                        return 0;
                if (grow(q) < 0)
                        return -ENOMEM;
        }
        return -EPIPE;
}

/* 1: it was put; 0: the party is queued; -errno: neither. */
static int enter_put(struct cede_queue *q, const void *item, int priority, struct cede__party *me,
                     struct cede__waiter *w, const void *site)
{
        struct cede__waiter *getter = NULL;
        int r;

        if (cede__cancelled(me) == -ECANCELED)
                return -ECANCELED;
        cede__queue_lock(q);
        r = cede__queue_offer(q, item, priority, &getter);
        if (r == 0) {
                w->rank = priority;
                r = cede__queue_up(q, CEDE__QUEUE_PUT, item, me, w, site);
        }
        cede__queue_unlock(q);
        cede__queue_finish(getter);
        return r;
}

static CEDE__NOINLINE int put_slowly(struct cede_queue *q, const void *item, int priority,
                                     const void *site)
{
        struct cede__party *me = cede__party_here();
        struct cede__waiter w;
        int r;

        linger(q, me, q->capacity);
        r = enter_put(q, item, priority, me, &w, site);
        if (r == 0)
                return cede__wait(me);
        return r < 0 ? r : 0;
}

/* What most puts are: there is room, and nobody waits. */
static inline bool put_quickly(struct cede_queue *q, const void *item)
{
        bool quick;

        cede__queue_lock(q);
        quick = !q->state && item && q->store.count < q->store.room;
        if (cede__likely(quick)) {
                cede__store_add_word(&q->store, item);
                stored(q);
        }
        cede__queue_unlock_plain(q);
        return quick;
}

/* A hint only, since the lock is not held. */
static inline bool looks_plain(const struct cede_queue *q)
{
        return !__atomic_load_n(&q->state, __ATOMIC_RELAXED);
}

int cede_queue_put(struct cede_queue *q, const void *item)
{
        return cede__likely(looks_plain(q) && !cede__cancelled(cede__party_here()) &&
                            put_quickly(q, item)) ?
                       0 :
                       put_slowly(q, item, 0, CEDE__CALL_SITE);
}

int cede_queue_put_with(struct cede_queue *q, const void *item, int priority)
{
        return put_slowly(q, item, priority, CEDE__CALL_SITE);
}

int cede_queue_try_put(struct cede_queue *q, const void *item)
{
        return cede_queue_try_put_with(q, item, 0);
}

int cede_queue_try_put_with(struct cede_queue *q, const void *item, int priority)
{
        struct cede__waiter *getter = NULL;
        int r;

        cede__queue_lock(q);
        r = cede__queue_offer(q, item, priority, &getter);
        cede__queue_unlock(q);
        cede__queue_finish(getter);
        return r > 0 ? 0 : r == 0 ? -EAGAIN : r;
}

int cede_queue_put_async(struct cede_queue *q, const void *item, int priority,
                         struct cede_callback *callback)
{
        struct cede__party *party = cede__callback_begin(callback);

        return cede__queue_entered(
                callback, enter_put(q, item, priority, party, &callback->waiter, CEDE__CALL_SITE));
}

/* Getting */

int cede__queue_take(struct cede_queue *q, void *ret_item, struct cede__waiter **ret_putter)
{
        struct cede__waiter *putter;

        if (!ret_item && q->store.item_size)
                return -EINVAL;
        if (q->store.count) {
                cede__item_copy(ret_item, cede__store_head(&q->store), q->store.item_size);
                cede__store_remove(&q->store);
                putter = cede__queue_next(&q->putters);
                if (putter) {
                        cede__store_add(&q->store, item_of(putter), putter->rank);
                        stored(q);
                }
        } else {
                putter = cede__queue_next(&q->putters); /* of a rendezvous */
                if (!putter)
                        return q->state & CEDE__QUEUE_CLOSED ? -EPIPE : 0;
                cede__item_copy(ret_item, item_of(putter), q->store.item_size);
                q->puts++;
        }
        *ret_putter = putter;
        return 1;
}

/* 1: an item was taken; 0: the party is queued; -errno: neither. */
static int enter_get(struct cede_queue *q, void *ret_item, struct cede__party *me,
                     struct cede__waiter *w, const void *site)
{
        struct cede__waiter *putter = NULL;
        int r;

        if (cede__cancelled(me) == -ECANCELED)
                return -ECANCELED;
        cede__queue_lock(q);
        r = cede__queue_take(q, ret_item, &putter);
        if (r == 0)
                r = cede__queue_up(q, CEDE__QUEUE_GET, ret_item, me, w, site);
        cede__queue_unlock(q);
        cede__queue_finish(putter);
        return r;
}

static CEDE__NOINLINE int get_slowly(struct cede_queue *q, void *ret_item, const void *site)
{
        struct cede__party *me = cede__party_here();
        struct cede__waiter w;
        int r;

        linger(q, me, 0);
        r = enter_get(q, ret_item, me, &w, site);
        if (r == 0)
                return cede__wait(me);
        return r < 0 ? r : 0;
}

/* What most gets are: there is an item, and nobody waits. */
static inline bool get_quickly(struct cede_queue *q, void *ret_item)
{
        bool quick;

        cede__queue_lock(q);
        quick = !q->state && ret_item && q->store.count;
        if (cede__likely(quick))
                cede__store_take_word(&q->store, ret_item);
        cede__queue_unlock_plain(q);
        return quick;
}

int cede_queue_get(struct cede_queue *q, void *ret_item)
{
        return cede__likely(looks_plain(q) && !cede__cancelled(cede__party_here()) &&
                            get_quickly(q, ret_item)) ?
                       0 :
                       get_slowly(q, ret_item, CEDE__CALL_SITE);
}

int cede_queue_try_get(struct cede_queue *q, void *ret_item)
{
        struct cede__waiter *putter = NULL;
        int r;

        cede__queue_lock(q);
        r = cede__queue_take(q, ret_item, &putter);
        cede__queue_unlock(q);
        cede__queue_finish(putter);
        return r > 0 ? 0 : r == 0 ? -EAGAIN : r;
}

int cede_queue_get_async(struct cede_queue *q, void *ret_item, struct cede_callback *callback)
{
        struct cede__party *party = cede__callback_begin(callback);

        return cede__queue_entered(
                callback, enter_get(q, ret_item, party, &callback->waiter, CEDE__CALL_SITE));
}
