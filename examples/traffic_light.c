/* SPDX-License-Identifier: MIT */
/*
 * Two roads cross.  Cars in the directions 1 and 2 are on road A, those in 3 and 4 on road B, and
 * the light is green on one road at a time: on A, to begin with.
 *
 * A car locks the crossing, turns the light to its road if it is red there, and passes.  The mutex
 * is FIFO, so that the cars pass in the order in which they come.
 */
#include "example.h"

#include <cede.h>

enum { CARS_MAX = 1000 };

static long numbers[CARS_MAX] = { 1, 3, 5, 4, 2 };
static long directions[CARS_MAX] = { 2, 1, 2, 4, 3 };
static int64_t arrivals[CARS_MAX] = { CEDE_SEC(10), CEDE_SEC(20), CEDE_SEC(30), CEDE_SEC(40),
                                      CEDE_SEC(50) };
static int cars = 5, cars_directed = 5, cars_timed = 5;
static int64_t passing = CEDE_SEC(1);

static struct cede_mutex crossing;
static char green = 'A'; /* under the mutex */

static int pass(long car, long direction)
{
        char road = direction <= 2 ? 'A' : 'B';
        int r;

        if (green != road) {
                green = road;
                say("Traffic Light On Road %c Is Green", road);
        }
        r = cede_sleep(passing);
        if (r < 0)
                return r;
        say("Car %ld Has Passed Road %c In Direction %ld", car, road, direction);
        return 0;
}

static int drive(void *arg)
{
        long i = (long)(intptr_t)arg;
        int r = cede_sleep(arrivals[i]);

        if (r >= 0)
                r = cede_mutex_lock(&crossing);
        if (r < 0)
                return r;
        r = pass(numbers[i], directions[i]);
        cede_mutex_unlock(&crossing);
        return r;
}

static int traffic_light(void *arg)
{
        int r = 0;

        (void)arg;
        if (cars != cars_directed || cars != cars_timed)
                example_usage("%d cars, %d directions and %d arrivals: as many of each, please",
                              cars, cars_directed, cars_timed);
        CEDE_SCOPE(all, &r) {
                for (long i = 0; i < cars && r >= 0; i++)
                        r = cede_spawn(&all, drive, (void *)(intptr_t)i);
        }
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "cars", "N,...", "their numbers (1,3,5,4,2)", .number = numbers,
                  .max = 1000000000, .most = CARS_MAX, .given = &cars },
                { "directions", "D,...", "of each car, from 1 to 4 (2,1,2,4,3)",
                  .number = directions, .min = 1, .max = 4, .most = CARS_MAX,
                  .given = &cars_directed },
                { "arrivals", "S,...", "when each car comes (10,20,30,40,50)", .duration = arrivals,
                  .max = 1000000, .most = CARS_MAX, .given = &cars_timed },
                { "seconds", "S", "how long a car takes to pass (1)", .duration = &passing,
                  .max = 10000 },
                { 0 },
        };

        return example_main(argc, argv, "Cars pass a crossing with a traffic light.", options,
                            traffic_light);
}
