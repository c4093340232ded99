/* SPDX-License-Identifier: MIT */
/* Words for what C has no words for. */
#ifndef CEDE_BASE_COMPILER_H
#define CEDE_BASE_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#define cede__likely(x) __builtin_expect(!!(x), 1)
#define cede__unlikely(x) __builtin_expect(!!(x), 0)

/* The object of which `ptr` is the member. */
#define cede__container_of(ptr, type, member)                                                      \
        ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/*
 * Asks for the cache lines of [memory + from, memory + from + size): they will be needed soon.
 * `memory` may be NULL, from which no pointer leads anywhere: hence numbers.
 */
static inline void cede__prefetch(const void *memory, ptrdiff_t from, size_t size)
{
        uintptr_t at = (uintptr_t)memory + (uintptr_t)from;

        for (size_t offset = 0; offset < size; offset += 64)
                __builtin_prefetch((const void *)(at + offset), 1);
}

/* Reads a byte, so that it is in the cache, and its page in the TLB.  Nothing is done with it. */
static inline __attribute__((no_sanitize_address, no_sanitize_thread)) void cede__touch(
        const void *memory)
{
        __asm__ volatile("" : : "r"(*(const volatile char *)memory));
}

/* Changes a counter that one thread writes, and others may read (cede__counted) at any time. */
#define cede__count(counter, change)                                                               \
        __atomic_store_n(&(counter), (counter) + (change), __ATOMIC_RELAXED)
#define cede__counted(counter) __atomic_load_n(&(counter), __ATOMIC_RELAXED)

/* Where the public function that this stands in was called from. */
#define CEDE__CALL_SITE __builtin_return_address(0)

/* Said where it is declared, a variable is reached without the detour of a shared library's. */
#define CEDE__HIDDEN __attribute__((visibility("hidden")))

#define CEDE__NOINLINE __attribute__((noinline))
#define CEDE__COLD __attribute__((cold, noinline))
#define CEDE__PRINTF(text, first) __attribute__((format(printf, text, first)))

#endif
