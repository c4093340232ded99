/* SPDX-License-Identifier: MIT */
/* What the tests of the lock that leans share. */
#ifndef BIAS_TEST_H
#define BIAS_TEST_H

#include "base/bias.h"
#include "test.h"

static inline void skip_without_barriers(void)
{
        struct cede__bias any = { 0 };

        cede__bias_prepare();
        cede__bias_lock(&any);
        cede__bias_take(&any);
        cede__bias_unlock(&any);
        if (!any.owner)
                SKIP("this system has no membarrier");
}

#endif
