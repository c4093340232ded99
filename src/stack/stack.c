/* SPDX-License-Identifier: MIT */
#include "stack/stack.h"
#include "base/alloc.h"
#include "base/compiler.h"
#include "base/guard.h"

enum { SLAB_SIZE = 4 * 1024 * 1024, COLOURS = 16, COLOUR_STEP = 128, HOT_TOP = 128 };

/* Its first half line shares a line of the cache with the first frames. */
enum { DESCRIPTOR = 32 + (sizeof(struct cede__stack) - 32 + 63) / 64 * 64 };

struct cede__slab {
        struct cede__slab *next;
        void *memory;
        size_t size;
};

unsigned cede__stack_class(size_t size)
{
        unsigned size_class = 0;

        while (size_class < CEDE__STACK_CLASSES && cede__stack_class_size(size_class) < size)
                size_class++;
        return size_class;
}

static bool add_slab(struct cede__stack_pool *pool, unsigned size_class)
{
        size_t stride = CEDE__STACK_GUARD + cede__stack_class_size(size_class);
        unsigned count = stride < SLAB_SIZE ? (unsigned)(SLAB_SIZE / stride) : 1;
        struct cede__slab *slab = cede__alloc(sizeof(*slab));

        if (!slab)
                return false;
        slab->size = count * stride;
        slab->memory = cede__map(slab->size);
        if (!slab->memory) {
                cede__free(slab);
                return false;
        }
        cede__guard_no_huge_pages(slab->memory, slab->size);
        slab->next = pool->slabs;
        pool->slabs = slab;
        pool->classes[size_class].fresh = slab->memory;
        pool->classes[size_class].left = count;
        return true;
}

/* Cuts a stack from the newest slab. */
static struct cede__stack *make(struct cede__stack_pool *pool, unsigned size_class)
{
        struct cede__stack_class *c = &pool->classes[size_class];
        size_t size = cede__stack_class_size(size_class), shift;
        struct cede__stack *stack;
        char *low;

        if (c->left == 0 && !add_slab(pool, size_class))
                return NULL;
        if (!cede__guard_install(c->fresh, CEDE__STACK_GUARD))
                return NULL;
        low = c->fresh + CEDE__STACK_GUARD;
        shift = DESCRIPTOR + pool->made++ % COLOURS * COLOUR_STEP;
        stack = (struct cede__stack *)(void *)(low + size - shift);
        stack->low = low;
        stack->usable = size - shift;
        stack->size_class = size_class;
        cede__sanity_create(&stack->sanity, low, stack->usable);
        c->fresh = low + size;
        c->left--;
        return stack;
}

/* Touches the tops of those to be taken next. */
static CEDE__NOINLINE void warm_up(const struct cede__stack_class *c)
{
        for (unsigned i = 0; i < CEDE__STACK_TOPS; i++)
                if (c->free[i])
                        cede__touch(c->free[i]);
        for (unsigned i = 0; i < CEDE__STACK_TOPS; i++)
                cede__prefetch(c->free[i], -HOT_TOP, HOT_TOP);
}

struct cede__stack *cede__stack_take(struct cede__stack_pool *pool, unsigned size_class)
{
        struct cede__stack_class *c = &pool->classes[size_class];
        struct cede__stack **newest = &c->free[c->newest % CEDE__STACK_TOPS], *stack = *newest;

        if (stack) {
                *newest = stack->below;
                c->newest--;
                if (!cede__stack_pool_is_large(pool))
                        cede__prefetch(c->free[c->newest % CEDE__STACK_TOPS], -HOT_TOP,
                                       HOT_TOP + 64);
                else if (c->newest % CEDE__STACK_TOPS == 0)
                        warm_up(c);
        } else {
                stack = make(pool, size_class);
        }
        if (stack)
                cede__count(pool->used, 1);
        if (pool->used > pool->peak)
                cede__count(pool->peak, 1);
        return stack;
}

void cede__stack_give(struct cede__stack_pool *pool, struct cede__stack *stack)
{
        struct cede__stack_class *c = &pool->classes[stack->size_class];
        struct cede__stack **newest = &c->free[++c->newest % CEDE__STACK_TOPS];

        stack->below = *newest;
        *newest = stack;
        cede__count(pool->used, -1);
}

void cede__stack_pool_finish(struct cede__stack_pool *pool)
{
        for (unsigned size_class = 0; size_class < CEDE__STACK_CLASSES && cede__sanity_watches();
             size_class++)
                for (unsigned i = 0; i < CEDE__STACK_TOPS; i++)
                        for (struct cede__stack *s = pool->classes[size_class].free[i]; s;
                             s = s->below)
                                cede__sanity_destroy(&s->sanity);
        while (pool->slabs) {
                struct cede__slab *slab = pool->slabs;

                pool->slabs = slab->next;
                cede__unmap(slab->memory, slab->size);
                cede__free(slab);
        }
}
