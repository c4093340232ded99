/* SPDX-License-Identifier: MIT */
#include "base/thread.h"
#include "base/chooser.h"
#include "base/sanity.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>

/* What a thread does to itself reaches the program's handlers from any thread. */
static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };

int cede__thread_start(pthread_t *ret_thread, const char *name, void *(*fn)(void *), void *arg)
{
        sigset_t all, before;
        int r;

        if (cede__fault())
                return -EAGAIN;
        sigfillset(&all);
        for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
                sigdelset(&all, faults[i]);
        pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited by the new thread */
        r = pthread_create(ret_thread, NULL, fn, arg);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r)
                return -EAGAIN;
        pthread_setname_np(*ret_thread, name);
        return 0;
}

int cede__thread_count(void)
{
        DIR *tasks = opendir("/proc/self/task");
        int n = -cede__sanity_threads;

        if (!tasks)
                return -1;
        for (struct dirent *entry; (entry = readdir(tasks));)
                n += entry->d_name[0] != '.';
        closedir(tasks);
        return n;
}
