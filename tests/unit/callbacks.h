/* SPDX-License-Identifier: MIT */
/* What the tests of callbacks share: the semaphore they wait for, and one that says who it is. */
#ifndef CALLBACKS_H
#define CALLBACKS_H

#include "threads.h"

struct turn {
        struct cede_callback callback;
        int number;
};

static inline void say(struct cede_callback *callback, int result)
{
        EXPECT_EQ(result, 0);
        note("c%d", cede__container_of(callback, struct turn, callback)->number);
}

#endif
