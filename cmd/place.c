/* SPDX-License-Identifier: MIT */
#include "place.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The length of the path below DIR, without the NUL. */
static size_t length_below(const struct place *place)
{
        size_t length = 0;

        for (; place->up; place = place->up)
                length += strlen(place->name) + (place->up->up ? 1 : 0);
        return length;
}

/* Writes the path below DIR so that it ends before `end`. */
static void write_below(const struct place *place, char *end)
{
        for (; place->up; place = place->up) {
                size_t length = strlen(place->name);

                end -= length;
                memcpy(end, place->name, length);
                if (place->up->up)
                        *--end = '/';
        }
}

static int open_at(int directory, const char *path, int flags)
{
        struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
                                .resolve = RESOLVE_NO_SYMLINKS };
        int fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));

        /* Linux before 5.6, or a sandbox that does not know it: then only the last name is safe
         * from being replaced by a link at the wrong moment. */
        if (fd < 0 && (errno == ENOSYS || errno == EPERM))
                fd = openat(directory, path, flags | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 ? -errno : fd;
}

/* A path that is too long for one system call: as much of it at a time as one takes. */
static int open_in_steps(char *path, size_t length, int flags)
{
        int fd = AT_FDCWD;

        while (length >= PATH_MAX) {
                char *cut = memrchr(path, '/', PATH_MAX);
                int next;

                if (!cut) {
                        next = -ENAMETOOLONG;
                } else {
                        *cut = '\0';
                        next = open_at(fd, path, O_PATH | O_DIRECTORY);
                }
                if (fd != AT_FDCWD)
                        close(fd);
                if (next < 0)
                        return next;
                fd = next;
                length -= (size_t)(cut + 1 - path);
                path = cut + 1;
        }
        int r = open_at(fd, path, flags);
        if (fd != AT_FDCWD)
                close(fd);
        return r;
}

int place_open(const struct place *place, int flags)
{
        char near[PATH_MAX], *path = near;
        size_t length = length_below(place);
        int r;

        if (length == 0)
                return open_at(AT_FDCWD, ".", flags);
        if (length >= sizeof(near))
                path = malloc(length + 1);
        if (!path)
                return -ENOMEM;
        write_below(place, path + length);
        path[length] = '\0';
        r = open_in_steps(path, length, flags);
        if (path != near)
                free(path);
        return r;
}

char *place_text(const struct place *place)
{
        const struct place *root = place;
        size_t below = length_below(place), above;
        char *text;

        while (root->up)
                root = root->up;
        above = strlen(root->name);
        text = malloc(above + 1 + below + 1);
        if (!text)
                return NULL;
        memcpy(text, root->name, above);
        if (below && above && root->name[above - 1] != '/')
                text[above++] = '/';
        write_below(place, text + above + below);
        text[above + below] = '\0';
        return text;
}
