/* SPDX-License-Identifier: MIT */
/*
 * Call sites for reports.  What is recorded at run time is a return address, which costs nothing;
 * only a report turns it into "function (file.c:12)".  The build picks the file: site_libdw.c reads
 * debugging information with elfutils, loaded when the first report needs it; site_none.c knows
 * none.
 */
#ifndef CEDE_BASE_SITE_H
#define CEDE_BASE_SITE_H

#include <stdbool.h>

struct cede__sites;

/*
 * What a report needs for looking up many sites; NULL if nothing can be looked up.  Takes memory,
 * and more stack than a task has.
 */
struct cede__sites *cede__sites_open(void);
void cede__sites_close(struct cede__sites *sites);

struct cede__site {
        const char *function; /* NULL: unknown */
        const char *file;     /* the last part of its path; NULL: unknown */
        int line;
};

/* Looks a return address up; the strings are valid until close.  `sites` may be NULL. */
struct cede__site cede__sites_find(struct cede__sites *sites, const void *site);

#endif
