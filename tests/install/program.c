/* SPDX-License-Identifier: MIT */
/*
 * A program of a user's, compiled by tests/checks/install.py against the installed library, as C
 * and as C++: it uses what the headers define themselves (macros, initialisers, structures) and
 * something of each layer behind them.
 */
#include <cede.h>
#include <stdio.h>

static struct cede_sem tables = CEDE_SEM_INIT(1, CEDE_LIFO);
static struct cede_mutex lock = CEDE_MUTEX_INIT(CEDE_FIFO);
static struct cede_mutex recursive = CEDE_RECURSIVE_MUTEX_INIT(CEDE_FIFO);
static struct cede_condition changed = CEDE_CONDITION_INIT(CEDE_FIFO);
static struct cede_event opened = CEDE_EVENT_INIT(CEDE_FIFO);
static struct cede_limit limit = CEDE_LIMIT_INIT(2, CEDE_FIFO);
static int guests;

static int on_a_thread(void *arg)
{
        return *(int *)arg + 1;
}

static int guest(void *arg)
{
        int r = cede_event_wait(&opened);

        if (r == 0)
                r = cede_sem_acquire(&tables);
        if (r < 0)
                return r;
        CEDE_NO_SUSPEND
                printf("t=%ld guest %d\n", (long)(cede_now() / CEDE_SEC(1)), *(int *)arg);
        r = cede_sleep(CEDE_SEC(1));
        cede_sem_release(&tables);
        CEDE_SHIELD {
                int locked = cede_mutex_lock(&lock);

                if (locked < 0)
                        return locked;
                guests++;
                cede_condition_notify_all(&changed);
                cede_mutex_unlock(&lock);
        }
        return r;
}

static int evening(void *arg)
{
        static int numbers[] = { 1, 2, 3 };
        static struct cede_scope_options options;
        int r = cede_mutex_lock(&recursive), late = 0;

        if (r < 0)
                return r;
        cede_mutex_unlock(&recursive);
        options.limit = &limit;
        CEDE_SCOPE_WITH(hall, &r, &options)
        {
                for (int i = 0; i < 3 && r == 0; i++)
                        r = cede_spawn(&hall, guest, &numbers[i]);
                cede_event_set(&opened);
                CEDE_TIMEOUT(CEDE_MS(500))
                        late = cede_sleep(CEDE_SEC(1));
                if (r == 0)
                        r = cede_mutex_lock(&lock);
                if (r == 0) {
                        while (r == 0 && guests < 3)
                                r = cede_condition_wait(&changed, &lock);
                        cede_mutex_unlock(&lock);
                }
        }
        printf("t=%ld guests %d, late %d, offloaded %d\n", (long)(cede_now() / CEDE_SEC(1)), guests,
               late < 0, cede_offload(on_a_thread, arg));
        return r;
}

int main(void)
{
        static struct cede_run_options options; /* C++ cannot name the one field that is set */
        int number = 41;

        options.clock = CEDE_CLOCK_VIRTUAL;
        return cede_exit_status(cede_run_with(evening, &number, &options));
}
