/* SPDX-License-Identifier: MIT */
/*
 * Walking a tree with a task for each node, when only K nodes may be visited at a time.
 *
 * A semaphore bounds the visits, but not the tasks that wait for one.  In FIFO order the walk goes
 * breadth first, and nearly all the tree comes to wait at once.  In LIFO order, where the newest
 * waiter goes first, it goes depth first, and few tasks are alive at a time: compare
 *
 *      explore_tree --branch 10 --order fifo
 *      explore_tree --branch 10 --order lifo --release after
 *
 * A visit that keeps its permit while it waits for its children deadlocks as soon as K such visits
 * are under way (--hold).  With a limit on the scopes instead of a semaphore this form is safe,
 * because a parent lends its slot to its children (--scope).
 *
 * Nodes are numbered row by row from the root, which is 0: the children of n are branch * n + 1 up
 * to branch * n + branch, so that a number is all that a visit has to be told.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { NODES_MAX = 1000000 };
enum release { BEFORE_CHILDREN, AFTER_SPAWNING, AFTER_CHILDREN };

static long branch = 2, depth = 3, permits = 1;
static int order_index, release_index;
static bool hold, scope, list_visits;
static int64_t duration = CEDE_SEC(1);

static enum release release;
static struct cede_sem sem;
static struct cede_limit limit;

/* The tree. */

static long nodes;

/* 0: more than NODES_MAX. */
static long count_nodes(void)
{
        long total = 1, row = 1;

        for (long i = 0; i < depth && row; i++) {
                if (branch > NODES_MAX / row || row * branch > NODES_MAX - total)
                        return 0;
                row *= branch;
                total += row;
        }
        return total;
}

static bool is_leaf(long node)
{
        return branch * node + 1 >= nodes;
}

/* Prints r, r0, r01 and so on: the way from the root. */
static void print_way(long node)
{
        if (node == 0) {
                putchar('r');
                return;
        }
        print_way((node - 1) / branch);
        /* A branch of more than ten has numbers of several digits. */
        printf(branch > 10 ? ".%ld" : "%ld", (node - 1) % branch);
}

/* The walk, and what is seen on it. */

static long holding, peak_holding;
static long *visits, visited;

static void holding_one_more(void)
{
        if (++holding > peak_holding)
                peak_holding = holding;
}

static void give_permit_back(void)
{
        holding--;
        cede_sem_release(&sem);
}

static int look_around(long node)
{
        int r = cede_sleep(duration);

        if (r >= 0)
                visits[visited++] = node;
        return r;
}

/* Children have a higher priority than their parent: in that order, the deepest goes first. */
static int spawn_children(struct cede_scope *children, int (*visit)(void *), long node)
{
        struct cede_spawn_options child = {
                .name = "visit",
                .priority = cede_task_priority(cede_task_self()) + 1,
        };
        int r = 0;

        for (long i = 1; i <= branch && !is_leaf(node) && r >= 0; i++)
                r = cede_spawn_with(children, &child, visit, (void *)(intptr_t)(branch * node + i),
                                    NULL);
        return r;
}

static int visit(void *arg)
{
        long node = (long)(intptr_t)arg;
        struct cede_scope children;
        int r;

        r = cede_sem_acquire(&sem);
        if (r < 0)
                return r;
        holding_one_more();
        r = look_around(node);
        if (release == BEFORE_CHILDREN)
                give_permit_back();

        cede_scope_open(&children);
        if (r >= 0)
                r = spawn_children(&children, visit, node);
        if (release == AFTER_SPAWNING) {
                /* Let the children queue, so that the permit can go to one of them. */
                if (r >= 0 && !is_leaf(node))
                        r = cede_yield();
                give_permit_back();
        }
        r = cede_scope_close(&children, r);
        if (release == AFTER_CHILDREN)
                give_permit_back();
        return r;
}

/* The same with a limit: a visit starts when there is a slot for it, and holds it to its end. */
static int visit_in_scope(void *arg)
{
        long node = (long)(intptr_t)arg;
        struct cede_scope children;
        int r;

        holding_one_more();
        r = look_around(node);
        holding--;

        cede_scope_open_with(&children, &(struct cede_scope_options){ .limit = &limit });
        if (r >= 0)
                r = spawn_children(&children, visit_in_scope, node);
        return cede_scope_close(&children, r);
}

static void print_result(void)
{
        struct cede_run_stats run;
        struct cede_sem_stats queue;
        struct cede_limit_stats starts;

        cede_run_stats(&run);
        cede_sem_stats(&sem, &queue);
        cede_limit_stats(&limit, &starts);
        /* The main task is alive, too, but no visit. */
        printf("nodes=%ld end=%s peak_live=%llu peak_waiting=%u peak_holding=%ld\n", visited,
               elapsed(), (unsigned long long)run.peak_live - 1,
               scope ? starts.peak_queued : queue.peak_waiting, peak_holding);
        for (long i = 0; i < visited && list_visits; i++) {
                print_way(visits[i]);
                putchar(i + 1 < visited ? ' ' : '\n');
        }
}

static int explore(void)
{
        struct cede_scope root;
        int r;

        cede_scope_open_with(&root, &(struct cede_scope_options){ .limit = scope ? &limit : NULL });
        r = cede_spawn(&root, scope ? visit_in_scope : visit, (void *)(intptr_t)0);
        r = cede_scope_close(&root, r);
        print_result();
        return r;
}

static int explore_tree(void *arg)
{
        static const enum cede_order orders[] = { CEDE_FIFO, CEDE_LIFO, CEDE_PRIORITY,
                                                  CEDE_RANDOM };
        int r;

        (void)arg;
        nodes = count_nodes();
        if (!nodes)
                example_usage("a tree of more than %d nodes", NODES_MAX);
        r = cede_sem_init(&sem, permits, orders[order_index]);
        if (r >= 0)
                r = cede_limit_init(&limit, permits, orders[order_index]);
        if (r < 0)
                return r;
        cede_sem_set_name(&sem, "permits");
        release = hold ? AFTER_CHILDREN : (enum release)release_index;
        visits = malloc((size_t)nodes * sizeof(visits[0]));
        if (!visits)
                return -ENOMEM;
        r = explore();
        free(visits);
        cede_limit_finish(&limit);
        cede_sem_finish(&sem);
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "branch", "B", "children of a node (2)", .number = &branch, .max = NODES_MAX },
                { "depth", "D", "rows below the root (3)", .number = &depth, .max = 10000 },
                { "permits", "K", "visits at a time (1)", .number = &permits, .min = 1,
                  .max = 1000000000 },
                { "order", "fifo|lifo|priority|random", "which node is visited next (fifo)",
                  .choice = &order_index },
                { "release", "before|after",
                  "before the children are spawned (the default), or when they have queued",
                  .choice = &release_index },
                { "hold", NULL, "release only when the children have ended: see the deadlock",
                  .flag = &hold },
                { "scope", NULL, "use a scope with a limit of K instead of the semaphore",
                  .flag = &scope },
                { "visits", NULL, "print a second line: the nodes in the order of the visits",
                  .flag = &list_visits },
                { "seconds", "S", "how long a visit takes (1)", .duration = &duration,
                  .max = 1000 },
                { 0 },
        };

        return example_main(argc, argv, "A task for each node of a tree, K visits at a time.",
                            options, explore_tree);
}
