/* SPDX-License-Identifier: MIT */
#include "base/futex.h"
#include "base/chooser.h"
#include "base/clock.h"
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void cede__futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline)
{
        struct timespec until = cede__clock_timespec(deadline);
        int saved = errno;

        if (cede__controlled() && cede__chooser->sleep(cede__chooser, word, value, deadline))
                return;
        /* The BITSET form takes an absolute time; every failure means "look again". */
        syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value,
                deadline == INT64_MAX ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
        errno = saved;
}

void cede__futex_wake(_Atomic uint32_t *word)
{
        int saved = errno;

        if (cede__controlled() && cede__chooser->wake(cede__chooser, word))
                return;
        syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        errno = saved;
}
