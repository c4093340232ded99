/* SPDX-License-Identifier: MIT */
/*
 * The loop's clock, and sleeping by it.
 *
 * On the real clock time is CLOCK_MONOTONIC.  On the virtual one (struct cede_run_options) it
 * starts at 0 and moves only when no task is ready, at once to the next timer; it stands still
 * while an offloaded function runs.  Timers of one instant fire in the order of their creation.
 *
 * Several workers share one virtual clock: it moves when none of them has a task that is ready.
 * Timers of one instant then fire in order on each worker, but on all of them at once.
 */
#ifndef CEDE_TIME_H
#define CEDE_TIME_H

#include <cede/base.h>

CEDE_BEGIN_DECLS

struct cede_callback;

/* Returns the time in nanoseconds.  Outside of a run: CLOCK_MONOTONIC. */
CEDE_API int64_t cede_now(void);

/*
 * Suspends the calling task for `ns` nanoseconds (<= 0: it yields), or until cede_now() >= t.
 * -ECANCELED, -ETIMEDOUT: as for any blocking call.  In an offloaded function it suspends the
 * thread, by the clock of the loop it works for.
 */
CEDE_API int cede_sleep(int64_t ns);
CEDE_API int cede_sleep_until(int64_t t);

/*
 * Calls a callback (callback.h) when cede_now() >= t: a timer that needs no task.  It takes its
 * turn among the ready tasks of the calling thread's run, which is not deadlocked as long as it
 * waits; when the run ends, none may be left.  CEDE_NEVER: it waits to be cancelled.
 *
 * -EINVAL  it has a post function
 */
CEDE_API int cede_sleep_until_async(int64_t t, struct cede_callback *callback) CEDE_MUST_CHECK;

/*
 * Returns the time `ns` from now, CEDE_NEVER where that overflows.  A negative `ns` is taken as 0.
 */
CEDE_API int64_t cede_in(int64_t ns);

CEDE_END_DECLS

#endif
