/* SPDX-License-Identifier: MIT */
/*
 * Wait queue: who waits, in wake order.
 *
 * The order acts at insertion only.  FIFO and LIFO are a circular list (insertion and removal
 * O(1)); the others a pairing heap (insertion O(1), removal O(log n) amortised; Fredman, Sedgewick,
 * Sleator, Tarjan: "The pairing heap", 1986).  In both, the node to grant next is `head`, and a
 * node leaves from where it stands.  Nothing is ever allocated: the links are in the nodes.
 *
 * The queue has no lock: the object that embeds it says what protects it.
 */
#ifndef CEDE_WAIT_WAITQ_H
#define CEDE_WAIT_WAITQ_H

#include <cede/internal.h>
#include <cede/order.h>
#include <stdbool.h>

/* What the sorted orders look at.  FIFO and LIFO need none of it. */
struct cede__wrank {
        int priority;
        int64_t deadline;
};

static inline bool cede__waitq_order_valid(enum cede_order order)
{
        return (unsigned)order <= CEDE_RANDOM;
}

static inline bool cede__waitq_sorted(const struct cede__waitq *q)
{
        return q->order >= CEDE_PRIORITY;
}

void cede__waitq_init(struct cede__waitq *q, enum cede_order order);
void cede__waitq_insert(struct cede__waitq *q, struct cede__wnode *node, struct cede__wrank rank);
void cede__waitq_remove(struct cede__waitq *q, struct cede__wnode *node);

/*
 * Puts back a node that was granted in vain: before those that came after it, in list orders before
 * all.  Its rank may have changed meanwhile.
 */
void cede__waitq_return(struct cede__waitq *q, struct cede__wnode *node, struct cede__wrank rank);

/* Removes the head because it is granted: what was drawn at random is drawn. */
void cede__waitq_grant(struct cede__waitq *q, struct cede__wnode *head);

/*
 * The rank of a queued node may have changed: puts it where it belongs now.  Among equals it keeps
 * its time of arrival, and in orders that do not look at priorities it keeps its place.
 */
void cede__waitq_resort(struct cede__waitq *q, struct cede__wnode *node, struct cede__wrank rank);

/* To be called when the last newcomer was not granted at once: it counts as one that waits. */
static inline void cede__waitq_stay(struct cede__waitq *q)
{
        if (q->waiting > q->peak)
                q->peak = q->waiting;
}

/* Who is granted next; NULL if nobody waits. */
static inline struct cede__wnode *cede__waitq_head(const struct cede__waitq *q)
{
        return q->head;
}

static inline bool cede__waitq_linked(const struct cede__wnode *node)
{
        return node->next != NULL;
}

#endif
