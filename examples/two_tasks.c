/* SPDX-License-Identifier: MIT */
/*
 * Two tasks at the same time: what takes two seconds each takes two seconds together.
 *
 * There are three ways to wait for them.  Join each by its handle, as with threads; or let a scope
 * own both: its end waits for all that was spawned into it, and if one fails it cancels the other;
 * or gather their results as futures, where one that fails leaves the other running.
 *
 * Or make them threads: the same function runs there, and sleeps by the real clock.
 */
#include "example.h"

#include <cede.h>

static int64_t duration = CEDE_SEC(2);

static int work(void *arg)
{
        const char *name = arg;
        int r;

        say("%s started", name);
        r = cede_sleep(duration);
        if (r < 0)
                return r;
        say("%s finished", name);
        return 0;
}

static int with_tasks(void)
{
        struct cede_task *first, *second;
        int r;

        r = cede_spawn_with(NULL, NULL, work, "Task 1", &first);
        if (r < 0)
                return r;
        r = cede_spawn_with(NULL, NULL, work, "Task 2", &second);
        if (r < 0)
                return r;
        r = cede_task_join(first, NULL);
        if (r < 0)
                return r;
        return cede_task_join(second, NULL);
}

static int with_scope(void)
{
        int r = 0;

        CEDE_SCOPE(both, &r) {
                r = cede_spawn(&both, work, "Task 1");
                if (r >= 0)
                        r = cede_spawn(&both, work, "Task 2");
        }
        return r;
}

static int with_threads(void)
{
        return run_threads(2, work, (void *[]){ "Task 1", "Task 2" });
}

static int with_futures(void)
{
        struct cede_future *both[2] = { NULL, NULL };
        int r = cede_spawn_future(NULL, work, "Task 1", &both[0]);

        if (r >= 0)
                r = cede_spawn_future(NULL, work, "Task 2", &both[1]);
        if (r >= 0)
                r = cede_gather(both, 2, NULL);
        cede_future_unref(both[0]);
        cede_future_unref(both[1]);
        return r;
}

static int way;

static int two_tasks(void *arg)
{
        static int (*const ways[])(void) = { with_tasks, with_scope, with_threads, with_futures };
        int r = ways[way]();

        (void)arg;
        if (r < 0)
                return r;
        say("All tasks completed");
        return 0;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "with", "tasks|scope|threads|futures",
                  "join each task (the default), let a scope do it, start threads (--real), or "
                  "gather futures",
                  .choice = &way, .real = "threads" },
                { "seconds", "S", "how long a task takes (2)", .duration = &duration,
                  .max = 1000000 },
                { 0 },
        };

        return example_main(argc, argv, "Two tasks run at the same time.", options, two_tasks);
}
