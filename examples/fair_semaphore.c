/* SPDX-License-Identifier: MIT */
/*
 * Who is next?  A semaphore's order says: FIFO, first come first served, or LIFO, the newest first.
 *
 * The order is kept in the corners, too.  Who releases and acquires again passes nobody that the
 * order puts first.  Who is cancelled leaves the queue at once.  And who is cancelled with the
 * permit already in hand holds it until its next checkpoint, learns of it there, and gives it back.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct cede_sem sem;
static enum cede_order order;

/* The names of those that got the permit, in that order; "x" and the name of those cancelled. */
static char story[64];

static void tell(const char *mark, const char *name)
{
        size_t length = strlen(story);

        snprintf(story + length, sizeof(story) - length, " %s%s", mark, name);
}

/* Takes a permit for good. */
static int take(void *arg)
{
        int r = cede_sem_acquire(&sem);

        if (r < 0)
                return r;
        tell("", arg);
        return 0;
}

/* Takes a permit, and gives it back when it is its turn to run. */
static int borrow(void *arg)
{
        int r = cede_sem_acquire(&sem);

        if (r < 0) {
                tell("x", arg);
                return r;
        }
        r = cede_checkpoint();
        tell(r < 0 ? "x" : "", arg);
        cede_sem_release(&sem);
        return r;
}

/* Spawns a task for each name, and yields to let them run until they wait for the semaphore. */
static int arrive(struct cede_scope *scope, int (*fn)(void *), char *const names[],
                  struct cede_task **ret_tasks)
{
        for (int i = 0; names[i]; i++) {
                int r = cede_spawn_with(scope, NULL, fn, names[i],
                                        ret_tasks ? &ret_tasks[i] : NULL);
                if (r < 0)
                        return r;
        }
        return cede_yield();
}

static int four_waiters(struct cede_scope *scope)
{
        int r = arrive(scope, take, (char *[]){ "A", "B", "C", "D", NULL }, NULL);

        for (int i = 0; i < 4; i++)
                cede_sem_release(&sem);
        return r;
}

static int latecomers(struct cede_scope *scope)
{
        int r = arrive(scope, take, (char *[]){ "A", "B", NULL }, NULL);

        cede_sem_release(&sem);
        if (r >= 0)
                r = arrive(scope, take, (char *[]){ "C", "D", NULL }, NULL);
        for (int i = 0; i < 3; i++)
                cede_sem_release(&sem);
        return r;
}

/* This task is H: it holds the only permit from the beginning. */
static int release_then_acquire(struct cede_scope *scope)
{
        int r = arrive(scope, borrow, (char *[]){ "W1", "W2", NULL }, NULL);

        cede_sem_release(&sem);
        return r < 0 ? r : borrow("H");
}

static int cancel(struct cede_scope *scope)
{
        struct cede_task *task[3];
        int r = arrive(scope, borrow, (char *[]){ "A", "B", "C", NULL }, task);

        if (r < 0)
                return r;
        cede_task_cancel(task[1]);
        cede_sem_release(&sem);
        cede_task_cancel(order == CEDE_FIFO ? task[0] : task[2]); /* has just been given it */
        return 0;
}

static const struct scene {
        const char *title;
        int (*play)(struct cede_scope *scope);
        long left; /* permits, in the end */
} scenes[] = {
        { "four waiters", four_waiters, 0 },
        { "latecomers", latecomers, 0 },
        { "release then acquire", release_then_acquire, 1 },
        { "cancel", cancel, 1 },
};

static int play(const struct scene *scene)
{
        /* No permit is free: each is with whoever is going to release it. */
        int r = cede_sem_init(&sem, 0, order);

        if (r < 0)
                return r;
        story[0] = '\0';
        CEDE_SCOPE(waiters, &r)
                r = scene->play(&waiters);
        printf("%s: %s%s\n", scene->title, order == CEDE_FIFO ? "fifo" : "lifo", story);

        /* Nobody is forgotten in the queue, and no permit is lost or doubled. */
        if (r >= 0 && (cede_sem_waiting(&sem) != 0 || cede_sem_value(&sem) != scene->left))
                r = -EPROTO;
        cede_sem_finish(&sem);
        return r;
}

enum { FIFO, LIFO, BOTH };
static int wanted = BOTH;

static int fair_semaphore(void *arg)
{
        int r = 0;

        (void)arg;
        for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
                order = CEDE_FIFO;
                if (r >= 0 && wanted != LIFO)
                        r = play(&scenes[i]);
                order = CEDE_LIFO;
                if (r >= 0 && wanted != FIFO)
                        r = play(&scenes[i]);
        }
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "order", "fifo|lifo", "only the lines of this one", .choice = &wanted },
                { 0 },
        };

        return example_main(argc, argv, "In which order waiters get a permit.", options,
                            fair_semaphore);
}
