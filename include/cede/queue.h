/* SPDX-License-Identifier: MIT */
/*
 * Queue: items go from those who put to those who get, and wait in between.
 *
 *      static struct cede_queue jobs = CEDE_QUEUE_INIT(sizeof(struct job), 16, CEDE_FIFO);
 *
 *      r = cede_queue_put(&jobs, &job);        // waits while 16 are in it
 *      cede_queue_close(&jobs);                // no more will come
 *
 *      while ((r = cede_queue_get(&jobs, &job)) == 0)
 *              work(&job);
 *      return r == -EPIPE ? 0 : r;             // closed, and all items were taken
 *
 * Items are copied, `item_size` bytes each: to pass a pointer, put the address of the pointer.  Its
 * capacity is how many items the queue holds at most: CEDE_UNBOUNDED for any number; 0 for a
 * rendezvous, where a put returns when a getter has taken the item.  Which item goes first is said
 * by the item order, who goes first among those who wait by cede_queue_set_order.
 *
 * Hand-over.  A put with a getter waiting copies the item to that getter's memory at that moment,
 * and goes on without yielding; a get from a full queue lets in the item of the putter that waits
 * first.  So an item is never stolen from a getter that was woken for it, and a getter that is
 * cancelled after that returns 0 with its item.  A plain thread looks at the queue for some
 * microseconds before it waits.
 *
 * Closing lets getters drain the queue; then they fail with -EPIPE.  Puts fail with -EPIPE at once,
 * those that wait included.  Whoever puts work can wait until all of it is done: see
 * cede_queue_join.
 *
 * An all-zero queue is valid: a rendezvous without data (item_size 0).  Memory for items is
 * allocated as the queue fills, never more than twice as much as they need.
 */
#ifndef CEDE_QUEUE_H
#define CEDE_QUEUE_H

#include <cede/base.h>
#include <cede/internal.h>
#include <cede/order.h>

CEDE_BEGIN_DECLS

struct cede_callback;
struct cede_case;

/* As a capacity, or for cede_queue_set_backlog: no limit. */
#define CEDE_UNBOUNDED SIZE_MAX

/* The items of a queue; the fields belong to sync/store.c. */
struct cede__store {
        char *memory; /* `room` entries */
        size_t room, count;
        size_t first; /* CEDE_FIFO: the entry that goes next */
        size_t item_size;
        enum cede_order order;
        uint64_t serial; /* CEDE_PRIORITY: breaks ties in order of arrival */
};

/* Visible so that it can be embedded; the fields belong to sync/queue.c. */
struct cede_queue {
        struct cede__bias lock; /* protects the rest */
        unsigned state; /* flags: what the quick way leaves to the slow one; a hint without it */
        struct cede__store store;
        size_t capacity, peak;
        uint64_t puts, done; /* items accepted; items whose work is done, or that were dropped */
        struct cede__waitq getters, putters, joiners;
        size_t getters_max, putters_max; /* plus 1; 0: no limit */
        const char *name;
};

/* A static initialiser; an item order that is none does not compile. */
#define CEDE_QUEUE_INIT(item_size, capacity, item_order)                                           \
        {                                                                                          \
                { 0, 0, 0, 0, 0, false }, (item_size) == 8 && (item_order) == CEDE_FIFO ? 0 : 1,   \
                        { NULL,                                                                    \
                          0,                                                                       \
                          0,                                                                       \
                          0,                                                                       \
                          (item_size),                                                             \
                          (enum cede_order)((item_order) /                                         \
                                            CEDE__IS((unsigned)(item_order) <= CEDE_PRIORITY &&    \
                                                     (item_size) <= SIZE_MAX / 64)),               \
                          0 },                                                                     \
                        (capacity), 0, 0, 0, CEDE__WAITQ_INIT(CEDE_FIFO),                          \
                        CEDE__WAITQ_INIT(CEDE_FIFO), CEDE__WAITQ_INIT(CEDE_FIFO), 0, 0, NULL       \
        }

/*
 * Makes `q` an empty queue of items of this size.  The item order is CEDE_FIFO, CEDE_LIFO, or
 * CEDE_PRIORITY: highest first, and FIFO among equals.
 * -EINVAL: the item order is another one, or item_size is beyond SIZE_MAX / 64.
 */
CEDE_API int cede_queue_init(struct cede_queue *q, size_t item_size, size_t capacity,
                             enum cede_order item_order) CEDE_MUST_CHECK;

/*
 * Ends a queue's life, and gives back its memory.  Items that are still in it are forgotten;
 * cede_queue_close_now gives them to you.  Ends the program with a report if anybody waits.
 */
CEDE_API void cede_queue_finish(struct cede_queue *q);

/*
 * Sets an option of a queue, before it is shared: a name for reports (kept, not copied); the order
 * in which those who wait to get, and those who wait to put, have their turn (CEDE_FIFO if it is
 * not set); the seed of CEDE_RANDOM.  -EINVAL: the order is none.
 */
CEDE_API void cede_queue_set_name(struct cede_queue *q, const char *name);
CEDE_API int cede_queue_set_order(struct cede_queue *q, enum cede_order order) CEDE_MUST_CHECK;
CEDE_API void cede_queue_set_seed(struct cede_queue *q, uint64_t seed);

/*
 * Limits how many may wait to get, and how many to put; CEDE_UNBOUNDED: no limit.  Whoever would be
 * one too many fails at once.  With 0 nobody waits.  Before the queue is shared.
 */
CEDE_API void cede_queue_set_backlog(struct cede_queue *q, size_t getters, size_t putters);

/*
 * Puts a copy of an item into a queue, waiting for room if need be; or hands it to a getter.  The
 * priority counts if the item order is CEDE_PRIORITY, and is 0 in cede_queue_put.  On failure the
 * item was not put.
 *
 * -EPIPE      the queue is closed, or was closed meanwhile
 * -ENOBUFS    the queue is full, and as many wait for room as may
 * -ENOMEM     there is no memory for one item more
 * -ECANCELED  the caller is cancelled (also if there is room)
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed; if there is room, it is
 *             still put
 * -EINVAL     item is NULL, and items have a size
 */
CEDE_API int cede_queue_put(struct cede_queue *q, const void *item) CEDE_MUST_CHECK;
CEDE_API int cede_queue_put_with(struct cede_queue *q, const void *item,
                                 int priority) CEDE_MUST_CHECK;

/*
 * Puts an item for a callback (callback.h).  0: it will be called, with 0 once the item was put, or
 * with -EPIPE if the queue is closed before.  The item's memory must stay as it is until then, or
 * until cede_callback_cancel has returned 0.
 *
 * -EPIPE    the queue is closed
 * -ENOBUFS  the queue is full, and as many wait for room as may
 * -ENOMEM   there is no memory for one item more
 * -EINVAL   item is NULL, and items have a size
 */
CEDE_API int cede_queue_put_async(struct cede_queue *q, const void *item, int priority,
                                  struct cede_callback *callback) CEDE_MUST_CHECK;

/*
 * Puts an item if that needs no waiting; also from plain threads and from cancelled tasks.
 *
 * -EAGAIN  the queue is full; of a rendezvous: no getter waits
 * -EPIPE   the queue is closed
 * -ENOMEM  there is no memory for one item more
 * -EINVAL  item is NULL, and items have a size
 */
CEDE_API int cede_queue_try_put(struct cede_queue *q, const void *item) CEDE_MUST_CHECK;
CEDE_API int cede_queue_try_put_with(struct cede_queue *q, const void *item,
                                     int priority) CEDE_MUST_CHECK;

/*
 * Gets the item that goes next, waiting for one if need be, and copies it to ret_item.
 *
 * -EPIPE      the queue is closed, and empty
 * -ENODATA    the queue is empty, and as many wait for items as may
 * -ECANCELED  the caller is cancelled (also if there are items)
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed; an item that is there is
 *             still taken
 * -EINVAL     ret_item is NULL, and items have a size
 */
CEDE_API int cede_queue_get(struct cede_queue *q, void *ret_item) CEDE_MUST_CHECK;

/*
 * Gets an item for a callback (callback.h).  0: it will be called, with 0 once the item was copied
 * to ret_item, or with -EPIPE if the queue is closed before.  That memory is the queue's until
 * then, or until cede_callback_cancel has returned 0.
 *
 * -EPIPE    the queue is closed, and empty
 * -ENODATA  the queue is empty, and as many wait for items as may
 * -EINVAL   ret_item is NULL, and items have a size
 */
CEDE_API int cede_queue_get_async(struct cede_queue *q, void *ret_item,
                                  struct cede_callback *callback) CEDE_MUST_CHECK;

/*
 * Gets an item if that needs no waiting; also from plain threads and from cancelled tasks.
 *
 * -EAGAIN  the queue is empty; of a rendezvous: nobody waits to put
 * -EPIPE   the queue is closed, and empty
 * -EINVAL  ret_item is NULL, and items have a size
 */
CEDE_API int cede_queue_try_get(struct cede_queue *q, void *ret_item) CEDE_MUST_CHECK;

/*
 * Returns the case of putting an item, or of getting one, for cede_wait_any (any.h).  Its result is
 * 0, or -EPIPE if the queue is closed; cede_wait_any fails where the function here would with
 * another error.  The memory of the item must stay until then.
 */
CEDE_API struct cede_case cede_queue_put_case(struct cede_queue *q, const void *item, int priority);
CEDE_API struct cede_case cede_queue_get_case(struct cede_queue *q, void *ret_item);

/*
 * Closes a queue: puts fail from now on, and gets once it is empty.  Those who wait to put fail
 * with -EPIPE, and keep their items.  Never waits or yields; from any thread.  Closing one that is
 * closed does nothing.
 */
CEDE_API void cede_queue_close(struct cede_queue *q);

/*
 * Closes a queue and empties it: drop(item, arg) is called for each item in the order in which they
 * would have been gotten, unless drop is NULL.  They count as done (cede_queue_join).  `item` is
 * valid during the call.  Returns how many they were.
 */
CEDE_API size_t cede_queue_close_now(struct cede_queue *q, void (*drop)(void *item, void *arg),
                                     void *arg);

/*
 * Says that the work on an item is done; normally on one that was gotten.  Never waits or yields;
 * from any thread.  -EOVERFLOW: it was said for each item that was ever put.
 */
CEDE_API int cede_queue_task_done(struct cede_queue *q);

/*
 * Waits until the work on all items is done: cede_queue_task_done was called for each that was put,
 * or it was dropped by cede_queue_close_now.  -ECANCELED: the caller is cancelled (also if all is
 * done); -ETIMEDOUT: the deadline of its innermost scope has passed, and some is not done.
 */
CEDE_API int cede_queue_join(struct cede_queue *q) CEDE_MUST_CHECK;

/* Waits for that with a callback.  0: it will be called, with result 0. */
CEDE_API int cede_queue_join_async(struct cede_queue *q,
                                   struct cede_callback *callback) CEDE_MUST_CHECK;

/*
 * Returns how many items are in a queue now, how many parties wait to get or to put, or whether it
 * is closed: of use for reports and tests, stale when read.
 */
CEDE_API size_t cede_queue_size(const struct cede_queue *q);
CEDE_API unsigned cede_queue_getters(const struct cede_queue *q);
CEDE_API unsigned cede_queue_putters(const struct cede_queue *q);
CEDE_API bool cede_queue_closed(const struct cede_queue *q);

struct cede_queue_stats {
        size_t size;           /* items in it */
        size_t peak_size;      /* the most that ever were at a time */
        unsigned getters;      /* parties waiting to get */
        unsigned peak_getters; /* the most that ever waited at a time */
        unsigned putters;      /* parties waiting to put */
        unsigned peak_putters; /* the most that ever waited at a time */
        uint64_t puts;         /* items that were put, handed over ones included */
        uint64_t unfinished;   /* of those, whose work is not done */
};

/* Stores a consistent snapshot of a queue's counters. */
CEDE_API void cede_queue_stats(struct cede_queue *q, struct cede_queue_stats *ret_stats);

CEDE_END_DECLS

#endif
