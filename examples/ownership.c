/* SPDX-License-Identifier: MIT */
/*
 * A mutex belongs to whoever locked it; a semaphore's permit belongs to nobody.
 *
 * So a mutex can tell mistakes from use: an unlock by a stranger, a second lock by its owner, an
 * owner that ends without unlocking.  A semaphore with one permit keeps others out just as well,
 * but it lets anybody give the permit back, since that is what it is for.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <stdio.h>

static const char *name_of(int r)
{
        switch (r) {
        case 0:
                return "0";
        case -EPERM:
                return "-EPERM";
        case -EDEADLK:
                return "-EDEADLK";
        case -EOWNERDEAD:
                return "-EOWNERDEAD";
        default:
                return "another error";
        }
}

static struct cede_mutex mutex;
static struct cede_mutex recursive = CEDE_RECURSIVE_MUTEX_INIT(CEDE_FIFO);
static struct cede_sem permit = CEDE_SEM_INIT(1, CEDE_FIFO);
static long depth = 3;

/* Runs fn as another task, and waits for its end. */
static int as_another(int (*fn)(void *arg))
{
        int r = 0;

        CEDE_SCOPE(other, &r)
                r = cede_spawn(&other, fn, NULL);
        return r;
}

static int unlock_as_stranger(void *arg)
{
        (void)arg;
        printf("a stranger unlocks the mutex: %s\n", name_of(cede_mutex_unlock(&mutex)));
        return 0;
}

static int mistakes(void)
{
        int r = cede_mutex_lock(&mutex);

        if (r < 0)
                return r;
        r = as_another(unlock_as_stranger);
        if (r >= 0)
                printf("its owner locks it again: %s\n", name_of(cede_mutex_lock(&mutex)));
        printf("its owner unlocks it: %s\n", name_of(cede_mutex_unlock(&mutex)));
        return r;
}

static int look_at_recursive(void *arg)
{
        (void)arg;
        printf("%s", cede_mutex_locked(&recursive) ? "locked" : "free");
        return 0;
}

static int locks_of_a_recursive_mutex(void)
{
        long held = 0;
        int r = 0;

        while (held < depth && r >= 0) {
                r = cede_mutex_lock(&recursive);
                if (r >= 0)
                        held++;
        }
        printf("a recursive mutex, %ld deep, after each unlock:", held);
        while (held > 0 && r >= 0) {
                cede_mutex_unlock(&recursive);
                held--;
                printf(" ");
                r = as_another(look_at_recursive);
        }
        printf("\n");
        return r;
}

static int release_as_another(void *arg)
{
        (void)arg;
        printf("another task releases the semaphore: %s\n", name_of(cede_sem_release(&permit)));
        return 0;
}

static int permit_of_another(void)
{
        int r = cede_sem_acquire(&permit);

        return r < 0 ? r : as_another(release_as_another);
}

static int end_without_unlocking(void *arg)
{
        (void)arg;
        return cede_mutex_lock(&mutex);
}

static int orphan(void)
{
        int r = as_another(end_without_unlocking);

        if (r < 0)
                return r;
        /* It is locked now, all the same.  What it protects may be half changed: look at it. */
        r = cede_mutex_lock(&mutex);
        printf("the owner has ended, the next one locks: %s\n", name_of(r));
        printf("which owns it: %s\n", cede_mutex_owned(&mutex) ? "yes" : "no");
        cede_mutex_unlock(&mutex);
        return r == -EOWNERDEAD ? 0 : r;
}

static int ownership(void *arg)
{
        int r = mistakes();

        (void)arg;
        if (r >= 0)
                r = locks_of_a_recursive_mutex();
        if (r >= 0)
                r = permit_of_another();
        if (r >= 0)
                r = orphan();
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "depth", "N", "how often the recursive mutex is locked (3)", .number = &depth,
                  .min = 1, .max = 1000 },
                { 0 },
        };

        return example_main(argc, argv, "What owning a mutex means.", options, ownership);
}
