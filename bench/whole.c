/* SPDX-License-Identifier: MIT */
/*
 * Measures a process as a whole: `whole PROGRAM WORDS...` prints the seconds from its start to its
 * end, and the MiB that it occupied at most.
 *
 * A process begins with the peak of whoever forked it, which is why a small program has to do this.
 */
#include "bench.h"
#include <fcntl.h>
#include <sys/wait.h>

int main(int argc, char **argv)
{
        int64_t start = bench_now();
        struct rusage usage;
        int status;
        pid_t child;

        if (argc < 2)
                return 2;
        child = vfork();
        bench_check(child < 0 ? -errno : 0, "vfork");
        if (child == 0) {
                int nowhere = open("/dev/null", O_WRONLY);

                dup2(nowhere, 1);
                dup2(nowhere, 2);
                execvp(argv[1], argv + 1);
                _exit(127);
        }
        bench_check(wait4(child, &status, 0, &usage) < 0 ? -errno : 0, "wait4");
        /* 1: some directory could not be read, by which all walks are hit alike. */
        if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {
                fprintf(stderr, "bench: %s failed\n", argv[1]);
                return 1;
        }
        bench_results((double)(bench_now() - start) / 1e9, (double)usage.ru_maxrss / 1024);
        return 0;
}
