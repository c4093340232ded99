/* SPDX-License-Identifier: MIT */
#include <cede/local.h>

#include "base/alloc.h"
#include "task/task.h"
#include <errno.h>

struct cede__local_value {
        struct cede__local_value *next;
        const struct cede_local *key;
        void *value;
};

static struct cede__local_value *find(const struct cede_task *task, const struct cede_local *key)
{
        struct cede__local_value *v = task->locals;

        while (v && v->key != key)
                v = v->next;
        return v;
}

void *cede_local_get(const struct cede_local *key)
{
        const struct cede__local_value *v = find(cede__task_here(), key);

        return v ? v->value : NULL;
}

int cede_local_set(const struct cede_local *key, void *value)
{
        struct cede_task *me = cede__task_here();
        struct cede__local_value *v = find(me, key);

        if (!v) {
                v = cede__alloc(sizeof(*v));
                if (!v)
                        return -ENOMEM;
                v->key = key;
                v->next = me->locals;
                me->locals = v;
        }
        v->value = value;
        return 0;
}

/* The newest first.  A destructor may set values anew; those are destroyed too. */
void cede__locals_finish(struct cede_task *task)
{
        struct cede__local_value *v;

        while ((v = task->locals)) {
                task->locals = v->next;
                if (v->key->destroy && v->value)
                        v->key->destroy(v->value);
                cede__free(v);
        }
}
