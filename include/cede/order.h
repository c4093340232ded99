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
        CEDE_PRIORITY, /* highest task priority first, FIFO among equals */
        CEDE_EDF,      /* earliest deadline first (cede_deadline()), FIFO among equals */
        CEDE_RANDOM,   /* each waiter equally likely; the sequence is a function of the seed */
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
