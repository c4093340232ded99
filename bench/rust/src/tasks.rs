// SPDX-License-Identifier: MIT

//! tokio's tasks, on one thread.

use crate::{per, result, results, timed, WARM_UP};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, Mutex, Notify, Semaphore};
use tokio::task::{spawn_blocking, spawn_local, yield_now, LocalSet};

const BATCH: usize = 10000;

pub fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

async fn run_all<F: Future<Output = ()> + Send + 'static>(many: usize, body: impl Fn() -> F) {
    let all: Vec<_> = (0..many).map(|_| tokio::spawn(body())).collect();
    for task in all {
        task.await.unwrap();
    }
}

async fn ring(many: usize, each: usize) {
    run_all(many, || async move {
        for _ in 0..each {
            yield_now().await;
        }
    })
    .await;
}

pub fn switch(n: usize, many: usize) {
    one_thread().block_on(async {
        ring(many, WARM_UP / many).await;
        let start = Instant::now();
        ring(many, n / many).await;
        result(per(start.elapsed(), n));
    });
}

pub fn spawns<F: Future<Output = ()> + Send + 'static>(runtime: Runtime, n: usize, body: fn() -> F) {
    runtime.block_on(async {
        run_all(BATCH, body).await;
        let start = Instant::now();
        for _ in 0..n / BATCH {
            run_all(BATCH, body).await;
        }
        result(per(start.elapsed(), n));
    });
}

pub fn spawn(n: usize) {
    spawns(one_thread(), n, || async {});
}

pub fn spawn_yield(n: usize) {
    spawns(one_thread(), n, yield_now);
}

pub fn mutex(n: usize) {
    let (runtime, mutex) = (one_thread(), Mutex::new(0));
    timed(n, |n| {
        runtime.block_on(async {
            for _ in 0..n {
                drop(mutex.lock().await);
            }
        });
    });
}

pub fn semaphore(n: usize) {
    let (runtime, semaphore) = (one_thread(), Semaphore::new(1));
    timed(n, |n| {
        runtime.block_on(async {
            for _ in 0..n {
                drop(semaphore.acquire().await.unwrap());
            }
        });
    });
}

pub fn handoff(n: usize, many: usize) {
    let counts = Rc::new(RefCell::new(vec![0usize; many]));
    let mutex = Rc::new(Mutex::new(()));
    let taken = Rc::new(Cell::new(0));
    let start = Rc::new(Cell::new(Instant::now()));
    let warm_up = 2 * many;
    let goal = n + warm_up;
    let local = LocalSet::new();
    local.block_on(&one_thread(), async {
        let all: Vec<_> = (0..many)
            .map(|me| {
                let (counts, mutex) = (counts.clone(), mutex.clone());
                let (taken, start) = (taken.clone(), start.clone());
                spawn_local(async move {
                    while taken.get() < goal {
                        let _guard = mutex.lock().await;
                        if taken.get() == warm_up {
                            start.set(Instant::now());
                        }
                        if taken.get() >= warm_up && taken.get() < goal {
                            counts.borrow_mut()[me] += 1;
                        }
                        taken.set(taken.get() + 1);
                        yield_now().await;
                    }
                })
            })
            .collect();
        for task in all {
            task.await.unwrap();
        }
    });
    let counts = counts.borrow();
    let share = *counts.iter().max().unwrap() as f64 / *counts.iter().min().unwrap() as f64;
    results(per(start.get().elapsed(), taken.get() - warm_up), share);
}

/// A oneshot channel each time: one task awaits it, the other one sends.
pub fn future(n: usize) {
    let current = Rc::new(RefCell::new(None::<oneshot::Sender<()>>));
    let left = Rc::new(Cell::new(n + WARM_UP));
    let local = LocalSet::new();
    let total = local.block_on(&one_thread(), async {
        let (slot, count) = (current.clone(), left.clone());
        let awaits = spawn_local(async move {
            let mut start = Instant::now();
            while count.get() > 0 {
                if count.get() == n {
                    start = Instant::now();
                }
                let (sender, receiver) = oneshot::channel();
                *slot.borrow_mut() = Some(sender);
                receiver.await.unwrap();
                count.set(count.get() - 1);
            }
            start.elapsed()
        });
        let resolves = spawn_local(async move {
            while left.get() > 0 {
                if let Some(sender) = current.borrow_mut().take() {
                    sender.send(()).unwrap();
                }
                yield_now().await;
            }
        });
        resolves.await.unwrap();
        awaits.await.unwrap()
    });
    result(per(total, n));
}

/// From notifying all waiters until the last of them runs.
pub fn event(n: usize, many: usize) {
    let local = LocalSet::new();
    let total = local.block_on(&one_thread(), async {
        let mut total = Duration::new(0, 0);
        for batch in 0..n / many + 1 {
            let event = Rc::new(Notify::new());
            let waiting = Rc::new(Cell::new(0));
            let last = Rc::new(Cell::new(Instant::now()));
            let woken = Rc::new(Cell::new(0));
            let all: Vec<_> = (0..many)
                .map(|_| {
                    let (event, waiting) = (event.clone(), waiting.clone());
                    let (woken, last) = (woken.clone(), last.clone());
                    spawn_local(async move {
                        waiting.set(waiting.get() + 1);
                        event.notified().await;
                        woken.set(woken.get() + 1);
                        if woken.get() == many {
                            last.set(Instant::now());
                        }
                    })
                })
                .collect();
            while waiting.get() < many {
                yield_now().await;
            }
            let start = Instant::now();
            event.notify_waiters();
            for task in all {
                task.await.unwrap();
            }
            if batch > 0 {
                total += last.get() - start;
            }
        }
        total
    });
    result(per(total, n / many * many));
}

pub fn offload(n: usize) {
    let runtime = one_thread();
    let round_trips = |n| {
        runtime.block_on(async {
            for _ in 0..n {
                spawn_blocking(|| ()).await.unwrap();
            }
        })
    };
    round_trips(1000);
    let start = Instant::now();
    round_trips(n);
    result(per(start.elapsed(), n));
}
