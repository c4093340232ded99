/* SPDX-License-Identifier: MIT */
/*
 * The chooser: whoever is installed here decides what the library leaves open.  Without one (normal
 * runs) everything takes its natural course, at the price of one predictable test of this pointer.
 * Tests install one to force an order or a failure; an explorer of interleavings is another one.
 *
 * Not thread-safe: install it before a run, remove it afterwards.
 */
#ifndef CEDE_BASE_CHOOSER_H
#define CEDE_BASE_CHOOSER_H

#include "base/compiler.h"
#include <stdbool.h>

enum cede__choice {
        CEDE__CHOOSE_READY, /* which of the ready tasks goes next; 0 is the natural one */
        CEDE__CHOOSE_TIMER, /* which of the timers due at one instant fires next; 0 likewise */
        CEDE__CHOOSE_FAULT, /* 1: the resource about to be taken is to be exhausted */
};

struct cede__chooser {
        /* Returns a number below n, which is at least 2. */
        unsigned (*choose)(struct cede__chooser *self, enum cede__choice kind, unsigned n);
};

extern struct cede__chooser *cede__chooser;

/* Whether to fail here on purpose. */
static inline bool cede__fault(void)
{
        return cede__unlikely(cede__chooser != NULL) &&
               cede__chooser->choose(cede__chooser, CEDE__CHOOSE_FAULT, 2) == 1;
}

#endif
