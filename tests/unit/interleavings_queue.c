/* SPDX-License-Identifier: MIT */
/* Threads at a queue: every schedule of put, get, close, join and cancel. */
#include "interleave.h"
#include "test.h"
#include <cede.h>
#include <errno.h>

static struct cede_queue *queue;
static struct cede_scope scope;
static uintptr_t opened, cancelled;
static int put_result[2], get_result[2];
static long item[2];

/* Over all schedules. */
static unsigned happened, not_happened;

static void prepare_with(size_t capacity)
{
        queue = interleave_memory(0);
        EXPECT_EQ(cede_queue_init(queue, sizeof(long), capacity, CEDE_FIFO), 0);
        put_result[0] = put_result[1] = get_result[0] = get_result[1] = 1;
        item[0] = item[1] = 0;
        opened = cancelled = 0;
}

static void prepare_rendezvous(void)
{
        prepare_with(0);
}

static void prepare_one_place(void)
{
        prepare_with(1);
}

/* Full. */
static void prepare_full(void)
{
        long first = 10;

        prepare_with(1);
        EXPECT_EQ(cede_queue_try_put(queue, &first), 0);
}

static void put_1(void)
{
        put_result[0] = cede_queue_put(queue, &(long){ 1 });
}

static void put_2(void)
{
        put_result[1] = cede_queue_put(queue, &(long){ 2 });
}

static void get_1(void)
{
        get_result[0] = cede_queue_get(queue, &item[0]);
}

static void get_2(void)
{
        get_result[1] = cede_queue_get(queue, &item[1]);
}

static void in_scope(void (*fn)(void))
{
        cede_scope_open(&scope);
        __atomic_store_n(&opened, 1, __ATOMIC_RELEASE);
        interleave_step("enter");
        fn();
        interleave_until(&cancelled);
        cede_scope_close(&scope, 0);
}

static void get_in_scope(void)
{
        in_scope(get_1);
}

static void put_in_scope(void)
{
        in_scope(put_1);
}

static void cancel_it(void)
{
        interleave_until(&opened);
        cede_scope_cancel(&scope);
        __atomic_store_n(&cancelled, 1, __ATOMIC_RELEASE);
}

static void nothing_is_left(size_t size)
{
        EXPECT_EQ(cede_queue_size(queue), size);
        EXPECT_EQ(cede_queue_getters(queue), 0);
        EXPECT_EQ(cede_queue_putters(queue), 0);
        cede_queue_finish(queue);
}

/* Put meets get. */

static void one_item_passed(void)
{
        EXPECT_EQ(put_result[0], 0);
        EXPECT_EQ(get_result[0], 0);
        EXPECT_EQ(item[0], 1);
        nothing_is_left(0);
}

static void meet(void (*prepare)(void))
{
        struct interleaved r = interleave(&(struct interleaving){ .prepare = prepare,
                                                                  .threads = { get_1, put_1 },
                                                                  .check = one_item_passed,
                                                                  .preemptions = 4,
                                                                  .early = 1 });

        EXPECT(r.schedules > 1);
}

TEST(put_meets_get_at_a_rendezvous)
{
        meet(prepare_rendezvous);
}

TEST(put_meets_get_with_one_place)
{
        meet(prepare_one_place);
}

static void two_items_passed(void)
{
        EXPECT_EQ(put_result[0] | put_result[1] | get_result[0] | get_result[1], 0);
        EXPECT_EQ(item[0] + item[1], 3);
        EXPECT(item[0] && item[1]);
        happened += item[0] == 1;
        not_happened += item[0] == 2;
        nothing_is_left(0);
}

TEST(two_put_and_two_get)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_one_place,
                                                   .threads = { get_1, put_1, get_2, put_2 },
                                                   .check = two_items_passed,
                                                   .preemptions = 1 });

        EXPECT(r.schedules > 1);
        EXPECT(happened > 0 && not_happened > 0);
}

/* A cancelled getter has its item, or it goes to the other one, or stays. */

static void delivered_or_still_there(void)
{
        EXPECT_EQ(put_result[0], 0);
        EXPECT(get_result[0] == 0 || get_result[0] == -ECANCELED);
        EXPECT_EQ(item[0], get_result[0] == 0);
        happened += get_result[0] == 0;
        not_happened += get_result[0] != 0;
        nothing_is_left(get_result[0] != 0);
}

TEST(item_or_cancel)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_one_place,
                                                   .threads = { get_in_scope, put_1, cancel_it },
                                                   .check = delivered_or_still_there,
                                                   .preemptions = 2 });

        EXPECT(r.schedules > 1);
        EXPECT(happened > 0 && not_happened > 0);
}

static void nobody_sleeps_beside_an_item(void)
{
        EXPECT_EQ(get_result[1], 0);
        EXPECT(get_result[0] == 0 || get_result[0] == -ECANCELED);
        EXPECT_EQ(put_result[0] | put_result[1], 0);
        happened += get_result[0] == 0;
        not_happened += get_result[0] != 0;
        nothing_is_left(get_result[0] != 0);
}

static void put_two(void)
{
        put_1();
        interleave_step("put");
        put_2();
}

static void prepare_two_places(void)
{
        prepare_with(2);
}

TEST(one_of_two_getters_is_cancelled)
{
        struct interleaved r = interleave(
                &(struct interleaving){ .prepare = prepare_two_places,
                                        .threads = { get_in_scope, get_2, put_two, cancel_it },
                                        .check = nobody_sleeps_beside_an_item,
                                        .preemptions = 1 });

        EXPECT(r.schedules > 1);
        EXPECT(happened > 0 && not_happened > 0);
}

/* A cancelled putter's item is in, or it is not and the other one's is. */

static void put_or_not(void)
{
        bool put = put_result[0] == 0;

        EXPECT(put || put_result[0] == -ECANCELED);
        EXPECT_EQ(get_result[0], 0);
        EXPECT_EQ(item[0], 10);
        happened += put;
        not_happened += !put;
        nothing_is_left(put);
}

TEST(room_or_cancel)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_full,
                                                   .threads = { put_in_scope, get_1, cancel_it },
                                                   .check = put_or_not,
                                                   .preemptions = 2 });

        EXPECT(r.schedules > 1);
        EXPECT(happened > 0 && not_happened > 0);
}

/* Closing. */

static void close_it(void)
{
        interleave_step("close");
        cede_queue_close(queue);
}

static void passed_or_closed(void)
{
        EXPECT(put_result[0] == 0 || put_result[0] == -EPIPE);
        EXPECT_EQ(get_result[0], put_result[0]);
        EXPECT_EQ(item[0], get_result[0] == 0);
        happened += get_result[0] == 0;
        not_happened += get_result[0] != 0;
        nothing_is_left(0);
}

TEST(close_meets_put_and_get)
{
        void (*const prepares[])(void) = { prepare_rendezvous, prepare_one_place };

        for (int i = 0; i < 2; i++) {
                struct interleaved r =
                        interleave(&(struct interleaving){ .prepare = prepares[i],
                                                           .threads = { get_1, put_1, close_it },
                                                           .check = passed_or_closed,
                                                           .preemptions = 2 });

                EXPECT(r.schedules > 1);
                EXPECT(happened > 0 && not_happened > 0);
                happened = not_happened = 0;
        }
}

/* Joining. */

static void join_it(void)
{
        get_result[0] = cede_queue_join(queue);
}

static void done(void)
{
        interleave_step("done");
        put_result[0] = cede_queue_task_done(queue);
}

static void take_and_be_done(void)
{
        get_2();
        interleave_step("done");
        put_result[0] = cede_queue_task_done(queue);
}

static void joined(void)
{
        EXPECT_EQ(get_result[0] | get_result[1] | put_result[0], 0);
        EXPECT_EQ(item[1], 10);
        EXPECT_EQ(cede_queue_task_done(queue), -EOVERFLOW);
        nothing_is_left(0);
}

TEST(join_meets_task_done)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_full,
                                                   .threads = { join_it, take_and_be_done },
                                                   .check = joined,
                                                   .preemptions = 4 });

        EXPECT(r.schedules > 1);
}

static void prepare_one_taken(void)
{
        prepare_full();
        EXPECT_EQ(cede_queue_try_get(queue, &item[1]), 0);
        get_result[1] = 0;
}

/* The joiner frees the queue as soon as it may. */
static void join_and_free(void)
{
        join_it();
        cede_queue_finish(queue);
        interleave_gone(queue);
}

static void all_is_over(void)
{
        EXPECT_EQ(get_result[0] | put_result[0], 0);
}

TEST(freed_by_the_joiner)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_one_taken,
                                                   .threads = { join_and_free, done },
                                                   .check = all_is_over,
                                                   .preemptions = 4 });

        EXPECT(r.schedules > 1);
}

/* So does who got the last item. */
static void get_and_free(void)
{
        get_1();
        cede_queue_finish(queue);
        interleave_gone(queue);
}

static void the_last_item_passed(void)
{
        EXPECT_EQ(put_result[0] | get_result[0], 0);
        EXPECT_EQ(item[0], 1);
}

TEST(freed_by_who_got_the_last_item)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_rendezvous,
                                                   .threads = { get_and_free, put_1 },
                                                   .check = the_last_item_passed,
                                                   .preemptions = 4 });

        EXPECT(r.schedules > 1);
}

/* Two that wait for either of two rendezvous: they meet once, wherever. */

static struct cede_queue *other;

static void prepare_two_queues(void)
{
        prepare_with(0);
        other = interleave_memory(1);
        EXPECT_EQ(cede_queue_init(other, sizeof(long), 0, CEDE_FIFO), 0);
}

static void put_into_either(void)
{
        long one = 1;
        struct cede_case cases[] = { cede_queue_put_case(queue, &one, 0),
                                     cede_queue_put_case(other, &one, 0) };
        int r = cede_wait_any(cases, 2);

        EXPECT(r >= 0);
        put_result[0] = cases[r].result;
        put_result[1] = r;
}

static void get_from_either(void)
{
        struct cede_case cases[] = { cede_queue_get_case(other, &item[0]),
                                     cede_queue_get_case(queue, &item[0]) };
        int r = cede_wait_any(cases, 2);

        EXPECT(r >= 0);
        get_result[0] = cases[r].result;
        get_result[1] = 1 - r;
}

static void met_once(void)
{
        EXPECT_EQ(put_result[0] | get_result[0], 0);
        EXPECT_EQ(put_result[1], get_result[1]);
        EXPECT_EQ(item[0], 1);
        happened += put_result[1] == 0;
        not_happened += put_result[1] == 1;
        EXPECT_EQ(cede_queue_getters(other) + cede_queue_putters(other), 0);
        cede_queue_finish(other);
        nothing_is_left(0);
}

TEST(two_that_wait_for_either_of_two)
{
        struct interleaved r =
                interleave(&(struct interleaving){ .prepare = prepare_two_queues,
                                                   .threads = { put_into_either, get_from_either },
                                                   .check = met_once,
                                                   .preemptions = 3 });

        EXPECT(r.schedules > 1);
        EXPECT(happened > 0 && not_happened > 0);
}
