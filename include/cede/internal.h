/* SPDX-License-Identifier: MIT */
/*
 * What public structures embed.  Visible so that they can live in your memory, not for use: the
 * fields belong to the library, and change with it.
 */
#ifndef CEDE_INTERNAL_H
#define CEDE_INTERNAL_H

#include <cede/base.h>

struct cede_scope;
struct cede__party;
struct cede__party_kind;
struct cede__waitable;
struct cede__hold_kind;
struct cede__loop;
struct cede__stack;

/* Doubly linked list link. */
struct cede__list {
        struct cede__list *next, *prev;
};

struct cede__timer {
        struct cede__list link;
        int64_t at;
        void (*fire)(struct cede__timer *);
};

/* A lock that leans towards one thread (base/bias.h). */
struct cede__bias {
        uintptr_t word;   /* atomic: the lock bit */
        uintptr_t owner;  /* atomic: towards whom; changed under the lock bit */
        uintptr_t inside; /* atomic: the owner holds the lock; written by the owner only */
        uintptr_t last;   /* who took the lock bit last, and how often in a row; under it */
        unsigned streak;
        bool biased; /* how it was locked; under the lock */
};

/* A place in a wait queue (wait/waitq.h).  `next` is NULL exactly when the node is in no queue. */
struct cede__wnode {
        struct cede__wnode *next, *prev; /* list: neighbours; heap: see wait/waitq.c */
        struct cede__wnode *child;       /* heap: the first of those that come after this one */
        uint64_t key, serial;            /* heap: smaller goes first, then the earlier */
};

/* Work for another thread's loop: run(post) is called there. */
struct cede__post {
        struct cede__post *next;
        void (*run)(struct cede__post *post);
};

/* One wait of one party (wait/wait.h). */
struct cede__waiter {
        struct cede__wnode node; /* under the object's lock */
        struct cede__party *party;
        const struct cede__waitable *kind;
        void *object;
        long need;              /* how much it wants, in the object's units */
        const void *site;       /* where the public function was called from */
        int64_t since;          /* adaptive transfer: when it came (sync/transfer.h) */
        unsigned tries;         /* likewise: how often it tried in vain */
        int rank;               /* queue: the priority of the item it brings */
        bool strict;            /* it is handed to; under the object's lock */
        bool granted;           /* by whoever claimed it: it is what its party's wait got */
        struct cede__post post; /* carries the wake to the party's loop, if it is another one */
};

/* In the list of what a party holds: embedded in a mutex, say.  Its holder's. */
struct cede__hold {
        struct cede__hold *next; /* what it came to hold before; NULL for one that is not held */
        const struct cede__hold_kind *kind; /* task/task.h; NULL: a mutex */
};

/* Whoever can wait (wait/wait.h). */
struct cede__party {
        uint32_t cell; /* atomic */
        int result;    /* of the wait; written before DONE is published, read after */
        int cancel;    /* how a blocking call fails now: 0 or -errno */
        int priority;
        struct cede__waiter *waiter;         /* the wait in progress */
        const struct cede__party_kind *kind; /* constant */
        struct cede_scope *scope;            /* the innermost one */
        struct cede__hold *held;             /* what it has locked, the latest first; its own */
};

/*
 * A party that takes turns on a loop (sched/loop.h).  The first cache line is what that touches.
 * From `id` on all is a task's (task/task.h), and here because there was room for it.
 */
struct cede__fiber {
        struct cede__fiber *next; /* in the ready queue */
        void *context;            /* NULL: not started */
        struct cede__loop *loop;
        struct cede__party party;
        struct cede__stack *stack;     /* NULL: the native one; once started */
        unsigned char stack_class : 7; /* what stack it needs; CEDE__STACKLESS: it is a callback */
        unsigned char held : 1;        /* there is a handle; like the class, until it has ended */
        unsigned char requests;        /* atomic: see task/worker.h */
        /* Its worker's: cancelled at its base; in a search (task/stuck.c); in CEDE_NO_SUSPEND. */
        unsigned char base_cancel : 1, on_path : 1, keeps_turn : 1;
        unsigned char : 0;
        bool ended; /* its scope's worker's */
        uint32_t id;
};

#endif
