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

static struct cede_task *next_free(const struct cede_task *task)
{
        return (struct cede_task *)(void *)task->fiber.next;
}

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

/* By stores: for this size compilers choose `rep stos`, which takes longer to start than to do. */
static void clear(struct cede_task *task)
{
        typedef uint64_t __attribute__((vector_size(16), may_alias)) pair;
        pair *pairs = (pair *)(void *)task;

#pragma GCC unroll 12
        for (size_t i = 0; i < sizeof(*task) / sizeof(*pairs); i++)
                pairs[i] = (pair){ 0 };
}

struct cede_task *cede__record_take(struct cede__worker *worker)
{
        struct cede_task *task = worker->free_records;

        if (cede__likely(task != NULL)) {
                worker->free_records = next_free(task);
                clear(task);
                return task;
        }
        /* Fresh pages are zero, and are touched only as far as they are used. */
        if (worker->unused_records == worker->unused_end && !add_chunk(worker))
                return NULL;
        return worker->unused_records++;
}

void cede__record_give(struct cede__worker *worker, struct cede_task *task)
{
        task->held = false; /* so that a stale handle is noticed, as long as nobody else has it */
        task->fiber.next = (struct cede__fiber *)(void *)worker->free_records;
        worker->free_records = task;
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
