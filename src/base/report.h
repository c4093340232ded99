/* SPDX-License-Identifier: MIT */
/*
 * Reports with call sites.  Looking a site up takes more stack than a task has, so a report is
 * written by a thread of its own, while its caller waits; without one, by the caller, with
 * addresses only.
 */
#ifndef CEDE_BASE_REPORT_H
#define CEDE_BASE_REPORT_H

#include "base/text.h"

/* Calls write(text, arg), once, with a text that goes to the file descriptor. */
void cede__report(int fd, void (*write)(struct cede__text *text, void *arg), void *arg);

#endif
