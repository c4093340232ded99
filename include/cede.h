/* SPDX-License-Identifier: MIT */
/*
 * cede: tasks, scopes and objects to wait on, for C programs that do many things at once.
 *
 *      #include <cede.h>
 *      #include <stdio.h>
 *
 *      static int hello(void *name)
 *      {
 *              int r = cede_sleep(CEDE_SEC(1));
 *              if (r < 0)
 *                      return r;
 *              printf("hello, %s\n", (char *)name);
 *              return 0;
 *      }
 *
 *      static int greet(void *arg)
 *      {
 *              int r = 0;
 *              (void)arg;
 *              CEDE_SCOPE(both, &r) {
 *                      r = cede_spawn(&both, hello, "Ada");
 *                      if (r >= 0)
 *                              r = cede_spawn(&both, hello, "Grace");
 *              }
 *              return r;
 *      }
 *
 *      int main(void)
 *      {
 *              return cede_exit_status(cede_run(greet, NULL));
 *      }
 *
 * Each header is the reference of its part.
 */
#ifndef CEDE_H
#define CEDE_H

#include <cede/any.h>
#include <cede/barrier.h>
#include <cede/base.h>
#include <cede/callback.h>
#include <cede/condition.h>
#include <cede/embed.h>
#include <cede/event.h>
#include <cede/future.h>
#include <cede/gather.h>
#include <cede/latch.h>
#include <cede/limit.h>
#include <cede/limiter.h>
#include <cede/local.h>
#include <cede/lock_order.h>
#include <cede/mutex.h>
#include <cede/offload.h>
#include <cede/once.h>
#include <cede/order.h>
#include <cede/pool.h>
#include <cede/queue.h>
#include <cede/rate.h>
#include <cede/run.h>
#include <cede/run_future.h>
#include <cede/rwlock.h>
#include <cede/scope.h>
#include <cede/sem.h>
#include <cede/task.h>
#include <cede/thread.h>
#include <cede/time.h>
#include <cede/watch.h>

#endif
