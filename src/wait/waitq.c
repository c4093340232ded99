/* SPDX-License-Identifier: MIT */
/*
 * Heap links.  A node's children form a list through `next`, ended by a link to the last child
 * itself (so that `next` is never NULL while queued); `prev` of the first child is its parent, of
 * the others the sibling before.  The root's next and prev are the root.
 */
#include "wait/waitq.h"
#include "base/prng.h"
#include <math.h>
#include <stddef.h>

void cede__waitq_init(struct cede__waitq *q, enum cede_order order)
{
        *q = (struct cede__waitq){ .order = order };
}

/* The list: FIFO and LIFO */

static void list_insert(struct cede__waitq *q, struct cede__wnode *node, bool in_front)
{
        struct cede__wnode *head = q->head;

        if (!head) {
                q->head = node->next = node->prev = node;
                return;
        }
        node->next = head;
        node->prev = head->prev;
        head->prev->next = node;
        head->prev = node;
        if (in_front)
                q->head = node;
}

static void list_remove(struct cede__waitq *q, struct cede__wnode *node)
{
        if (node->next == node) {
                q->head = NULL;
        } else {
                node->next->prev = node->prev;
                node->prev->next = node->next;
                if (q->head == node)
                        q->head = node->next;
        }
}

/* The heap: PRIORITY, EDF, RANDOM */

static bool before(const struct cede__wnode *a, const struct cede__wnode *b)
{
        return a->key != b->key ? a->key < b->key : a->serial < b->serial;
}

/* Of two roots (either may be NULL) the one that goes first, with the other as its first child. */
static struct cede__wnode *meld(struct cede__wnode *a, struct cede__wnode *b)
{
        if (!a || !b)
                return a ? a : b;
        if (before(b, a)) {
                struct cede__wnode *t = a;

                a = b;
                b = t;
        }
        b->next = a->child ? a->child : b;
        if (a->child)
                a->child->prev = b;
        b->prev = a;
        a->child = b;
        return a;
}

/* Cuts the first of a list of siblings off; NULL for the rest when it was the last. */
static struct cede__wnode *next_sibling(const struct cede__wnode *node)
{
        return node->next == node ? NULL : node->next;
}

/*
 * One root from a list of siblings: pairs from left to right, then all of them from right to left.
 */
static struct cede__wnode *combine(struct cede__wnode *first)
{
        struct cede__wnode *pairs = NULL, *root = NULL;

        while (first) {
                struct cede__wnode *a = first, *b = next_sibling(a), *pair;

                first = b ? next_sibling(b) : NULL;
                pair = meld(a, b);
                pair->prev = pairs; /* a stack, through prev */
                pairs = pair;
        }
        while (pairs) {
                struct cede__wnode *pair = pairs;

                pairs = pair->prev;
                root = meld(root, pair);
        }
        return root;
}

static void heap_set_root(struct cede__waitq *q, struct cede__wnode *root)
{
        q->head = root;
        if (root)
                root->next = root->prev = root;
}

static void heap_insert(struct cede__waitq *q, struct cede__wnode *node)
{
        node->child = NULL;
        heap_set_root(q, meld(q->head, node));
}

static void heap_remove(struct cede__waitq *q, struct cede__wnode *node)
{
        struct cede__wnode *children = combine(node->child);

        if (node == q->head) {
                heap_set_root(q, children);
                return;
        }
        if (node->prev->child == node) {
                node->prev->child = next_sibling(node);
                if (next_sibling(node))
                        node->next->prev = node->prev;
        } else if (next_sibling(node)) {
                node->prev->next = node->next;
                node->next->prev = node->prev;
        } else {
                node->prev->next = node->prev; /* the one before is the last now */
        }
        heap_set_root(q, meld(q->head, children));
}

/*
 * Random order.  Keys are draws from an exponential distribution, counted from the key granted
 * last. The distribution has no memory: given that those left behind exceed that key, they are
 * distributed above it exactly like a newcomer.  So at every grant each waiter, old or new, is
 * equally likely, and no draw has to be made again.
 */
static uint64_t random_key(struct cede__waitq *q)
{
        const double unit = 1 << 24;
        double u = (double)(cede__prng(q->seed, q->serial) >> 11) * 0x1p-53;

        if (!q->head)
                q->clock = 0; /* nobody to be compared with: start over, far from overflow */
        return q->clock + (uint64_t)(-log1p(-u) * unit);
}

static uint64_t key_of(struct cede__waitq *q, struct cede__wrank rank)
{
        switch (q->order) {
        case CEDE_PRIORITY:
                return (uint64_t)((int64_t)INT32_MAX - rank.priority);
        case CEDE_EDF:
                return (uint64_t)rank.deadline + ((uint64_t)1 << 63); /* signed order, unsigned */
        case CEDE_RANDOM:
                return random_key(q);
        default:
                return 0;
        }
}

/* Written under the object's lock, read by anybody for reports. */
static void count(struct cede__waitq *q, uint32_t waiting)
{
        __atomic_store_n(&q->waiting, waiting, __ATOMIC_RELAXED);
}

void cede__waitq_insert(struct cede__waitq *q, struct cede__wnode *node, struct cede__wrank rank)
{
        if (cede__waitq_sorted(q)) {
                node->key = key_of(q, rank);
                node->serial = q->serial++;
                heap_insert(q, node);
        } else {
                list_insert(q, node, q->order == CEDE_LIFO);
        }
        count(q, q->waiting + 1);
}

void cede__waitq_return(struct cede__waitq *q, struct cede__wnode *node, struct cede__wrank rank)
{
        if (q->order == CEDE_RANDOM)
                node->key = q->clock; /* it was drawn; nobody else has a smaller key */
        else if (cede__waitq_sorted(q))
                node->key = key_of(q, rank);
        if (cede__waitq_sorted(q))
                heap_insert(q, node);
        else
                list_insert(q, node, true);
        count(q, q->waiting + 1);
}

void cede__waitq_remove(struct cede__waitq *q, struct cede__wnode *node)
{
        if (cede__waitq_sorted(q))
                heap_remove(q, node);
        else
                list_remove(q, node);
        node->next = NULL;
        count(q, q->waiting - 1);
}

void cede__waitq_grant(struct cede__waitq *q, struct cede__wnode *head)
{
        if (cede__waitq_sorted(q))
                q->clock = head->key;
        cede__waitq_remove(q, head);
}

void cede__waitq_resort(struct cede__waitq *q, struct cede__wnode *node, struct cede__wrank rank)
{
        if (q->order != CEDE_PRIORITY)
                return;
        heap_remove(q, node);
        node->key = key_of(q, rank);
        heap_insert(q, node);
}
