/* SPDX-License-Identifier: MIT */
/* What the tests of links share: callbacks that note that they were called, and long chains. */
#ifndef FUTURES_H
#define FUTURES_H

#include "log.h"
#include "threads.h"
#include <stdlib.h>

static struct cede_future *chain[100000 + 1];

static inline int value_of(struct cede_future *future)
{
        void *value = NULL;

        EXPECT_EQ(cede_future_await(future, &value), 0);
        return (int)(intptr_t)value;
}

static inline int add(void *value, void *arg, void **ret_value)
{
        note("add%d", (int)(intptr_t)arg);
        *ret_value = (char *)value + (intptr_t)arg;
        return 0;
}

static inline int twice(void *value, void *arg, void **ret_value)
{
        (void)arg;
        note("twice");
        *ret_value = N(2 * (intptr_t)value);
        return 0;
}

static inline int fail(void *value, void *arg, void **ret_value)
{
        (void)value;
        (void)ret_value;
        note("fail");
        return (int)(intptr_t)arg;
}

static inline int handle(int error, void *arg, void **ret_value)
{
        note("handle:%s", word(error));
        *ret_value = arg;
        return 0;
}

static inline int fail_again(int error, void *arg, void **ret_value)
{
        (void)ret_value;
        note("again:%s", word(error));
        return (int)(intptr_t)arg;
}

static inline int follow(void *value, void *arg, void **ret_value)
{
        (void)value;
        note("follow");
        *ret_value = cede_future_ref(arg);
        return CEDE_CHAIN;
}

static inline int recover(int error, void *arg, void **ret_value)
{
        note("recover:%s", word(error));
        *ret_value = cede_future_ref(arg);
        return CEDE_CHAIN;
}

/* chain[0] and so many links; all are the caller's. */
static inline void make_chain(int length, int (*on_value)(void *, void *, void **))
{
        chain[0] = cede_future_new();
        for (int i = 1; i <= length; i++) {
                chain[i] = cede_future_then(chain[i - 1], on_value, NULL, NULL);
                EXPECT(chain[i]);
        }
}

#endif
