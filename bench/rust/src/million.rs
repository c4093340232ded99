// SPDX-License-Identifier: MIT

//! Very many of tokio's tasks: asleep, and blocked on a semaphore.

use crate::tasks::one_thread;
use crate::{per, resident, result, results};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::yield_now;

/// What the process has consumed, by /proc: in hundredths of a second, which is 10 ns for each of a
/// million.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc/self/stat");
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

pub fn sleepers(n: usize, seconds: usize) {
    let before = cpu();
    let early = one_thread().block_on(async {
        let base = Instant::now() + Duration::from_secs(seconds as u64);
        let begun = Arc::new(AtomicUsize::new(0));
        let early = Arc::new(AtomicUsize::new(0));
        let all: Vec<_> = (0..n)
            .map(|i| {
                let (begun, early) = (begun.clone(), early.clone());
                let spread = (i as u64).wrapping_mul(2654435761) % 1_000_000_000;
                tokio::spawn(async move {
                    begun.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep_until((base + Duration::from_nanos(spread)).into()).await;
                    if begun.load(Ordering::Relaxed) < n {
                        early.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for task in all {
            task.await.unwrap();
        }
        early.load(Ordering::Relaxed)
    });
    if early > 0 {
        eprintln!("bench: they did not all sleep at the same time");
        std::process::exit(3);
    }
    result(per(cpu() - before, n));
}

pub fn blocked(n: usize) {
    one_thread().block_on(async {
        let memory = resident();
        let start = Instant::now();
        let semaphore = Arc::new(Semaphore::new(0));
        let waiting = Arc::new(AtomicUsize::new(0));
        for _ in 0..n {
            let (semaphore, waiting) = (semaphore.clone(), waiting.clone());
            tokio::spawn(async move {
                waiting.fetch_add(1, Ordering::Relaxed);
                drop(semaphore.acquire().await.unwrap());
            });
        }
        while waiting.load(Ordering::Relaxed) < n {
            yield_now().await;
        }
        let took = start.elapsed();
        results((resident() - memory) as f64 / n as f64, per(took, n));
        semaphore.add_permits(n);
    });
}
