// SPDX-License-Identifier: MIT

//! Locks of threads, without contention and with, and conditions.

use crate::{per, result, results, timed};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

pub fn mutex_std(n: usize) {
    static MUTEX: std::sync::Mutex<()> = std::sync::Mutex::new(());
    timed(n, |n| {
        for _ in 0..n {
            drop(MUTEX.lock().unwrap());
        }
    });
}

pub fn mutex_parking_lot(n: usize) {
    static MUTEX: parking_lot::Mutex<()> = parking_lot::const_mutex(());
    timed(n, |n| {
        for _ in 0..n {
            drop(MUTEX.lock());
        }
    });
}

pub fn read_std(n: usize) {
    static LOCK: std::sync::RwLock<()> = std::sync::RwLock::new(());
    timed(n, |n| {
        for _ in 0..n {
            drop(LOCK.read().unwrap());
        }
    });
}

pub fn write_std(n: usize) {
    static LOCK: std::sync::RwLock<()> = std::sync::RwLock::new(());
    timed(n, |n| {
        for _ in 0..n {
            drop(LOCK.write().unwrap());
        }
    });
}

pub fn read_parking_lot(n: usize) {
    static LOCK: parking_lot::RwLock<()> = parking_lot::const_rwlock(());
    timed(n, |n| {
        for _ in 0..n {
            drop(LOCK.read());
        }
    });
}

pub fn write_parking_lot(n: usize) {
    static LOCK: parking_lot::RwLock<()> = parking_lot::const_rwlock(());
    timed(n, |n| {
        for _ in 0..n {
            drop(LOCK.write());
        }
    });
}

/// `increment` on so many threads, first until all of them have begun, then for `ms` milliseconds:
/// what one call took, all threads taken together, and the share of the luckiest.
fn contended(ms: usize, threads: usize, increment: impl Fn() + Send + Sync + Clone + 'static) {
    let barrier = Arc::new(Barrier::new(threads + 1));
    let stage = Arc::new(AtomicUsize::new(0));
    let all: Vec<_> = (0..threads)
        .map(|_| {
            let (barrier, stage, increment) = (barrier.clone(), stage.clone(), increment.clone());
            thread::spawn(move || {
                barrier.wait();
                let calls = |during| {
                    let mut calls = 0usize;
                    while stage.load(Ordering::Relaxed) == during {
                        increment();
                        calls += 1;
                    }
                    calls
                };
                calls(0);
                let begun = Instant::now();
                let counted = calls(1);
                (begun, Instant::now(), counted)
            })
        })
        .collect();
    barrier.wait();
    thread::sleep(Duration::from_millis(ms as u64 / 5));
    stage.store(1, Ordering::Relaxed);
    thread::sleep(Duration::from_millis(ms as u64));
    stage.store(2, Ordering::Relaxed);
    let all: Vec<_> = all.into_iter().map(|thread| thread.join().unwrap()).collect();
    let begun = all.iter().map(|t| t.0).min().unwrap();
    let ended = all.iter().map(|t| t.1).max().unwrap();
    let calls = all.iter().map(|t| t.2);
    let share = calls.clone().max().unwrap() as f64 / calls.clone().min().unwrap() as f64;
    results(per(ended - begun, calls.sum()), share);
}

pub fn contended_std(ms: usize, threads: usize) {
    let counter = Arc::new(std::sync::Mutex::new(0));
    contended(ms, threads, move || *counter.lock().unwrap() += 1);
}

pub fn contended_parking_lot(ms: usize, threads: usize) {
    let counter = Arc::new(parking_lot::Mutex::new(0));
    contended(ms, threads, move || *counter.lock() += 1);
}

const WARM_UP: usize = 100;

/// Two threads pass a turn back and forth; `play` is called with 0 in one and 1 in the other.
fn ping_pong(n: usize, play: impl Fn(usize) -> Option<Instant> + Send + Sync + 'static) {
    let play = Arc::new(play);
    let other = play.clone();
    let thread = thread::spawn(move || other(1));
    let mine = play(0);
    let start = mine.or(thread.join().unwrap()).unwrap();
    result(per(start.elapsed(), n));
}

pub fn condition_std(n: usize) {
    let turns = std::sync::Mutex::new(0);
    let changed = std::sync::Condvar::new();
    let goal = n + WARM_UP;
    ping_pong(n, move |me| {
        let mut start = None;
        let mut turn = turns.lock().unwrap();
        while *turn < goal {
            while *turn < goal && *turn % 2 != me {
                turn = changed.wait(turn).unwrap();
            }
            *turn += 1;
            if *turn == WARM_UP {
                start = Some(Instant::now());
            }
            changed.notify_one();
        }
        start
    });
}

pub fn condition_parking_lot(n: usize) {
    let turns = parking_lot::Mutex::new(0);
    let changed = parking_lot::Condvar::new();
    let goal = n + WARM_UP;
    ping_pong(n, move |me| {
        let mut start = None;
        let mut turn = turns.lock();
        while *turn < goal {
            while *turn < goal && *turn % 2 != me {
                changed.wait(&mut turn);
            }
            *turn += 1;
            if *turn == WARM_UP {
                start = Some(Instant::now());
            }
            changed.notify_one();
        }
        start
    });
}
