/* SPDX-License-Identifier: MIT */
/* The library's own threads: named, and deaf to signals, which are for the program's. */
#ifndef CEDE_BASE_THREAD_H
#define CEDE_BASE_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

/*
 * 0; -EAGAIN: no more threads; -EINVAL: a stack of more than 1 GiB.  Of the name 15 bytes are
 * shown.  stack_size 0: libc's default.
 */
int cede__thread_start(pthread_t *ret_thread, const char *name, void *(*fn)(void *), void *arg);
int cede__thread_start_with(pthread_t *ret_thread, const char *name, size_t stack_size,
                            void *(*fn)(void *), void *arg);

/*
 * How many of the threads belong to pools that have no job, so that they cannot wake anybody.  They
 * are counted again before the first job is queued, and not any more when all that the last one
 * wakes has been posted.
 */
extern atomic_uint cede__threads_idle;

/* Waits for the end of one that was started with this argument. */
void cede__thread_join(pthread_t thread, void *arg);

/* How many threads the program has, a sanitizer's own not counted; -1: unknown. */
int cede__thread_count(void);

#endif
