/* SPDX-License-Identifier: MIT */
/*
 * The loop: fibers that take turns on one thread.
 *
 * A fiber is a party with a stack: it is run, it blocks, it is woken.  What it is for, the layer
 * above knows (struct cede__loop_hooks).  There is no scheduler context: a fiber that blocks picks
 * the next one itself and switches to it directly, and if there is none, waits for the outside
 * world on its own stack.  A fiber that ends lets the next unstarted one begin on its stack,
 * without any switch.
 *
 * The contract:
 *  - The ready queue is FIFO.  Waking a fiber appends it; nothing else runs at that moment.
 *  - On the virtual clock time moves only when nothing is ready and no outside work is awake; of
 *    several loops that share one, in none of them.
 *  - Other threads reach a loop only through cede__loop_post and the knock bits; everything else
 *    here is for the loop's thread.
 *
 * Other threads reach a loop through one word, `knock`: the newest of a stack of posts, and flag
 * bits below it.  The loop sleeps by exchanging 0 -> SLEEPING and waiting on the word while it has
 * that value.  Whoever posts or knocks changes the word in one atomic step, and if SLEEPING was
 * set, wakes it.  Either the loop's compare-and-swap sees the change and it does not sleep, or the
 * other side sees SLEEPING and wakes it.  After that one step all there was to do may have been
 * done, and the run end: so whoever is going to wake a loop is counted before, in `waking`, and the
 * loop's memory stays until nobody is.
 */
#ifndef CEDE_SCHED_LOOP_H
#define CEDE_SCHED_LOOP_H

#include "sched/timer.h"
#include "stack/stack.h"
#include "wait/wait.h"

struct cede__loop;

struct cede__fibers {
        struct cede__fiber *first, **last;
};

/* The layer above. */
struct cede__loop_hooks {
        /*
         * Where every stack starts, with its first fiber in cede__self: runs that one to its end,
         * then those that cede__loop_succeed lets begin on the same stack; ends with
         * cede__loop_quit.
         */
        void (*bottom)(void *loop);
        void (*call)(struct cede__fiber *fiber);           /* a callback has its turn */
        bool (*is_fiber)(const struct cede__party *party); /* not a callback */
        /*
         * Nothing of the loop's own will ever wake anybody; or of several loops with a virtual
         * clock this one has nothing to do at the present time.  0: something has been done about
         * it; else something outside might, and it is to be asked again after so many nanoseconds.
         */
        int64_t (*quiescent)(struct cede__loop *loop);
        /*
         * Of a loop that is one of several (`shared`).  find: appends to the ready queue what it
         * has been keeping back, or if that queue is empty, what other loops have kept back.  rest:
         * it is about to sleep; false: it had better find something.  rise: it has slept, or was
         * about to.
         */
        bool (*find)(struct cede__loop *loop);
        bool (*rest)(struct cede__loop *loop);
        void (*rise)(struct cede__loop *loop);
        void (*interrupt)(struct cede__loop *loop);                /* CEDE__KNOCK_INTERRUPT */
        void (*report)(struct cede__loop *loop);                   /* CEDE__KNOCK_REPORT */
        void (*overrun)(struct cede__fiber *fiber, int64_t limit); /* in a signal handler */
};

/* In place of a stack class: it is no fiber but a callback that takes its turn in the queue. */
enum { CEDE__STACKLESS = CEDE__STACK_CLASSES };

/*
 * Work that one crew of threads does for tasks of a loop, counted by the loop, when it hands the
 * work out and when it sees it done.  One is part of the loop; the others are there while there is
 * such work.
 */
struct cede__outside {
        struct cede__outside *next;
        struct cede__loop *loop; /* constant, as is the next */
        const void *crew;
        unsigned pieces;  /* of work */
        unsigned threads; /* which do them: so many at a time */
        unsigned asleep;  /* of those threads: they sleep until a timer of this loop */
};

/* Flags of the knock word; the other bits are a pointer to a post. */
enum {
        CEDE__KNOCK_SLEEPING = 1,
        CEDE__KNOCK_INTERRUPT = 2,
        CEDE__KNOCK_REPORT = 4,
        CEDE__KNOCK_FLAGS = 7,
};

struct cede__loop {
        struct cede__fibers ready;
        unsigned turns;          /* left until cede__loop_poll; written by the loop only */
        _Atomic uintptr_t knock; /* any thread */
        uint8_t glances;         /* since the clock was looked at; wraps */
        uint64_t turns_before;   /* given until the last poll, plus `turns` at that moment */
        const struct cede__loop_hooks *hooks;
        void *gone;                  /* the context of who has ended; nobody resumes it */
        struct cede__fibers starved; /* unstarted fibers that there was no stack for */
        unsigned refusals;           /* how often in a row */
        uint64_t refused_at;         /* the turn of the last refusal */
        bool fed;                    /* they tried again since time last moved */
        struct cede__stack_pool stacks;
        struct cede__sanity native;
        bool shared; /* constant */
        bool is_virtual;
        _Atomic int64_t virtual_now; /* written by the loop; of several, by the layer above */

        struct cede__outside outside; /* for offloaded functions; then those of pools */

        uintptr_t waking; /* atomic: how many other threads are about to wake it */
        _Atomic int bell; /* what wakes a foreign event loop (foreign.c): descriptor + 1; 0: none */

        /* Callbacks that wait, or were granted and not called yet; by any thread. */
        atomic_uint callbacks;

        struct cede__timers timers;
};

/* The loop that runs on this thread, and the work that this thread does for another one. */
extern _Thread_local struct cede__loop *cede__loop_here;
extern _Thread_local struct cede__outside *cede__outside_served;

/* Of zeroes, which stay untouched where they can: the timers' slots are most of it. */
void cede__loop_init(struct cede__loop *loop, const struct cede__loop_hooks *hooks,
                     bool is_virtual);
void cede__loop_finish(struct cede__loop *loop);

/* The calling thread's native stack becomes this fiber. */
void cede__loop_enter(struct cede__loop *loop, struct cede__fiber *main);
void cede__loop_leave(void);

/* How many turns were given so far; from any thread a moment old. */
uint64_t cede__loop_turns(const struct cede__loop *loop);

static inline struct cede__fiber *cede__fiber_of(struct cede__party *party)
{
        return cede__container_of(party, struct cede__fiber, party);
}

static inline void cede__fibers_init(struct cede__fibers *q)
{
        q->first = NULL;
        q->last = &q->first;
}

static inline void cede__fibers_push(struct cede__fibers *q, struct cede__fiber *fiber)
{
        fiber->next = NULL;
        *q->last = fiber;
        q->last = &fiber->next;
}

/* The fiber is to run when its turn comes: started ones go on, unstarted ones begin. */
static inline void cede__loop_ready(struct cede__loop *loop, struct cede__fiber *fiber)
{
        cede__fibers_push(&loop->ready, fiber);
}

/* Gives the thread to the next ready fiber, until somebody makes this one ready again. */
void cede__loop_suspend(struct cede__fiber *me);

/*
 * What follows when a fiber on `stack` has ended, and is gone: the next one that has not started
 * begins on the same stack; the caller, which is at the bottom of that, runs it.  Or it is one with
 * a stack of its own, which is to be passed to quit.
 */
struct cede__fiber *cede__loop_succeed_slowly(struct cede__loop *loop, struct cede__stack *stack);

static inline struct cede__fiber *cede__loop_succeed(struct cede__loop *loop,
                                                     struct cede__stack *stack)
{
        struct cede__fiber *next = loop->ready.first;
        unsigned left = loop->turns - 1;

        if (cede__unlikely(!next || next->context || next->stack_class != stack->size_class ||
                           !left || atomic_load_explicit(&loop->knock, memory_order_relaxed) ||
                           loop->starved.first))
                return cede__loop_succeed_slowly(loop, stack);
        __atomic_store_n(&loop->turns, left, __ATOMIC_RELAXED); /* the watchdog reads it */
        loop->ready.first = next->next;
        if (!next->next)
                loop->ready.last = &loop->ready.first;
        next->stack = stack;
        next->context = stack; /* anything but NULL: it has started */
        cede__self = &next->party;
        return next;
}

/*
 * Gives the stack back, and the thread to this fiber, for good.  Does not return, and is not
 * declared so, for then compilers would call it instead of jumping to it: what is called without
 * returning spoils the prediction of returns.
 */
void cede__loop_quit(struct cede__loop *loop, struct cede__stack *stack, struct cede__fiber *next);

/* Ends a fiber's wait (struct cede__party_kind's finish): makes it ready.  From any thread. */
void cede__fiber_finish(struct cede__party *party, int result);

/* Takes in what came from outside and fires the timers that are due. */
void cede__loop_poll(struct cede__loop *loop);

/* Lets a task that only computes learn of time and signals, without giving a turn to anybody. */
static inline void cede__loop_glance(struct cede__loop *loop)
{
        if (cede__unlikely(++loop->glances == 0 ||
                           atomic_load_explicit(&loop->knock, memory_order_relaxed)))
                cede__loop_poll(loop);
}

/* Calls the callbacks that were granted.  False: there is a fiber (again) that wants its turn. */
bool cede__loop_drain(struct cede__loop *loop);

/* There may be stacks again for those that found none. */
void cede__loop_feed(struct cede__loop *loop);

/* Returns when a fiber is ready. */
void cede__loop_idle(struct cede__loop *loop);

/* On a virtual clock, if nothing is under way now: moves on to the next timer. */
bool cede__loop_jump(struct cede__loop *loop);

/*
 * For a foreign event loop (foreign.c).  bell: a descriptor that is readable once the loop has been
 * woken; -errno: it could not be made.  leave: the foreign loop is about to wait, until the time
 * that is returned, or the bell.  enter: it has waited.
 */
int cede__loop_bell(struct cede__loop *loop);
int64_t cede__loop_leave_to_foreign(struct cede__loop *loop);
void cede__loop_enter_from_foreign(struct cede__loop *loop);

/* Wakes the loop, which has announced that it sleeps, however it does. */
void cede__loop_wake(struct cede__loop *loop);
void cede__loop_unbell(struct cede__loop *loop);

/* Whether work is under way outside that may still ask for something at the present time. */
bool cede__loop_outside_awake(const struct cede__loop *loop);
bool cede__pools_awake(const struct cede__loop *loop); /* the same without offloaded functions */

int64_t cede__loop_now(const struct cede__loop *loop);

/* From any thread: post->run(post) will be called by the loop; posts keep their order. */
void cede__loop_post(struct cede__loop *loop, struct cede__post *post);

/* From any thread: wakes the loop if it sleeps, for no reason that it could see. */
void cede__loop_rouse(struct cede__loop *loop);

/* Sleeps for at most so long, unless something comes; takes that in. */
void cede__loop_doze(struct cede__loop *loop, int64_t ns);

/* From any thread and from signal handlers. */
void cede__loop_knock(struct cede__loop *loop, uintptr_t flag);

/*
 * Counts one piece of work that this crew, of so many threads, is given; NULL: no memory.  And that
 * it has been seen done.
 */
struct cede__outside *cede__outside_enter(struct cede__loop *loop, const void *crew,
                                          unsigned threads);
void cede__outside_leave(struct cede__outside *outside);

/*
 * When all tasks have ended: whether pools have work for this loop yet.  Then it first waits for
 * something to happen.
 */
bool cede__loop_await_outside(struct cede__loop *loop);

/*
 * On a thread that does outside work for a loop with a virtual clock: sleeps until its time reaches
 * t.
 */
void cede__outside_sleep(struct cede__outside *outside, int64_t t);

#endif
