/* SPDX-License-Identifier: MIT */
#include "base/report.h"
#include "base/thread.h"

struct report {
        void (*write)(struct cede__text *text, void *arg);
        void *arg;
        struct cede__text text;
};

static void *run(void *arg)
{
        struct report *report = arg;

        report->text.sites = cede__sites_open();
        report->write(&report->text, report->arg);
        cede__text_flush(&report->text);
        cede__sites_close(report->text.sites);
        return NULL;
}

void cede__report(int fd, void (*write)(struct cede__text *text, void *arg), void *arg)
{
        struct report report = { .write = write, .arg = arg };
        pthread_t thread;

        cede__text_open(&report.text, fd);
        if (cede__thread_start(&thread, "cede-report", run, &report) == 0) {
                pthread_join(thread, NULL);
        } else {
                write(&report.text, arg);
                cede__text_flush(&report.text);
        }
}
