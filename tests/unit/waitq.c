/* SPDX-License-Identifier: MIT */
/* wait/waitq.h: every order against a model that is too simple to be wrong. */
#include "wait/waitq.h"
#include "base/prng.h"
#include "test.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 200 };

/* The model: who waits, with what they were sorted by. */
struct entry {
        struct cede__wnode node;
        struct cede__wrank rank;
        uint64_t arrival;
        bool waits;
};

static struct cede__waitq q;
static struct entry entries[NODES];
static uint64_t arrivals, seed, drawn;

static unsigned draw(unsigned n)
{
        return (unsigned)(cede__prng(seed, drawn++) % n);
}

static void start(enum cede_order order, uint64_t new_seed)
{
        memset(entries, 0, sizeof(entries));
        cede__waitq_init(&q, order);
        q.seed = new_seed;
        seed = ~new_seed; /* the queue draws by its own */
        arrivals = drawn = 0;
}

static void insert(struct entry *e, int priority, int64_t deadline)
{
        e->rank = (struct cede__wrank){ priority, deadline };
        e->arrival = arrivals++;
        e->waits = true;
        cede__waitq_insert(&q, &e->node, e->rank);
}

static void take_out(struct entry *e)
{
        e->waits = false;
        cede__waitq_remove(&q, &e->node);
}

static void grant(struct entry *e)
{
        e->waits = false;
        cede__waitq_grant(&q, &e->node);
}

/* The order of arrival stays. */
static void resort(struct entry *e, int priority)
{
        e->rank.priority = priority;
        cede__waitq_resort(&q, &e->node, e->rank);
}

static bool goes_before(const struct entry *a, const struct entry *b)
{
        switch (q.order) {
        case CEDE_FIFO:
                break;
        case CEDE_LIFO:
                return a->arrival > b->arrival;
        case CEDE_PRIORITY:
                if (a->rank.priority != b->rank.priority)
                        return a->rank.priority > b->rank.priority;
                break;
        case CEDE_EDF:
                if (a->rank.deadline != b->rank.deadline)
                        return a->rank.deadline < b->rank.deadline;
                break;
        case CEDE_RANDOM: /* of the lots drawn, the smallest */
                if (a->node.key != b->node.key)
                        return a->node.key < b->node.key;
                break;
        }
        return a->arrival < b->arrival;
}

static struct entry *model_head(void)
{
        struct entry *best = NULL;

        for (int i = 0; i < NODES; i++)
                if (entries[i].waits && (!best || goes_before(&entries[i], best)))
                        best = &entries[i];
        return best;
}

static struct entry *head(void)
{
        return (struct entry *)cede__waitq_head(&q);
}

/* Pops all that wait, one by one, as a string of their indexes as letters. */
static const char *drain(void)
{
        static char letters[NODES + 1];
        size_t n = 0;

        while (head()) {
                letters[n++] = (char)('a' + (head() - entries));
                grant(head());
        }
        letters[n] = 0;
        return letters;
}

static void expect_as_modelled(void)
{
        uint32_t waiting = 0;

        EXPECT(head() == model_head());
        for (int i = 0; i < NODES; i++) {
                EXPECT_EQ(cede__waitq_linked(&entries[i].node), entries[i].waits);
                waiting += entries[i].waits;
        }
        EXPECT_EQ(q.waiting, waiting);
}

static void random_step(unsigned fullness)
{
        struct entry *e = &entries[draw(NODES)];
        int priority = draw(4) ? (int)draw(5) - 2 : draw(2) ? INT_MAX : INT_MIN;
        int64_t deadline = draw(4) ? draw(6) : draw(2) ? CEDE_NEVER : INT64_MIN;

        if (!e->waits) {
                if (draw(100) < fullness)
                        insert(e, priority, deadline);
        } else if (draw(3) == 0) {
                resort(e, priority);
        } else if (draw(3) == 0) {
                take_out(e);
                insert(e, priority, deadline);
        } else if (draw(2)) {
                take_out(e);
        } else {
                grant(head());
        }
}

static void follow_the_model(enum cede_order order)
{
        unsigned steps = test_slowed() ? 500 : 5000;

        for (uint64_t s = 0; s < 20; s++) {
                start(order, s);
                for (unsigned i = 0; i < steps; i++) {
                        /* Tides: from nearly empty to nearly full and back. */
                        random_step(i / 500 % 2 ? 100 : 30);
                        expect_as_modelled();
                }
                while (head()) {
                        EXPECT(head() == model_head());
                        grant(head());
                }
                expect_as_modelled();
        }
}

TEST(fifo_follows_the_model)
{
        follow_the_model(CEDE_FIFO);
}

TEST(lifo_follows_the_model)
{
        follow_the_model(CEDE_LIFO);
}

TEST(priority_follows_the_model)
{
        follow_the_model(CEDE_PRIORITY);
}

TEST(edf_follows_the_model)
{
        follow_the_model(CEDE_EDF);
}

TEST(random_follows_the_lots_drawn)
{
        follow_the_model(CEDE_RANDOM);
}

TEST(priority_highest_first_and_fifo_among_equals)
{
        static const int priorities[] = { 0, 5, 0, -3, 5, INT_MIN, INT_MAX, 0 };

        start(CEDE_PRIORITY, 0);
        for (int i = 0; i < 8; i++)
                insert(&entries[i], priorities[i], 8 - i);
        EXPECT_STR(drain(), "gbeachdf");
}

TEST(edf_earliest_first_and_fifo_among_equals)
{
        static const int64_t deadlines[] = { 7, CEDE_NEVER, 0, 7, -7, CEDE_NEVER, INT64_MIN };

        start(CEDE_EDF, 0);
        for (int i = 0; i < 7; i++)
                insert(&entries[i], i, deadlines[i]);
        EXPECT_STR(drain(), "gecadbf");
}

TEST(resort_to_the_same_priority_keeps_the_place)
{
        start(CEDE_PRIORITY, 0);
        for (int i = 0; i < 4; i++)
                insert(&entries[i], 1, 0);
        resort(&entries[0], 1);
        resort(&entries[1], 2); /* up, and back among its equals */
        resort(&entries[1], 1);
        EXPECT_STR(drain(), "abcd");
}

static const char *drained_after_a_resort(enum cede_order order)
{
        start(order, 7);
        for (int i = 0; i < 4; i++)
                insert(&entries[i], 0, i);
        resort(&entries[2], 5);
        return drain();
}

TEST(resort_means_nothing_where_priorities_do_not_count)
{
        char without[NODES + 1];

        EXPECT_STR(drained_after_a_resort(CEDE_FIFO), "abcd");
        EXPECT_STR(drained_after_a_resort(CEDE_LIFO), "dcba");
        EXPECT_STR(drained_after_a_resort(CEDE_EDF), "abcd");
        start(CEDE_RANDOM, 7);
        for (int i = 0; i < 4; i++)
                insert(&entries[i], 0, i);
        memcpy(without, drain(), sizeof(without));
        EXPECT_STR(drained_after_a_resort(CEDE_RANDOM), without);
}

TEST(all_zero_queue_is_fifo)
{
        q = (struct cede__waitq){ 0 };
        for (int i = 0; i < 4; i++)
                insert(&entries[i], i, -i);
        EXPECT_STR(drain(), "abcd");
}

TEST(orders_are_told_from_other_numbers)
{
        EXPECT(cede__waitq_order_valid(CEDE_FIFO));
        EXPECT(cede__waitq_order_valid(CEDE_RANDOM));
        EXPECT(!cede__waitq_order_valid((enum cede_order)(CEDE_RANDOM + 1)));
        EXPECT(!cede__waitq_order_valid((enum cede_order) - 1));
}

TEST(peak_counts_those_who_stayed)
{
        start(CEDE_PRIORITY, 0);
        insert(&entries[0], 0, 0);
        cede__waitq_stay(&q);
        insert(&entries[1], 0, 0);
        take_out(&entries[1]); /* granted at once: it never waited */
        EXPECT_EQ(q.peak, 1);
        insert(&entries[1], 0, 0);
        cede__waitq_stay(&q);
        drain();
        EXPECT_EQ(q.peak, 2);
        EXPECT_EQ(q.waiting, 0);
}

/* RANDOM */

enum { CROWD = 8, GRANTS = 80000 };

/* The place of `e` in the order of arrival of those who wait: 0 for the oldest. */
static int seniority(const struct entry *e)
{
        int older = 0;

        for (int i = 0; i < CROWD; i++)
                older += entries[i].waits && entries[i].arrival < e->arrival;
        return older;
}

/* Chi-square of counts that should be equal. */
static double unevenness(const int counts[CROWD], int total)
{
        double expected = (double)total / CROWD, sum = 0;

        for (int i = 0; i < CROWD; i++)
                sum += (counts[i] - expected) * (counts[i] - expected) / expected;
        return sum;
}

/* 7 degrees of freedom: 30 is exceeded by one seed of 10,000; these do not. */
static const double even = 30;

TEST(random_favours_neither_old_nor_new)
{
        for (uint64_t s = 0; s < 5; s++) {
                int counts[CROWD] = { 0 };

                start(CEDE_RANDOM, s);
                for (int i = 0; i < CROWD; i++)
                        insert(&entries[i], 0, 0);
                for (int i = 0; i < GRANTS; i++) {
                        struct entry *granted = head();

                        counts[seniority(granted)]++;
                        grant(granted);
                        insert(granted, 0, 0);
                }
                EXPECT(unevenness(counts, GRANTS) < even);
        }
}

/* Who gives up is none of the queue's doing: it says nothing about the lots of the others. */
TEST(random_stays_even_when_others_give_up)
{
        for (uint64_t s = 0; s < 5; s++) {
                int counts[CROWD] = { 0 };

                start(CEDE_RANDOM, s);
                for (int i = 0; i < CROWD; i++)
                        insert(&entries[i], 0, 0);
                for (int i = 0; i < GRANTS; i++) {
                        struct entry *granted = head(), *gone = &entries[draw(CROWD)];

                        counts[seniority(granted)]++;
                        grant(granted);
                        if (gone->waits) {
                                take_out(gone);
                                insert(gone, 0, 0);
                        }
                        insert(granted, 0, 0);
                }
                EXPECT(unevenness(counts, GRANTS) < even);
        }
}

/* Nothing is known of the first of a fresh crowd, again and again: the queue empties in between. */
TEST(random_stays_even_when_the_queue_runs_empty)
{
        int counts[CROWD] = { 0 };

        start(CEDE_RANDOM, 3);
        for (int i = 0; i < GRANTS / CROWD; i++) {
                for (int k = 0; k < CROWD; k++)
                        insert(&entries[k], 0, 0);
                counts[head() - entries]++;
                drain();
        }
        EXPECT(unevenness(counts, GRANTS / CROWD) < even);
}

static void random_sequence(uint64_t s, char sequence[NODES + 1])
{
        start(CEDE_RANDOM, s);
        for (int i = 0; i < 20; i++)
                insert(&entries[i], 0, 0);
        memcpy(sequence, drain(), NODES + 1);
}

TEST(random_repeats_with_its_seed)
{
        char first[NODES + 1], again[NODES + 1];

        random_sequence(42, first);
        random_sequence(42, again);
        EXPECT_STR(first, again);
}

TEST(random_differs_between_seeds)
{
        char one[NODES + 1], other[NODES + 1];

        random_sequence(0, one);
        random_sequence(1, other);
        EXPECT(strcmp(one, other) != 0);
}

/* Large numbers: what is quadratic here does not end in time. */

static void cancel_many_in_reverse(enum cede_order order, size_t many)
{
        struct cede__wnode *nodes = calloc(many, sizeof(*nodes));

        cede__waitq_init(&q, order);
        for (size_t i = 0; i < many; i++)
                cede__waitq_insert(&q, &nodes[i], (struct cede__wrank){ 0, 0 });
        for (size_t i = many; i-- > 0;) {
                cede__waitq_remove(&q, &nodes[i]);
                EXPECT(i == 0 || cede__waitq_head(&q));
        }
        EXPECT(!cede__waitq_head(&q));
        free(nodes);
}

TEST(removal_in_reverse_is_linear)
{
        size_t many = test_slowed() ? 100000 : 1000000;

        cancel_many_in_reverse(CEDE_FIFO, many);
        cancel_many_in_reverse(CEDE_LIFO, many);
        cancel_many_in_reverse(CEDE_PRIORITY, many);
}

TEST(heap_sorts_a_lot_in_any_sequence_of_arrival)
{
        size_t many = test_slowed() ? 20000 : 200000;
        struct entry *all = calloc(many, sizeof(*all));

        for (int way = 0; way < 3; way++) {
                int last = INT_MAX;

                cede__waitq_init(&q, CEDE_PRIORITY);
                for (size_t i = 0; i < many; i++) {
                        all[i].rank.priority = way == 0 ? (int)i :
                                               way == 1 ? -(int)i :
                                                          (int)(cede__prng(1, i) % 1000);
                        cede__waitq_insert(&q, &all[i].node, all[i].rank);
                }
                for (size_t i = 0; i < many; i++) {
                        EXPECT(head() && head()->rank.priority <= last);
                        last = head()->rank.priority;
                        cede__waitq_remove(&q, cede__waitq_head(&q));
                }
                EXPECT(!head());
        }
        free(all);
}
