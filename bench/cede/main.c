/* SPDX-License-Identifier: MIT */
/* The bench of this library. */
#include "rows.h"

int main(int argc, char **argv)
{
        static const struct bench_row rows[] = {
                { "switch", row_switch },
                { "spawn", row_spawn },
                { "spawn_yield", row_spawn_yield },
                { "scale_spawn", row_scale_spawn },
                { "scale_tree", row_scale_tree },
                { "mutex", row_mutex },
                { "semaphore", row_semaphore },
                { "read", row_read },
                { "write", row_write },
                { "handoff", row_handoff },
                { "contended", row_contended },
                { "contended_adaptive", row_contended_adaptive },
                { "event", row_event },
                { "condition", row_condition },
                { "future", row_future },
                { "future_embedded", row_future_embedded },
                { "offload", row_offload },
                { "queue", row_queue },
                { "queue_threads", row_queue_threads },
                { "sleepers", row_sleepers },
                { "timers", row_timers },
                { "blocked", row_blocked },
                { "waiting", row_waiting },
                { NULL, NULL },
        };

        return bench_main(argc, argv, rows);
}
