/* SPDX-License-Identifier: MIT */
#include "base/report.h"
#include "future/future.h"
#include <unistd.h>

static void write_report(struct cede__text *t, void *arg)
{
        const struct cede_future *f = arg;

        cede__text_add(t, "cede: future %s failed with error %d", f->name ? f->name : "unnamed",
                       -f->error);
        if (f->site) {
                cede__text_add(t, " at ");
                cede__text_site(t, f->site);
        }
        cede__text_add(t, ", and nobody has looked at that; await it, ask for its result, or call "
                          "cede_future_ignore\n");
}

void cede__future_report(const struct cede_future *f)
{
        cede__report(STDERR_FILENO, write_report, (void *)f);
}
