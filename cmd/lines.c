/* SPDX-License-Identifier: MIT */
/*
 * Counting the lines of a file: newlines, as wc -l does.
 *
 * Many bytes are compared at once.  Comparing vectors gives -1 for each byte that is equal, so
 * subtracting the results counts, in each lane up to 255 before it would overflow.
 */
#include "list.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { BUFFER = 128 * 1024, LANES = 32, LANE_MAX = 255 };

typedef unsigned char lanes __attribute__((vector_size(LANES)));

/* The newlines of whole vectors. */
static uint64_t newlines_in_lanes(const lanes *v, size_t count)
{
        uint64_t found = 0;

        while (count) {
                size_t round = count < LANE_MAX ? count : LANE_MAX;
                lanes seen = { 0 };

                for (size_t i = 0; i < round; i++)
                        seen -= (lanes)(v[i] == '\n');
                for (unsigned i = 0; i < LANES; i++)
                        found += seen[i];
                v += round;
                count -= round;
        }
        return found;
}

static uint64_t newlines(const lanes *buffer, size_t size)
{
        const char *bytes = (const char *)buffer;
        uint64_t found = newlines_in_lanes(buffer, size / LANES);

        for (size_t i = size / LANES * LANES; i < size; i++)
                found += bytes[i] == '\n';
        return found;
}

static int count(struct line_count *c)
{
        lanes buffer[BUFFER / LANES];
        ssize_t n;
        /* Not blocking: in /proc and /sys a regular file may have nothing to say for ever. */
        int fd = place_open(c->place, O_RDONLY | O_NONBLOCK | O_NOCTTY), r = 0;

        if (fd < 0)
                return fd;
        while (!atomic_load_explicit(c->stop, memory_order_relaxed)) {
                n = read(fd, buffer, sizeof(buffer));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        r = n < 0 ? -errno : 0;
                        break;
                }
                c->lines += newlines(buffer, (size_t)n);
        }
        close(fd);
        return r;
}

int count_lines(void *line_count)
{
        struct line_count *c = line_count;

        c->result = count(c);
        return 0;
}
