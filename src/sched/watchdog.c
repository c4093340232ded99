/* SPDX-License-Identifier: MIT */
#include "sched/watchdog.h"
#include "base/clock.h"
#include "base/thread.h"
#include <errno.h>
#include <signal.h>

enum { LOOKS = 4 };

static _Thread_local struct cede__watchdog *guard;

static void on_signal(int signal)
{
        int saved_errno = errno;

        (void)signal;
        if (guard && cede__self && guard->loop->hooks->is_fiber(cede__self) &&
            cede__loop_turns(guard->loop) == atomic_load(&guard->stuck_at))
                guard->loop->hooks->overrun(cede__fiber_of(cede__self), guard->limit);
        errno = saved_errno;
}

/* Under lock: the handler is installed while there is any watchdog. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned watchdogs;
static struct sigaction before;

static void handler_enter(void)
{
        struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK };

        pthread_mutex_lock(&lock);
        if (watchdogs++ == 0)
                sigaction(SIGURG, &action, &before);
        pthread_mutex_unlock(&lock);
}

static void handler_leave(void)
{
        pthread_mutex_lock(&lock);
        if (--watchdogs == 0)
                sigaction(SIGURG, &before, NULL);
        pthread_mutex_unlock(&lock);
}

static void *watch(void *arg)
{
        struct cede__watchdog *dog = arg;
        struct cede__loop *loop = dog->loop;
        uint64_t seen = 0;
        int same = 0;

        pthread_mutex_lock(&dog->lock);
        while (!dog->stop) {
                struct timespec next = cede__clock_timespec(cede__clock_now() + dog->limit / LOOKS);

                pthread_cond_timedwait(&dog->stop_changed, &dog->lock, &next);
                if (cede__loop_turns(loop) != seen ||
                    atomic_load(&loop->knock) & CEDE__KNOCK_SLEEPING)
                        same = 0;
                else if (++same == LOOKS && !dog->stop) {
                        atomic_store(&dog->stuck_at, seen);
                        pthread_kill(dog->watched, SIGURG);
                }
                seen = cede__loop_turns(loop);
        }
        pthread_mutex_unlock(&dog->lock);
        return NULL;
}

int cede__watchdog_start(struct cede__watchdog *dog, struct cede__loop *loop, int64_t limit)
{
        pthread_condattr_t monotonic;

        dog->loop = loop;
        dog->limit = limit;
        dog->watched = pthread_self();
        dog->stop = false;
        atomic_store(&dog->stuck_at, UINT64_MAX);
        pthread_mutex_init(&dog->lock, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&dog->stop_changed, &monotonic);
        pthread_condattr_destroy(&monotonic);
        guard = dog;
        handler_enter();
        if (cede__thread_start(&dog->watcher, "cede-watchdog", watch, dog) == 0)
                return 0;
        handler_leave();
        guard = NULL;
        return -EAGAIN;
}

void cede__watchdog_stop(struct cede__watchdog *dog)
{
        pthread_mutex_lock(&dog->lock);
        dog->stop = true;
        pthread_cond_signal(&dog->stop_changed);
        pthread_mutex_unlock(&dog->lock);
        pthread_join(dog->watcher, NULL);
        handler_leave();
        guard = NULL;
        pthread_cond_destroy(&dog->stop_changed);
        pthread_mutex_destroy(&dog->lock);
}
