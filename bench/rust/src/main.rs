// SPDX-License-Identifier: MIT

//! tokio's tasks, and the locks of the standard library and of parking_lot:
//! `bench ROW N [TASKS]` prints one line of numbers.

mod locks;
mod million;
mod queues;
mod scale;
mod tasks;

use std::fs;
use std::time::{Duration, Instant};

pub const WARM_UP: usize = 10000;

pub fn per(total: Duration, n: usize) -> f64 {
    total.as_nanos() as f64 / n as f64
}

pub fn result(number: f64) {
    println!("{:.3}", number);
}

pub fn results(first: f64, second: f64) {
    println!("{:.3} {:.3}", first, second);
}

pub fn timed(n: usize, mut operations: impl FnMut(usize)) {
    operations(WARM_UP);
    let start = Instant::now();
    operations(n);
    result(per(start.elapsed(), n));
}

pub fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("/proc/self/statm");
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let number = |i: usize| words.get(i).and_then(|w| w.parse().ok()).unwrap_or(0);
    let (n, many): (usize, usize) = (number(2), number(3));

    match words.get(1).map(String::as_str) {
        Some("mutex_std") => locks::mutex_std(n),
        Some("mutex_parking_lot") => locks::mutex_parking_lot(n),
        Some("read_std") => locks::read_std(n),
        Some("write_std") => locks::write_std(n),
        Some("read_parking_lot") => locks::read_parking_lot(n),
        Some("write_parking_lot") => locks::write_parking_lot(n),
        Some("contended_std") => locks::contended_std(n, many),
        Some("contended_parking_lot") => locks::contended_parking_lot(n, many),
        Some("condition_std") => locks::condition_std(n),
        Some("condition_parking_lot") => locks::condition_parking_lot(n),
        Some("switch") => tasks::switch(n, many),
        Some("spawn") => tasks::spawn(n),
        Some("spawn_yield") => tasks::spawn_yield(n),
        Some("scale_spawn") => scale::spawn(n, many),
        Some("scale_tree") => scale::tree(n, many),
        Some("mutex") => tasks::mutex(n),
        Some("semaphore") => tasks::semaphore(n),
        Some("handoff") => tasks::handoff(n, many),
        Some("event") => tasks::event(n, many),
        Some("future") => tasks::future(n),
        Some("offload") => tasks::offload(n),
        Some("queue") => queues::tokio_one_to_one(n),
        Some("queue_std") => queues::threads_std(n, many),
        Some("queue_crossbeam") => queues::threads_crossbeam(n, many),
        Some("sleepers") => million::sleepers(n, many),
        Some("blocked") => million::blocked(n),
        _ => {
            eprintln!("usage: bench ROW N [TASKS]");
            std::process::exit(2);
        }
    }
}
