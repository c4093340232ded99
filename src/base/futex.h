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

/* The half of a word that a futex can be on, and where its low bits are. */
static inline _Atomic uint32_t *cede__futex_low(_Atomic uintptr_t *word)
{
        const int half = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ && sizeof(*word) > 4;

        return (_Atomic uint32_t *)(void *)word + half;
}

/* Async-signal-safe.  Uses only the address of the word, which may be gone. */
void cede__futex_wake(_Atomic uint32_t *word);

#endif
