/* SPDX-License-Identifier: MIT */
/*
 * Around the life of a queue: how it begins and ends, its options, and what can be asked about it.
 */
#include "base/alloc.h"
#include "base/text.h"
#include "sync/queue.h"
#include "sync/store.h"
#include "wait/waitq.h"
#include <errno.h>

int cede_queue_init(struct cede_queue *q, size_t item_size, size_t capacity,
                    enum cede_order item_order)
{
        if (!cede__store_order_valid(item_order) || item_size > SIZE_MAX / 64)
                return -EINVAL;
        *q = (struct cede_queue){ .capacity = capacity };
        q->store.item_size = item_size;
        q->store.order = item_order;
        if (item_size != sizeof(uint64_t) || item_order != CEDE_FIFO)
                q->state = CEDE__QUEUE_ODD;
        return 0;
}

void cede_queue_finish(struct cede_queue *q)
{
        if (q->getters.head || q->putters.head || q->joiners.head)
                cede__die("queue %s is finished while %u wait for items, %u for room, and %u for "
                          "its work to be done; close it and join them first",
                          q->name ? q->name : "unnamed", q->getters.waiting, q->putters.waiting,
                          q->joiners.waiting);
        cede__free(q->store.memory);
        q->store.memory = NULL;
        q->store.room = q->store.count = q->store.first = 0;
}

void cede_queue_set_name(struct cede_queue *q, const char *name)
{
        q->name = name;
}

int cede_queue_set_order(struct cede_queue *q, enum cede_order order)
{
        if (!cede__waitq_order_valid(order))
                return -EINVAL;
        q->getters.order = q->putters.order = order;
        return 0;
}

void cede_queue_set_seed(struct cede_queue *q, uint64_t seed)
{
        q->getters.seed = q->putters.seed = seed;
}

void cede_queue_set_backlog(struct cede_queue *q, size_t getters, size_t putters)
{
        q->getters_max = getters + 1; /* CEDE_UNBOUNDED becomes 0 */
        q->putters_max = putters + 1;
}

size_t cede_queue_size(const struct cede_queue *q)
{
        return __atomic_load_n(&q->store.count, __ATOMIC_RELAXED);
}

unsigned cede_queue_getters(const struct cede_queue *q)
{
        return __atomic_load_n(&q->getters.waiting, __ATOMIC_RELAXED);
}

unsigned cede_queue_putters(const struct cede_queue *q)
{
        return __atomic_load_n(&q->putters.waiting, __ATOMIC_RELAXED);
}

bool cede_queue_closed(const struct cede_queue *q)
{
        return __atomic_load_n(&q->state, __ATOMIC_RELAXED) & CEDE__QUEUE_CLOSED;
}

void cede_queue_stats(struct cede_queue *q, struct cede_queue_stats *ret_stats)
{
        cede__queue_lock(q);
        *ret_stats = (struct cede_queue_stats){
                .size = q->store.count,
                .peak_size = q->peak,
                .getters = q->getters.waiting,
                .peak_getters = q->getters.peak,
                .putters = q->putters.waiting,
                .peak_putters = q->putters.peak,
                .puts = q->puts,
                .unfinished = q->puts - q->done,
        };
        cede__queue_unlock(q);
}
