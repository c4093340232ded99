/* SPDX-License-Identifier: MIT */
#include "base/thread.h"
#include "base/chooser.h"
#include "base/sanity.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STACK_MAX = 1024 * 1024 * 1024 };

/* What a thread does to itself reaches the program's handlers from any thread. */
static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };

atomic_uint cede__threads_idle;

int cede__thread_start(pthread_t *ret_thread, const char *name, void *(*fn)(void *), void *arg)
{
        return cede__thread_start_with(ret_thread, name, 0, fn, arg);
}

/* Whole pages, and not less than libc needs. */
static size_t usable_size(size_t size)
{
        size_t page = (size_t)sysconf(_SC_PAGESIZE), least = (size_t)sysconf(_SC_THREAD_STACK_MIN);

        return ((size < least ? least : size) + page - 1) / page * page;
}

int cede__thread_start_with(pthread_t *ret_thread, const char *name, size_t stack_size,
                            void *(*fn)(void *), void *arg)
{
        char shown[16]; /* the system takes no more */
        pthread_attr_t attributes;
        sigset_t all, before;
        int r;

        if (stack_size > STACK_MAX)
                return -EINVAL;
        if (cede__fault())
                return -EAGAIN;
        if (cede__controlled() && cede__chooser->start(cede__chooser, fn, arg))
                return 0;
        pthread_attr_init(&attributes);
        if (stack_size)
                pthread_attr_setstacksize(&attributes, usable_size(stack_size));
        sigfillset(&all);
        for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
                sigdelset(&all, faults[i]);
        pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited by the new thread */
        r = pthread_create(ret_thread, &attributes, fn, arg);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
        if (r)
                return -EAGAIN;
        snprintf(shown, sizeof(shown), "%s", name);
        pthread_setname_np(*ret_thread, shown);
        return 0;
}

void cede__thread_join(pthread_t thread, void *arg)
{
        if (!cede__controlled() || !cede__chooser->join(cede__chooser, arg))
                pthread_join(thread, NULL);
}

/* From /proc/self/stat, which is written in one go: a listing of the threads may miss some. */
int cede__thread_count(void)
{
        int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
        char text[1024], *after_name;
        ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        int n = -1;

        if (fd >= 0)
                close(fd);
        if (size <= 0)
                return -1;
        text[size] = 0;
        after_name = strrchr(text, ')'); /* the second field; the twentieth is wanted */
        if (!after_name || sscanf(after_name + 1,
                                  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
                                  "%*d %*d %d",
                                  &n) != 1)
                return -1;
        return n < 1 ? -1 : n - cede__sanity_threads; /* emulators of a process say 0 */
}
