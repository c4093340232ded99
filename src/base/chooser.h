/* SPDX-License-Identifier: MIT */
/*
 * The chooser: whoever is installed here decides what the library leaves open.  Without one (normal
 * runs) everything takes its natural course, at the price of one predictable test of this pointer.
 * Tests install one to force an order or a failure; an explorer of interleavings is another one.
 *
 * A chooser may also decide which thread goes on.  It is told before every step that another thread
 * can race with, and returns when this thread is to take it; so a thread runs from one step to the
 * next as if that were one.  It does the waiting itself, so that it knows who can go on:
 *
 *      step    before: taking a lock bit, beginning, claiming and finishing a wait, parking, a
 *              post, and on both sides of arch/restart.h
 *      spin    a lock bit is taken: returns when the word has changed
 *      sleep   instead of the futex; may return early, like that
 *      wake    likewise
 *      now     the clock, which moves when the chooser says so
 *      start   a thread of the library's own, which it controls as well
 *      join    likewise
 *
 * All are on slow paths only.  An object's lock bit may be held at a step: who wants it spins, and
 * that is known.  What the chooser does not see must not be held: a lock of the system, say.
 *
 * Not thread-safe: install it before a run, remove it afterwards.
 */
#ifndef CEDE_BASE_CHOOSER_H
#define CEDE_BASE_CHOOSER_H

#include "base/compiler.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum cede__choice {
        CEDE__CHOOSE_READY, /* which of the ready tasks goes next; 0 is the natural one */
        CEDE__CHOOSE_TIMER, /* which of the timers due at one instant fires next; 0 likewise */
        CEDE__CHOOSE_FAULT, /* 1: the resource about to be taken is to be exhausted */
};

struct cede__chooser {
        /* Returns a number below n, which is at least 2. */
        unsigned (*choose)(struct cede__chooser *self, enum cede__choice kind, unsigned n);

        /*
         * All of the following or none.  From threads that it does not control it returns at once;
         * false: do it as if there were no chooser.
         */
        void (*step)(struct cede__chooser *self, const char *name, const void *what);
        bool (*spin)(struct cede__chooser *self, const uintptr_t *word, uintptr_t seen);
        bool (*sleep)(struct cede__chooser *self, _Atomic uint32_t *word, uint32_t value,
                      int64_t deadline);
        bool (*wake)(struct cede__chooser *self, _Atomic uint32_t *word);
        bool (*now)(struct cede__chooser *self, int64_t *ret_now);
        bool (*start)(struct cede__chooser *self, void *(*fn)(void *), void *arg);
        bool (*join)(struct cede__chooser *self, void *arg); /* which was started with it */
};

extern struct cede__chooser *cede__chooser CEDE__HIDDEN;

/* Whether to fail here on purpose. */
static inline bool cede__fault(void)
{
        return cede__unlikely(cede__chooser != NULL) &&
               cede__chooser->choose(cede__chooser, CEDE__CHOOSE_FAULT, 2) == 1;
}

/* Whether threads go on as the chooser says. */
static inline bool cede__controlled(void)
{
        return cede__unlikely(cede__chooser != NULL) && cede__chooser->step;
}

void cede__step_controlled(const char *name, const void *what);

/* What follows, up to the next one, is a step that others race with, on `what`. */
static inline void cede__step(const char *name, const void *what)
{
        if (cede__unlikely(cede__chooser != NULL))
                cede__step_controlled(name, what);
}

#endif
