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
        struct cede_task tasks[(CHUNK_SIZE - 64) / sizeof(struct cede_task)];
};

static bool add_chunk(struct cede__worker *worker)
{
        struct cede__records *chunk = cede__map(sizeof(*chunk));

        if (!chunk)
                return false;
        chunk->next = worker->records;
        worker->records = chunk;
        worker->unused_records = chunk->tasks;
        worker->unused_end = chunk->tasks + sizeof(chunk->tasks) / sizeof(chunk->tasks[0]);
        return true;
}

/* Fresh pages are zero, and are touched only as far as they are used. */
struct cede_task *cede__record_add(struct cede__worker *worker)
{
        struct cede_task *task;

        if (worker->unused_records == worker->unused_end && !add_chunk(worker))
                return NULL;
        task = worker->unused_records++;
        task->fiber.party.kind = &cede__task_party;
        return task;
}

void cede__record_drop(struct cede__worker *worker, struct cede_task *task)
{
        task->fiber.held = false; /* a stale handle is noticed, as long as nobody else has it */
        task->name = NULL;
        cede__record_give(worker, task);
}

void cede__records_finish(struct cede__worker *worker)
{
        while (worker->records) {
                struct cede__records *chunk = worker->records;

                worker->records = chunk->next;
                cede__unmap(chunk, sizeof(*chunk));
        }
}

bool cede__record_of(const struct cede__run *run, const struct cede__party *party)
{
        uintptr_t at = (uintptr_t)party;

        for (unsigned i = 0; i < run->workers; i++) {
                const struct cede__worker *w = &run->worker[i];

                if (party == &w->native.fiber.party)
                        return true;
                if (!cede__worker_alone(w) && !w->stands_still)
                        continue;
                for (const struct cede__records *chunk = w->records; chunk; chunk = chunk->next)
                        if (at >= (uintptr_t)chunk->tasks && at < (uintptr_t)(chunk + 1))
                                return true;
        }
        return false;
}
