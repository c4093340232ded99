/* SPDX-License-Identifier: MIT */
/* What is written to standard error between two calls, as a string. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

static int capture_fd = -1, capture_saved = -1;

static inline void capture_begin(void)
{
        fflush(stderr);
        capture_fd = memfd_create("stderr", MFD_CLOEXEC);
        capture_saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        EXPECT(capture_fd >= 0 && capture_saved >= 0);
        EXPECT_EQ(dup2(capture_fd, STDERR_FILENO), STDERR_FILENO);
}

static inline const char *capture_so_far(void)
{
        static char text[65536];
        ssize_t n = pread(capture_fd, text, sizeof(text) - 1, 0);

        EXPECT(n >= 0);
        text[n] = 0;
        return text;
}

/* Also writes it to the real standard error, for those who look for why a test has failed. */
static inline const char *capture_end(void)
{
        const char *text;

        fflush(stderr);
        EXPECT_EQ(dup2(capture_saved, STDERR_FILENO), STDERR_FILENO);
        text = capture_so_far();
        close(capture_saved);
        close(capture_fd);
        fputs(text, stderr);
        return text;
}

#endif
