/* SPDX-License-Identifier: MIT */
/*
 * Embedding: a run inside of somebody else's event loop, on its thread.
 *
 *      r = cede_run_begin(NULL);
 *      if (r < 0)
 *              return r;
 *      fds[0] = (struct pollfd){ .fd = cede_run_fd(), .events = POLLIN };
 *      while ((r = cede_run_step()) == 0 && !finished) {    // each ready task takes one turn
 *              wait = cede_run_deadline() - cede_now();
 *              poll(fds, n, in_milliseconds(wait));         // the foreign loop
 *              ...                                     // and what it found
 *      }
 *      r = cede_run_end(r);
 *
 * Between begin and end the calling thread's own code is the run's main task: it may spawn,
 * release, set and resolve, and its callbacks (callback.h) are called during cede_run_step.  It
 * may also wait, like any task; the run's tasks go on meanwhile, and the foreign loop does not.
 *
 * Rules for the foreign loop: call cede_run_step when the descriptor is readable, when the
 * deadline has come, and after foreign code that may have made a task ready; ask for the
 * deadline after that, directly before waiting.  From that moment other threads, signals and
 * offloaded functions make the descriptor readable, and cede_run_step makes it quiet again.
 *
 * cede_run_with is cede_run_begin, the main function, and cede_run_end.  A run that is driven
 * from outside is never found to be deadlocked while the foreign loop has the thread, since that
 * may wake a task; circles of owners (mutex.h) are found as ever.
 */
#ifndef CEDE_EMBED_H
#define CEDE_EMBED_H

#include <cede/base.h>
#include <cede/run.h>

CEDE_BEGIN_DECLS

/*
 * Begins a run on the calling thread, which is its main task until cede_run_end.  NULL: no options.
 *
 * -EBUSY   the caller is inside a run, or `options` asks for signals that another thread's run
 *          handles
 * -EINVAL  an option that makes no sense
 * -ENOMEM  nothing has begun
 * -EAGAIN  a worker's or the watchdog's thread could not be started; nothing has begun
 */
CEDE_API int cede_run_begin(const struct cede_run_options *options) CEDE_MUST_CHECK;

/*
 * Ends a run, with this result of its main task.  Tasks still alive are cancelled and waited for.
 * Returns what cede_run does.  To be called where the run was begun, with all scopes closed.
 */
CEDE_API int cede_run_end(int result);

/*
 * Lets every task that is ready, and every callback that was granted, take one turn, and fires the
 * timers that are due.  Never waits.  A virtual clock moves on, to the next timer, in a step that
 * finds nothing ready; with several workers the clock has to be the real one.  Returns 0, or how a
 * blocking call of the main task would fail: -ECANCELED, -ETIMEDOUT.
 */
CEDE_API int cede_run_step(void);

/*
 * Returns when the next step is due if nothing comes from outside, on cede_now()'s clock: a time
 * that has passed if something is ready, CEDE_NEVER if there is nothing to wait for.
 */
CEDE_API int64_t cede_run_deadline(void);

/*
 * Returns a descriptor that becomes readable when a step is due because of another thread, a signal
 * or an offloaded function.  It is the run's, which closes it: wait for it, and leave it alone.
 * -EMFILE, -ENFILE, -ENOMEM: it could not be made.
 */
CEDE_API int cede_run_fd(void) CEDE_MUST_CHECK;

CEDE_END_DECLS

#endif
