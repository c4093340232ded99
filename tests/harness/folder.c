/* SPDX-License-Identifier: MIT */
/*
 * A folder for a test that needs files.  The test's process makes it, the runner removes it,
 * however the test has ended; the process's number, which both know, is in its name.
 */
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

enum { MAX_FDS = 16 };

static char own[64]; /* the folder of this process; empty: none */

static void name_of(pid_t pid, char *ret_path, size_t size)
{
        snprintf(ret_path, size, "/tmp/cede-test-%d", (int)pid);
}

const char *test_folder(void)
{
        if (!own[0]) {
                name_of(getpid(), own, sizeof own);
                if (mkdir(own, 0700) < 0)
                        test__fail(__FILE__, __LINE__, "cannot make %s", own);
        }
        return own;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
        (void)st;
        (void)type;
        (void)at;
        return remove(path);
}

void test__remove_folder(pid_t pid)
{
        char path[sizeof own];
        struct stat st;

        if (pid == getpid())
                own[0] = 0; /* without a fork, the next test is in the same process */
        name_of(pid, path, sizeof path);
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid())
                nftw(path, remove_one, MAX_FDS, FTW_DEPTH | FTW_PHYS);
}
