/* SPDX-License-Identifier: MIT */
/*
 * Text for reports: formatted into a small buffer, written to a file descriptor line by line at the
 * latest.  Neither allocates nor uses stdio, so that a report needs nothing that may be broken, and
 * no more of a small stack than this buffer.
 */
#ifndef CEDE_BASE_TEXT_H
#define CEDE_BASE_TEXT_H

#include "base/compiler.h"
#include "base/site.h"
#include <stddef.h>

struct cede__text {
        int fd;
        struct cede__sites *sites; /* set by who wants sites with file and line; else NULL */
        size_t used;
        char buffer[512];
};

void cede__text_open(struct cede__text *t, int fd);
void cede__text_add(struct cede__text *t, const char *format, ...) CEDE__PRINTF(2, 3);
void cede__text_flush(struct cede__text *t);

/* Appends a return address: "function (file.c:12)", or "module+0x12f0" as far as is known. */
void cede__text_site(struct cede__text *t, const void *site);

/* Ends the program: "cede: " and the message on standard error, then abort(). */
void cede__die(const char *format, ...) CEDE__PRINTF(1, 2) __attribute__((noreturn, cold));

#endif
