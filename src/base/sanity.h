/* SPDX-License-Identifier: MIT */
/*
 * What AddressSanitizer, ThreadSanitizer and valgrind must be told about stacks that switch.  The
 * only place that knows about them; without them all of this is empty.
 *
 * A switch is announced before it happens and confirmed where execution comes out, on the other
 * stack.
 */
#ifndef CEDE_BASE_SANITY_H
#define CEDE_BASE_SANITY_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CEDE__ASAN 1
#elif __has_feature(thread_sanitizer)
#define CEDE__TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define CEDE__ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define CEDE__TSAN 1
#endif

#if defined(CEDE__ASAN) || defined(CEDE__TSAN)
#undef CEDE__VALGRIND /* they do not go together */
#endif

#if defined(CEDE__ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif defined(CEDE__TSAN)
#include <sanitizer/tsan_interface.h>
#elif defined(CEDE__VALGRIND)
#include <valgrind/valgrind.h>
#endif

/* Threads that the sanitizer has for itself. */
#if defined(CEDE__TSAN)
enum { cede__sanity_threads = 1 };
#else
enum { cede__sanity_threads = 0 };
#endif

/* One per stack, the native ones included. */
struct cede__sanity {
        void *fake;      /* ASan: the fake stack put aside while switched out */
        const void *low; /* ASan: the stack's bounds */
        size_t size;
        void *fiber;  /* TSan */
        unsigned reg; /* valgrind */
};

/* A stack of one's own is taken into use. */
static inline void cede__sanity_create(struct cede__sanity *s, void *low, size_t size)
{
        *s = (struct cede__sanity){ .low = low, .size = size };
#if defined(CEDE__TSAN)
        s->fiber = __tsan_create_fiber(0);
#elif defined(CEDE__VALGRIND)
        s->reg = (unsigned)VALGRIND_STACK_REGISTER(low, (char *)low + size);
#endif
}

/* It is about to be used from its top again: what ran there last was left, not returned from. */
static inline void cede__sanity_renew(struct cede__sanity *s)
{
#if defined(CEDE__TSAN)
        __tsan_destroy_fiber(s->fiber); /* with a record of calls that would only grow */
        s->fiber = __tsan_create_fiber(0);
#endif
        (void)s;
}

static inline void cede__sanity_destroy(struct cede__sanity *s)
{
#if defined(CEDE__ASAN)
        ASAN_UNPOISON_MEMORY_REGION(s->low, s->size);
#elif defined(CEDE__TSAN)
        __tsan_destroy_fiber(s->fiber);
#elif defined(CEDE__VALGRIND)
        VALGRIND_STACK_DEREGISTER(s->reg);
#endif
        (void)s;
}

/* Whether destroy does anything: else the stacks need not be looked at for that. */
static inline bool cede__sanity_watches(void)
{
#if defined(CEDE__ASAN) || defined(CEDE__TSAN)
        return true;
#elif defined(CEDE__VALGRIND)
        return RUNNING_ON_VALGRIND;
#else
        return false;
#endif
}

/* The calling thread's native stack; ASan's bounds are learned when it is first left. */
static inline void cede__sanity_native(struct cede__sanity *s)
{
        *s = (struct cede__sanity){ 0 };
#if defined(CEDE__TSAN)
        s->fiber = __tsan_get_current_fiber();
#endif
}

#if defined(CEDE__ASAN)
extern _Thread_local struct cede__sanity *cede__sanity_left;
#endif

/* About to leave `from` for `to`; `last`: nothing on `from` will be returned to. */
static inline void cede__sanity_leave(struct cede__sanity *from, struct cede__sanity *to, bool last)
{
#if defined(CEDE__ASAN)
        cede__sanity_left = from;
        __sanitizer_start_switch_fiber(last ? NULL : &from->fake, to->low, to->size);
#elif defined(CEDE__TSAN)
        __tsan_switch_to_fiber(to->fiber, 0);
#endif
        (void)from, (void)to, (void)last;
}

/* Arrived on `to`; `first`: it is fresh. */
static inline void cede__sanity_arrive(struct cede__sanity *to, bool first)
{
#if defined(CEDE__ASAN)
        __sanitizer_finish_switch_fiber(first ? NULL : to->fake, &cede__sanity_left->low,
                                        &cede__sanity_left->size);
#endif
        (void)to, (void)first;
}

#endif
