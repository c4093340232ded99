/* SPDX-License-Identifier: MIT */
/* Pages that must never be touched. */
#ifndef CEDE_BASE_GUARD_H
#define CEDE_BASE_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/* Makes every access to these pages fault.  False: the system allows no more of them. */
bool cede__guard_install(void *low, size_t size);

/* A huge page under many small stacks would make all of them resident at the first touch of one. */
void cede__guard_no_huge_pages(void *low, size_t size);

#endif
