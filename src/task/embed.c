/* SPDX-License-Identifier: MIT */
/*
 * A run driven by a foreign event loop.
 *
 * The foreign loop is the run's main task, which never blocks but to give everybody a turn: it
 * makes itself ready, behind all that are ready now, and gives way.  What becomes ready
 * meanwhile stands behind it, and takes its turn in the next step, so a step ends.
 */
#include "task/run.h"
#include <cede/embed.h>

/* Who is driven does not wait for the others to be quiet, so their common time would never move. */
static struct cede__worker *driven_here(void)
{
        struct cede__worker *here = cede__run_main_here();

        if (!cede__worker_alone(here) && here->loop.is_virtual)
                cede__die("a run with several workers and a virtual clock is driven step by step; "
                          "use one worker, or the real clock");
        return here;
}

int cede_run_fd(void)
{
        return cede__loop_bell(&cede__run_main_here()->loop);
}

int64_t cede_run_deadline(void)
{
        struct cede__worker *here = driven_here();
        int64_t t = cede__loop_leave_to_foreign(&here->loop);

        /* The others may all be at work: what this worker keeps back is not left to them. */
        return atomic_load(&here->fresh_count) ? cede__loop_now(&here->loop) : t;
}

int cede_run_step(void)
{
        struct cede__worker *here = driven_here();
        struct cede__loop *loop = &here->loop;

        cede__loop_enter_from_foreign(loop);
        cede__loop_poll(loop);
        if (loop->shared)
                loop->hooks->find(loop);
        if (!loop->ready.first)
                cede__loop_jump(loop);
        cede__loop_ready(loop, &here->native.fiber);
        cede__loop_suspend(&here->native.fiber);
        return cede__cancelled(&here->native.fiber.party);
}
