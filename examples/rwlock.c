/* SPDX-License-Identifier: MIT */
/*
 * Readers share a lock, a writer has it for itself; who goes first is the lock's preference.
 *
 * Fair, a writer that waits stops the readers who come after it.  With readers first they pass it,
 * and it waits for all of them.  With writers first, a second writer goes before a reader that has
 * waited for longer: try two.
 */
#include "example.h"

#include <cede.h>
#include <stdio.h>

static struct cede_rwlock lock;
static int preference = CEDE_FAIR;
static long writers = 1;
static int64_t reading = CEDE_SEC(3), writing = CEDE_SEC(2);

struct party {
        char name[24];
        bool writes;
        int64_t arrival;
};

enum { READERS = 3, WRITERS_MAX = 1000 };

static int use(void *arg)
{
        const struct party *p = arg;
        int r = cede_sleep(p->arrival);

        if (r >= 0)
                r = p->writes ? cede_rwlock_write_lock(&lock) : cede_rwlock_read_lock(&lock);
        if (r < 0)
                return r;
        say("%s in", p->name);
        r = cede_sleep(p->writes ? writing : reading);
        if (r >= 0)
                say("%s out", p->name);
        if (p->writes)
                cede_rwlock_write_unlock(&lock);
        else
                cede_rwlock_read_unlock(&lock);
        return r;
}

static void name(struct party *p, bool writes, int number)
{
        p->writes = writes;
        if (writes && writers == 1)
                snprintf(p->name, sizeof(p->name), "W");
        else
                snprintf(p->name, sizeof(p->name), "%c%d", writes ? 'W' : 'R', number);
}

/* R1 and R2 come at once, a writer at 1, R3 at 2, and more writers one by one after it. */
static void fill(struct party parties[], int n)
{
        int read = 0, written = 0;

        for (int i = 0; i < n; i++) {
                bool writes = i == 2 || i > READERS;

                name(&parties[i], writes, writes ? ++written : ++read);
                parties[i].arrival = i < 2 ? 0 : CEDE_SEC(i - 1);
        }
}

static int read_and_write(void *arg)
{
        static struct party parties[READERS + WRITERS_MAX];
        int r = cede_rwlock_init(&lock, CEDE_FIFO);

        (void)arg;
        if (r >= 0)
                r = cede_rwlock_set_preference(&lock, (enum cede_preference)preference);
        if (r < 0)
                return r;
        fill(parties, READERS + (int)writers);
        CEDE_SCOPE(all, &r) {
                for (long i = 0; i < READERS + writers && r >= 0; i++)
                        r = cede_spawn(&all, use, &parties[i]);
        }
        cede_rwlock_finish(&lock);
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "prefer", "fair|readers|writers", "who goes first (fair)",
                  .choice = &preference },
                { "writers", "N", "how many write (1)", .number = &writers, .min = 1,
                  .max = WRITERS_MAX },
                { "reading", "S", "how long each reader reads (3)", .duration = &reading,
                  .max = 10000 },
                { "writing", "S", "how long each writer writes (2)", .duration = &writing,
                  .max = 10000 },
                { 0 },
        };

        return example_main(argc, argv, "Readers share a lock, and writers have it alone.", options,
                            read_and_write);
}
