/* SPDX-License-Identifier: MIT */
/*
 * Who goes next.  Every object that can be waited on is given an order when it is initialised.
 *
 * The order acts once, when a waiter arrives: the queue is always kept in wake order, so granting
 * is "take the head" whatever the order is, and a waiter that gives up leaves from where it stands.
 * Whoever is at the head and fits is granted, and nobody behind it.  A newcomer that its order puts
 * at the head (LIFO, priority) and that fits is therefore granted at once.
 */
#ifndef CEDE_ORDER_H
#define CEDE_ORDER_H

#include <cede/base.h>

CEDE_BEGIN_DECLS

enum cede_order {
        CEDE_FIFO,     /* first come, first served; what an all-zero object does */
        CEDE_LIFO,     /* newest first: turns a recursive walk depth-first; the oldest may starve */
        CEDE_PRIORITY, /* highest priority first, whatever waits; FIFO among equals */
        CEDE_EDF,      /* earliest deadline first (cede_deadline()), FIFO among equals */
        CEDE_RANDOM,   /* each waiter equally likely; the sequence is a function of the seed */
};

/*
 * How it gets there: what a release does when somebody waits.  An option of mutexes and semaphores,
 * set before the object is shared.
 *
 * Strict: the object belongs to the head of the queue at that moment, and nobody comes in between.
 * Every change of hands costs the time until the new holder runs.
 *
 * Adaptive: the object becomes free, and the head is woken to try again.  Until it runs, whoever is
 * running already may take the object, many times over: much faster between threads that hold it
 * briefly.  A waiter whose try was in vain goes back to the front; if by then it has waited for a
 * millisecond (or tried a hundred times), the object is handed to it strictly, and nobody passes.
 * So nobody starves, neither does a large request among small ones.  That counts from when the
 * waiter that was woken runs: as long as its thread is busy with something else, those behind it at
 * a mutex are passed too.  Waiters are tried in the queue's order.  Callbacks, and waiters that
 * come from a condition, are always handed to.
 */
enum cede_transfer {
        CEDE_STRICT, /* what an all-zero object does */
        CEDE_ADAPTIVE,
};

/* A queue of waiters, embedded in the object that is waited on.  The fields are the library's. */
struct cede__waitq {
        enum cede_order order;
        uint32_t waiting; /* how many now */
        uint32_t peak;    /* how many at most, ever */
        uint64_t serial;  /* arrivals so far: breaks ties in arrival order */
        uint64_t clock;   /* CEDE_RANDOM: the key granted last */
        uint64_t seed;    /* CEDE_RANDOM */
        struct cede__wnode *head;
};

#define CEDE__WAITQ_INIT(order)                                                                    \
        {                                                                                          \
                (enum cede_order)((order) / CEDE__IS((unsigned)(order) <= CEDE_RANDOM)), 0, 0, 0,  \
                        0, 0, NULL                                                                 \
        }

CEDE_END_DECLS

#endif
