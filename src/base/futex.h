/* SPDX-License-Identifier: MIT */
/* Sleeping on a 32-bit word, and waking one sleeper.  Private to the process. */
#ifndef CEDE_BASE_FUTEX_H
#define CEDE_BASE_FUTEX_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * Sleeps while *word == value, until woken or until `deadline` (absolute CLOCK_MONOTONIC
 * nanoseconds, INT64_MAX: none).  May return early for no reason: the caller looks at the word
 * again.
 */
void cede__futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline);

/* Async-signal-safe. */
void cede__futex_wake(_Atomic uint32_t *word);

#endif
