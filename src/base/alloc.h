/* SPDX-License-Identifier: MIT */
/*
 * The library's only source of memory.  Every allocation can be made to fail (chooser.h), and the
 * number of live ones is known, so that tests see a leak of any kind.
 */
#ifndef CEDE_BASE_ALLOC_H
#define CEDE_BASE_ALLOC_H

#include <stddef.h>

/* Zeroed memory, NULL if there is none. */
void *cede__alloc(size_t size);
void cede__free(void *memory); /* NULL: nothing */

/* Zeroed pages straight from the kernel, address space only until they are touched. */
void *cede__map(size_t size);
void cede__unmap(void *memory, size_t size);

/* Allocations and mappings that were not given back yet, by all threads. */
size_t cede__alloc_live(void);

#endif
