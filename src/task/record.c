/* SPDX-License-Identifier: MIT */
/*
 * Task records, cut from page-aligned chunks so that each starts on a cache line; reused newest
 * first.
 */
#include "base/alloc.h"
#include "task/run.h"

enum { CHUNK_SIZE = 256 * 1024 };

struct cede__records {
        struct cede__records *next;
        uint64_t pad[7]; /* a cache line, so that what follows starts on one */
        struct cede_task tasks[(CHUNK_SIZE - 64) / sizeof(struct cede_task)];
};

static struct cede_task *next_free(const struct cede_task *task)
{
        return (struct cede_task *)(void *)task->fiber.next;
}

static bool add_chunk(struct cede__run *run)
{
        struct cede__records *chunk = cede__map(sizeof(*chunk));

        if (!chunk)
                return false;
        chunk->next = run->records;
        run->records = chunk;
        run->unused_records = chunk->tasks;
        run->unused_end = chunk->tasks + sizeof(chunk->tasks) / sizeof(chunk->tasks[0]);
        return true;
}

struct cede_task *cede__record_take(struct cede__run *run)
{
        struct cede_task *task = run->free_records;

        if (cede__likely(task != NULL)) {
                run->free_records = next_free(task);
                *task = (struct cede_task){ 0 };
                return task;
        }
        /* Fresh pages are zero, and are touched only as far as they are used. */
        if (run->unused_records == run->unused_end && !add_chunk(run))
                return NULL;
        return run->unused_records++;
}

void cede__record_give(struct cede__run *run, struct cede_task *task)
{
        task->held = false; /* so that a stale handle is noticed, as long as nobody else has it */
        task->fiber.next = (struct cede__fiber *)(void *)run->free_records;
        run->free_records = task;
}

void cede__records_finish(struct cede__run *run)
{
        while (run->records) {
                struct cede__records *chunk = run->records;

                run->records = chunk->next;
                cede__unmap(chunk, sizeof(*chunk));
        }
}
