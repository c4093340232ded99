/* SPDX-License-Identifier: MIT */
/*
 * A loop that is driven by somebody else's event loop.
 *
 * Instead of on a futex it sleeps in the foreign loop, which waits for a descriptor, the bell.  The
 * protocol is that of any sleep (loop.h): SLEEPING is set before the foreign loop waits, unless
 * something has come already, and who posts after that sees it, and rings.  A bell that rings late,
 * when the loop has taken in the post already, makes the foreign loop come by once in vain.
 */
#include "base/clock.h"
#include "base/futex.h"
#include "base/spin.h"
#include "sched/loop.h"
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { HUNGRY_PAUSE = 10 * 1000 * 1000 };

int cede__loop_bell(struct cede__loop *loop)
{
        if (!atomic_load(&loop->bell)) {
                int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

                if (fd < 0)
                        return -errno;
                atomic_store(&loop->bell, fd + 1);
        }
        return atomic_load(&loop->bell) - 1;
}

/* In signal handlers too.  A descriptor that cannot be written to is full of calls already. */
void cede__loop_wake(struct cede__loop *loop)
{
        static const uint64_t one = 1;
        int bell = atomic_load(&loop->bell), saved = errno;

        cede__futex_wake(cede__futex_low(&loop->knock));
        if (bell && write(bell - 1, &one, sizeof(one)) < 0)
                errno = saved;
}

static int64_t next_step(struct cede__loop *loop)
{
        int64_t now = cede__loop_now(loop);

        if (loop->ready.first)
                return now;
        if (loop->starved.first)
                return now + HUNGRY_PAUSE;
        if (!loop->is_virtual)
                return cede__timers_next(&loop->timers);
        return loop->timers.count && !cede__loop_outside_awake(loop) ? now : CEDE_NEVER;
}

int64_t cede__loop_leave_to_foreign(struct cede__loop *loop)
{
        uintptr_t seen = 0;

        cede__step("leave", &loop->knock);
        if (!atomic_compare_exchange_strong(&loop->knock, &seen, CEDE__KNOCK_SLEEPING) &&
            seen != CEDE__KNOCK_SLEEPING)
                return cede__loop_now(loop);
        return next_step(loop);
}

void cede__loop_enter_from_foreign(struct cede__loop *loop)
{
        uint64_t calls;

        cede__step("enter", &loop->knock);
        if (atomic_fetch_and(&loop->knock, ~(uintptr_t)CEDE__KNOCK_SLEEPING) &
                    CEDE__KNOCK_SLEEPING &&
            atomic_load(&loop->bell) && read(loop->bell - 1, &calls, sizeof(calls)) < 0)
                return; /* nobody has rung */
}

void cede__loop_unbell(struct cede__loop *loop)
{
        uintptr_t waking;

        while ((waking = __atomic_load_n(&loop->waking, __ATOMIC_ACQUIRE)))
                cede__spin_wait(&loop->waking, waking);
        if (loop->bell)
                close(loop->bell - 1);
}
