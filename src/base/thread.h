/* SPDX-License-Identifier: MIT */
/* The library's own threads: named, and deaf to signals, which are for the program's. */
#ifndef CEDE_BASE_THREAD_H
#define CEDE_BASE_THREAD_H

#include <pthread.h>

/* 0, or -EAGAIN: no more threads. */
int cede__thread_start(pthread_t *ret_thread, const char *name, void *(*fn)(void *), void *arg);

/* Waits for the end of one that was started with this argument. */
void cede__thread_join(pthread_t thread, void *arg);

/* How many threads the program has, a sanitizer's own not counted; -1: unknown. */
int cede__thread_count(void);

#endif
