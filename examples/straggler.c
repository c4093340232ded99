/* SPDX-License-Identifier: MIT */
/*
 * A task may be spawned into the run itself (the scope NULL) and left alone.  It is not left
 * behind: when the main function has returned, the run cancels such tasks and waits for their end.
 */
#include "example.h"

#include <cede.h>

static int64_t delay = CEDE_SEC(1);

static int straggler(void *arg)
{
        int r = cede_sleep(CEDE_SEC(3600));

        (void)arg;
        say(r < 0 ? "straggler cancelled" : "straggler finished");
        return r;
}

static int leave(void *arg)
{
        int r = cede_spawn(NULL, straggler, arg);

        if (r >= 0)
                r = cede_sleep(delay);
        if (r < 0)
                return r;
        say("main returns");
        return 0;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "seconds", "S", "when the main function returns (1); the straggler ends at 3600",
                  .duration = &delay, .max = 1000000 },
                { 0 },
        };

        return example_main(argc, argv, "The main function leaves a task behind.", options, leave);
}
