/* SPDX-License-Identifier: MIT */
/*
 * Which blocks did our own code allocate and not free?
 *
 * This file defines malloc and its family in front of libc's. A block is watched only if the call
 * came from the test program or from libcede, told by its return address. What libc allocates for
 * itself (the buffer of stdout, the thread-locals of a thread) is often kept on purpose, and would
 * be a false alarm: counting everything is what makes such checks unusable. The price: a block that
 * libc allocates and hands over (asprintf, getline) is not seen when it leaks; strdup and strndup
 * are, since they are defined here too.
 *
 * The live blocks are in an open-addressing table, found by address. The watch begins with a test's
 * body, and each test has a process of its own, so nothing is ever carried over.
 *
 * Off under AddressSanitizer and its like, which have their own malloc, and under valgrind, which
 * puts its own in place of these: both report leaks themselves (child.c asks the former).
 */
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

#ifdef __has_feature
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
        HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer) ||                         \
        HAS_FEATURE(memory_sanitizer) || !defined(__GLIBC__)

void test__memory_watch(void)
{
}

size_t test__memory_leaked(char *text, size_t size)
{
        (void)text;
        (void)size;
        return 0;
}

void test__memory_resume(void)
{
}

#else

#define EXPORT __attribute__((visibility("default"), noinline))
#define CALLER ((uintptr_t)__builtin_return_address(0))

/* 32 Mi of address space each; only the pages that are used cost memory. */
#define TABLE_SIZE ((size_t)1 << 22)

struct block {
        uintptr_t address; /* 0: free slot */
        uintptr_t caller;
        size_t size;
};

struct range {
        uintptr_t start, end;
        uintptr_t base;   /* where its file is loaded */
        const char *file; /* the dynamic linker's own copy of the name */
};

/* All under `lock`, but `watching`: a stale 0 only misses a block allocated before the body. */
static atomic_flag lock = ATOMIC_FLAG_INIT;
static atomic_bool watching;
static struct block *table;
static size_t live;
static bool overflowed; /* more live blocks than the table takes: gave up, said nothing */

/* The code of the program and of libcede; written once, before the watch begins. */
static struct range ours[8];
static size_t ours_count;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *p);

static void take_lock(void)
{
        while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
                ;
}

static void drop_lock(void)
{
        atomic_flag_clear_explicit(&lock, memory_order_release);
}

static size_t slot_of(uintptr_t address)
{
        return (size_t)((address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 42) & (TABLE_SIZE - 1);
}

/* The range of our code that holds this address, or NULL. */
static const struct range *find_range(uintptr_t caller)
{
        for (size_t i = 0; i < ours_count; i++)
                if (caller >= ours[i].start && caller < ours[i].end)
                        return &ours[i];
        return NULL;
}

static void add(void *p, size_t size, uintptr_t caller)
{
        if (!p || !atomic_load_explicit(&watching, memory_order_relaxed) || !find_range(caller))
                return;
        take_lock();
        if (live >= TABLE_SIZE / 2)
                overflowed = true;
        if (!overflowed) {
                size_t i = slot_of((uintptr_t)p);

                while (table[i].address)
                        i = (i + 1) & (TABLE_SIZE - 1);
                table[i] = (struct block){ (uintptr_t)p, caller, size };
                live++;
        }
        drop_lock();
}

/* Closes the gap at `hole`: moves up each later block of the run that its own slot allows to. */
static void close_gap(size_t hole)
{
        for (size_t i = (hole + 1) & (TABLE_SIZE - 1); table[i].address;
             i = (i + 1) & (TABLE_SIZE - 1)) {
                size_t home = slot_of(table[i].address);

                if (((i - home) & (TABLE_SIZE - 1)) < ((i - hole) & (TABLE_SIZE - 1)))
                        continue;
                table[hole] = table[i];
                hole = i;
        }
        table[hole].address = 0;
}

static void forget(void *p)
{
        if (!p || !atomic_load_explicit(&watching, memory_order_relaxed))
                return;
        take_lock();
        for (size_t i = slot_of((uintptr_t)p); table[i].address; i = (i + 1) & (TABLE_SIZE - 1)) {
                if (table[i].address != (uintptr_t)p)
                        continue;
                close_gap(i);
                live--;
                break;
        }
        drop_lock();
}

EXPORT void *malloc(size_t size)
{
        void *p = __libc_malloc(size);

        add(p, size, CALLER);
        return p;
}

EXPORT void *calloc(size_t count, size_t size)
{
        void *p = __libc_calloc(count, size);

        add(p, count * size, CALLER);
        return p;
}

EXPORT void *realloc(void *old, size_t size)
{
        void *p;

        /* Forgotten first: once freed, another thread may be given the same address. */
        forget(old);
        p = __libc_realloc(old, size);
        add(p, size, CALLER);
        if (!p && size > 0)
                add(old, 0, CALLER); /* failed: the old block is still there */
        return p;
}

EXPORT void free(void *p)
{
        forget(p);
        __libc_free(p);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
        void *p = __libc_memalign(alignment, size);

        add(p, size, CALLER);
        return p;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
        void *p = __libc_memalign(alignment, size);

        add(p, size, CALLER);
        return p;
}

EXPORT int posix_memalign(void **ret_p, size_t alignment, size_t size)
{
        void *p;

        if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0)
                return EINVAL;
        p = __libc_memalign(alignment, size);
        if (!p)
                return ENOMEM;
        add(p, size, CALLER);
        *ret_p = p;
        return 0;
}

#undef strdup
#undef strndup

/* The block must come from malloc(), which may not be ours (valgrind). Its owner is our caller. */
static char *copy(const char *s, size_t length, uintptr_t caller)
{
        char *p = malloc(length + 1);

        if (!p)
                return NULL;
        memcpy(p, s, length);
        p[length] = 0;
        forget(p);
        add(p, length + 1, caller);
        return p;
}

EXPORT char *strdup(const char *s)
{
        return copy(s, strlen(s), CALLER);
}

EXPORT char *strndup(const char *s, size_t max)
{
        return copy(s, strnlen(s, max), CALLER);
}

static int find_code(struct dl_phdr_info *info, size_t size, void *arg)
{
        bool is_program = ours_count == 0; /* it comes first, with an empty name */

        (void)size;
        (void)arg;
        if (!is_program && !strstr(info->dlpi_name, "/libcede"))
                return 0;
        for (size_t i = 0; i < info->dlpi_phnum && ours_count < sizeof ours / sizeof ours[0]; i++) {
                const ElfW(Phdr) *p = &info->dlpi_phdr[i];

                if (p->p_type == PT_LOAD && (p->p_flags & PF_X) != 0) {
                        uintptr_t start = info->dlpi_addr + p->p_vaddr;

                        ours[ours_count++] = (struct range){
                                start,
                                start + p->p_memsz,
                                info->dlpi_addr,
                                is_program ? program_invocation_name : info->dlpi_name,
                        };
                }
        }
        return 0;
}

void test__memory_watch(void)
{
        const char *preloaded = getenv("LD_PRELOAD");

        if (preloaded && strstr(preloaded, "vgpreload"))
                return;
        table = mmap(NULL, TABLE_SIZE * sizeof *table, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (table == MAP_FAILED)
                return;
        dl_iterate_phdr(find_code, NULL);
        /* A fork while another thread holds the lock would leave the child with it, for ever. */
        pthread_atfork(take_lock, drop_lock, drop_lock);
        atomic_store(&watching, true);
}

size_t test__memory_leaked(char *text, size_t size)
{
        size_t count = 0;

        if (!atomic_exchange(&watching, false))
                return 0;
        take_lock();
        count = overflowed ? 0 : live;
        for (size_t i = 0; count > 0 && i < TABLE_SIZE; i++) {
                const struct range *r = find_range(table[i].caller);

                if (!r)
                        continue; /* a free slot */
                /* -1: inside the call, not after it. */
                snprintf(text, size, "%zu bytes, allocated at: addr2line -fpe %s 0x%zx",
                         table[i].size, r->file, (size_t)(table[i].caller - r->base - 1));
                break;
        }
        drop_lock();
        return count;
}

void test__memory_resume(void)
{
        atomic_store(&watching, table && table != MAP_FAILED);
}

#endif
