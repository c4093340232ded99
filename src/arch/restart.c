/* SPDX-License-Identifier: MIT */
#include "arch/restart.h"
#include "base/text.h"
#include <errno.h>
#include <linux/membarrier.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(CEDE__RESTARTABLE)
#include <sys/rseq.h>
#endif

ptrdiff_t cede__restart_area;

static atomic_uint restarts; /* where a chooser decides */

#if defined(CEDE__RESTARTABLE)
static long membarrier(int command)
{
        int saved = errno;
        long r = syscall(SYS_membarrier, command, 0, 0) < 0 ? -errno : 0;

        errno = saved;
        return r;
}

static __attribute__((constructor)) void allow(void)
{
        if (__rseq_size > 0 && membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ) == 0)
                cede__restart_area = __rseq_offset;
}
#endif

void cede__restart_others(void)
{
        long r = 0;

        if (cede__controlled()) {
                cede__step("restart", &restarts);
                atomic_fetch_add(&restarts, 1);
        }
#if defined(CEDE__RESTARTABLE)
        if (cede__restart_area)
                r = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ);
#endif
        if (r < 0)
                cede__die("membarrier(2) worked at the start and fails now (%ld); let the sandbox "
                          "that this program has entered allow it, or set "
                          "GLIBC_TUNABLES=glibc.pthread.rseq=0 before it starts",
                          -r);
}

bool cede__store_unless_controlled(uintptr_t *word, uintptr_t value, const uint8_t *flag)
{
        unsigned seen = atomic_load(&restarts);

        if (__atomic_load_n(flag, __ATOMIC_RELAXED))
                return false;
        cede__step("store", word);
        if (atomic_load(&restarts) != seen)
                return false;
        __atomic_store_n(word, value, __ATOMIC_RELEASE);
        return true;
}
