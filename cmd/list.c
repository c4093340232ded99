/* SPDX-License-Identifier: MIT */
/*
 * Reading a directory.
 *
 * Every entry is asked what it is and occupies: a directory when it is open, anything else by its
 * name.  Entries that are gone by then were never there.
 */
#include "list.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A job's thread has a large stack.  32 KiB is what the kernel fills at a time on most systems. */
enum { BUFFER = 64 * 1024, FAILURES_KEPT = 10, FIRST_SIZE = 512 };

const struct entry *listing_first(const struct listing *l)
{
        return l->size ? (const struct entry *)(const void *)l->entries : NULL;
}

const struct entry *listing_next(const struct listing *l, const struct entry *entry)
{
        const char *next = entry->name + strlen(entry->name) + 1;

        return next < l->entries + l->size ? (const struct entry *)(const void *)next : NULL;
}

/* `room` is what has been allocated. */
static int add(struct listing *l, size_t *room, enum entry_kind kind, int error, const char *name)
{
        size_t length = strlen(name) + 1, need = l->size + sizeof(struct entry) + length;
        struct entry *entry;

        if (need > *room) {
                size_t larger = *room ? *room * 2 : FIRST_SIZE;
                char *entries = realloc(l->entries, larger > need ? larger : need);

                if (!entries)
                        return -ENOMEM;
                l->entries = entries;
                *room = larger > need ? larger : need;
        }
        entry = (struct entry *)(void *)(l->entries + l->size);
        entry->kind = (unsigned char)kind;
        entry->error = (unsigned char)error;
        memcpy(entry->name, name, length);
        l->size = need;
        l->children += kind != ENTRY_FAILED;
        return 0;
}

static int add_failure(struct listing *l, size_t *room, int error, const char *name)
{
        if (error == ENOENT)
                return 0; /* vanished since it was listed */
        if (l->found.errors++ >= FAILURES_KEPT)
                return 0;
        return add(l, room, ENTRY_FAILED, error, name);
}

/* One entry; `type` as in struct dirent. */
static int take(struct listing *l, size_t *room, int fd, unsigned char type, const char *name)
{
        struct look look = { 0 };

        if (type != DT_DIR) {
                int r = look_at(fd, name, &look);

                if (r < 0)
                        return add_failure(l, room, -r, name);
                type = (unsigned char)IFTODT(look.mode);
        }
        if (type == DT_DIR)
                return add(l, room, ENTRY_DIRECTORY, 0, name); /* its own visit counts it */
        l->found.allocated += look.allocated;
        switch (type) {
        case DT_REG:
                l->found.files++;
                l->found.bytes += look.bytes;
                return l->files ? add(l, room, ENTRY_FILE, 0, name) : 0;
        case DT_LNK:
                l->found.symlinks++;
                return 0;
        default:
                l->found.other++;
                return 0;
        }
}

static bool is_dot(const char *name)
{
        return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static int read_all(struct listing *l, int fd)
{
        /* The kernel's layout is that of struct dirent with 64-bit offsets, in each libc. */
        _Alignas(struct dirent) char buffer[BUFFER];
        size_t room = 0;
        ssize_t n;
        int r = 0;

        while (r == 0 && !atomic_load_explicit(l->stop, memory_order_relaxed)) {
                n = syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
                if (n < 0)
                        return errno == ENOENT ? 0 : -errno; /* ENOENT: it was removed */
                if (n == 0)
                        return 0;
                for (char *p = buffer; r == 0 && p < buffer + n;) {
                        const struct dirent *d = (const struct dirent *)(void *)p;

                        if (!is_dot(d->d_name))
                                r = take(l, &room, fd, d->d_type, d->d_name);
                        p += d->d_reclen;
                }
        }
        return r;
}

/* The directory itself.  1: its entries count as well, 0: they do not, or -errno. */
static int weigh(struct listing *l, int fd)
{
        struct look look;
        int r = look_at(fd, "", &look);

        if (r < 0)
                return r;
        l->found.allocated += look.allocated;
        return !l->device || look.device == *l->device;
}

static int list(struct listing *l)
{
        int fd = place_open(l->place, O_RDONLY | O_DIRECTORY), why = 0, r;

        if (fd == -EACCES) { /* which does not hide what it occupies */
                why = fd;
                fd = place_open(l->place, O_PATH | O_DIRECTORY);
        }
        if (fd < 0)
                return why ? why : fd;
        r = weigh(l, fd);
        if (why)
                r = why;
        else if (r > 0)
                r = read_all(l, fd);
        close(fd);
        return r;
}

int list_directory(void *listing)
{
        struct listing *l = listing;

        l->result = list(l);
        return 0;
}
