/* SPDX-License-Identifier: MIT */
#include "base/text.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void cede__text_open(struct cede__text *t, int fd)
{
        t->fd = fd;
        t->sites = NULL;
        t->used = 0;
}

void cede__text_flush(struct cede__text *t)
{
        const char *p = t->buffer;
        size_t left = t->used;

        while (left) {
                ssize_t n = write(t->fd, p, left);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break; /* nobody is left to be told */
                p += n;
                left -= (size_t)n;
        }
        t->used = 0;
}

static void add(struct cede__text *t, const char *format, va_list args)
{
        size_t room = sizeof(t->buffer) - t->used;
        va_list again;
        int n;

        va_copy(again, args);
        n = vsnprintf(t->buffer + t->used, room, format, args);
        if (n > 0 && (size_t)n >= room && t->used) {
                cede__text_flush(t);
                room = sizeof(t->buffer);
                n = vsnprintf(t->buffer, room, format, again);
        }
        if (n > 0)
                t->used += (size_t)n < room ? (size_t)n : room - 1;
        va_end(again);
        if (t->used && t->buffer[t->used - 1] == '\n')
                cede__text_flush(t);
}

void cede__text_add(struct cede__text *t, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        add(t, format, args);
        va_end(args);
}

void cede__text_site(struct cede__text *t, const void *site)
{
        struct cede__site found = cede__sites_find(t->sites, site);
        Dl_info where;
        const char *module;

        if (found.function && found.file) {
                cede__text_add(t, "%s (%s:%d)", found.function, found.file, found.line);
                return;
        }
        /* A return address lies behind the call, perhaps in the next function already. */
        if (!site || !dladdr((const char *)site - 1, &where) || !where.dli_fname) {
                cede__text_add(t, "0x%zx", (size_t)(uintptr_t)site);
                return;
        }
        module = strrchr(where.dli_fname, '/');
        cede__text_add(t, "%s%s%s+%#zx", where.dli_sname ? where.dli_sname : "",
                       where.dli_sname ? " " : "", module ? module + 1 : where.dli_fname,
                       (size_t)((uintptr_t)site - (uintptr_t)where.dli_fbase));
}

void cede__die(const char *format, ...)
{
        struct cede__text t;
        va_list args;

        cede__text_open(&t, STDERR_FILENO);
        cede__text_add(&t, "cede: ");
        va_start(args, format);
        add(&t, format, args);
        va_end(args);
        cede__text_add(&t, "\n");
        abort();
}
