/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/chooser.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

static atomic_size_t live;

void *cede__alloc(size_t size)
{
        void *memory = cede__fault() ? NULL : calloc(1, size);

        if (memory)
                atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
        return memory;
}

void cede__free(void *memory)
{
        if (!memory)
                return;
        atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
        free(memory);
}

void *cede__map(size_t size)
{
        void *memory;

        if (cede__fault())
                return NULL;
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED)
                return NULL;
        atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
        return memory;
}

void cede__unmap(void *memory, size_t size)
{
        munmap(memory, size);
        atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
}

size_t cede__alloc_live(void)
{
        return atomic_load_explicit(&live, memory_order_relaxed);
}
