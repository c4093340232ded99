/* SPDX-License-Identifier: MIT */
/* The library's own threads: named, and deaf to signals, which are for the program's. */
#ifndef CEDE_BASE_THREAD_H
#define CEDE_BASE_THREAD_H

#include <pthread.h>

/* 0, or -EAGAIN: no more threads. */
int cede__thread_start(pthread_t *ret_thread, const char *name, void *(*fn)(void *), void *arg);

#endif
