/* SPDX-License-Identifier: MIT */
/* For a libc without statx, as musl was before 1.2.5. */
#include "list.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int look_at(int directory, const char *name, struct look *ret_look)
{
        struct stat st;

        if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH) <
            0)
                return -errno;
        *ret_look = (struct look){ .mode = st.st_mode,
                                   .device = st.st_dev,
                                   .bytes = (uint64_t)st.st_size,
                                   .allocated = (uint64_t)st.st_blocks * LOOK_BLOCK };
        return 0;
}
