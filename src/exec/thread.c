/* SPDX-License-Identifier: MIT */
/*
 * Threads that anybody can join.
 *
 * The thread's end is a future.  It resolves that last, so what its joiner has to wait for then, in
 * pthread_join, is the thread's way out only: whoever joins may be a task, and its loop goes on.
 *
 * One party may join: `joined` is taken first, and given back if the wait fails.
 *
 * All threads that were not joined are in a list, so that the program's end can name them.
 */
#include <cede/thread.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/report.h"
#include "base/thread.h"
#include "future/future.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct cede_thread {
        struct cede__list link; /* in `unjoined`, under its lock */
        struct cede_future end;
        pthread_t thread;
        int (*fn)(void *arg);
        void *arg;
        int result; /* written before the end, read after */
        atomic_bool joined;
        const char *name; /* NULL: none */
        const void *site; /* where it was started */
};

static struct cede__list unjoined = { &unjoined, &unjoined };
static pthread_mutex_t unjoined_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static _Thread_local struct cede_thread *self;

static void write_unjoined(struct cede__text *t, void *arg)
{
        (void)arg;
        for (struct cede__list *link = unjoined.next; link != &unjoined; link = link->next) {
                const struct cede_thread *me = cede__container_of(link, struct cede_thread, link);

                cede__text_add(t, "cede: thread %s, started at ", me->name ? me->name : "unnamed");
                cede__text_site(t, me->site);
                cede__text_add(t,
                               ", %s when the program ended, and was never joined; call "
                               "cede_thread_join\n",
                               cede__future_done(&me->end) ? "had ended" : "was still running");
        }
}

static void at_exit(void)
{
        pthread_mutex_lock(&unjoined_lock);
        if (unjoined.next != &unjoined)
                cede__report(STDERR_FILENO, write_unjoined, NULL);
        pthread_mutex_unlock(&unjoined_lock);
}

static void prepare(void)
{
        (void)atexit(at_exit); /* if that fails, nothing is said */
}

static void *run(void *arg)
{
        struct cede_thread *me = arg;

        self = me;
        me->result = me->fn(me->arg);
        (void)cede__future_settle(&me->end, NULL, 0, NULL);
        return NULL;
}

int cede_thread_start(const struct cede_thread_options *options, int (*fn)(void *arg), void *arg,
                      struct cede_thread **ret_thread)
{
        static const struct cede_thread_options defaults;
        const struct cede_thread_options *o = options ? options : &defaults;
        struct cede_thread *me;
        int r;

        if (!fn || !ret_thread)
                return -EINVAL;
        pthread_once(&once, prepare);
        me = cede__alloc(sizeof(*me));
        if (!me)
                return -ENOMEM;
        me->fn = fn;
        me->arg = arg;
        me->name = o->name;
        me->site = CEDE__CALL_SITE;
        cede_future_set_name(&me->end, o->name ? o->name : "a thread's end");
        pthread_mutex_lock(&unjoined_lock);
        cede__list_insert(&unjoined, &me->link);
        pthread_mutex_unlock(&unjoined_lock);
        r = cede__thread_start_with(&me->thread, o->name ? o->name : "cede-thread", o->stack_size,
                                    run, me);
        if (r == 0) {
                *ret_thread = me;
                return 0;
        }
        pthread_mutex_lock(&unjoined_lock);
        cede__list_remove(&me->link);
        pthread_mutex_unlock(&unjoined_lock);
        cede__free(me);
        return r;
}

int cede_thread_join(struct cede_thread *thread, int *ret_result)
{
        int r;

        if (!thread)
                return -EINVAL;
        if (thread == self)
                return -EDEADLK;
        if (atomic_exchange(&thread->joined, true))
                return -EBUSY;
        r = cede__future_wait(&thread->end, CEDE__CALL_SITE);
        if (r < 0) {
                atomic_store(&thread->joined, false);
                return r;
        }
        pthread_join(thread->thread, NULL);
        pthread_mutex_lock(&unjoined_lock);
        cede__list_remove(&thread->link);
        pthread_mutex_unlock(&unjoined_lock);
        if (ret_result)
                *ret_result = thread->result;
        cede__free(thread);
        return 0;
}
