/* SPDX-License-Identifier: MIT */
/*
 * Context switch: the one thing C cannot say.  A suspended context is a single pointer, to what was
 * saved on its own stack.  The build picks one implementation: a processor's, or ucontext.c.
 *
 * Saved are the registers that a function call preserves.  Signal mask and floating-point control
 * (rounding, exception masks) belong to the thread: a task that changes them changes them back
 * before its next checkpoint.
 */
#ifndef CEDE_ARCH_CONTEXT_H
#define CEDE_ARCH_CONTEXT_H

#include <stddef.h>

/* Suspends the caller, storing its context in *ret_from, and resumes `to`. */
void cede__context_switch(void **ret_from, void *to);

/* The same for a context that context_make has made and nobody has resumed: quicker there. */
void cede__context_begin(void **ret_from, void *fresh);

/*
 * A context that, when first resumed, calls entry(arg) on the stack [low, low + size), which is
 * aligned to 16 bytes.  entry never returns.
 */
void *cede__context_make(void *low, size_t size, void (*entry)(void *arg), void *arg);

#endif
