/* SPDX-License-Identifier: MIT */
#include "base/thread.h"
#include "base/chooser.h"
#include <errno.h>
#include <signal.h>

int cede__thread_start(pthread_t *ret_thread, const char *name, void *(*fn)(void *), void *arg)
{
        sigset_t all, before;
        int r;

        if (cede__fault())
                return -EAGAIN;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited by the new thread */
        r = pthread_create(ret_thread, NULL, fn, arg);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r)
                return -EAGAIN;
        pthread_setname_np(*ret_thread, name);
        return 0;
}
