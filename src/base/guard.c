/* SPDX-License-Identifier: MIT */
#include "base/guard.h"
#include "base/chooser.h"
#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

bool cede__guard_install(void *low, size_t size)
{
        if (cede__fault())
                return false;
        return madvise(low, size, MADV_GUARD_INSTALL) == 0 || mprotect(low, size, PROT_NONE) == 0;
}

void cede__guard_no_huge_pages(void *low, size_t size)
{
        madvise(low, size, MADV_NOHUGEPAGE); /* a kernel without huge pages refuses, rightly */
}
