/* SPDX-License-Identifier: MIT */
#include "base/guard.h"
#include "base/chooser.h"
#include <stdatomic.h>
#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

/* False under qemu's emulation of processes: it grants any advice, and does nothing about it. */
static bool advice_counts(void *low, size_t size)
{
        static atomic_int counts; /* 0: not known yet; relaxed, since all find the same */

        if (!atomic_load_explicit(&counts, memory_order_relaxed))
                atomic_store_explicit(&counts, madvise(low, size, -1) < 0 ? 1 : -1,
                                      memory_order_relaxed);
        return atomic_load_explicit(&counts, memory_order_relaxed) > 0;
}

bool cede__guard_install(void *low, size_t size)
{
        if (cede__fault())
                return false;
        return (advice_counts(low, size) && madvise(low, size, MADV_GUARD_INSTALL) == 0) ||
               mprotect(low, size, PROT_NONE) == 0;
}

void cede__guard_no_huge_pages(void *low, size_t size)
{
        madvise(low, size, MADV_NOHUGEPAGE); /* a kernel without huge pages refuses, rightly */
}
