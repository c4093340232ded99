// SPDX-License-Identifier: MIT

//! tokio's runtime for several threads: spawn and join, and the tree of ../../work.h.

use crate::{per, result, tasks};
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

const LEAVES: u64 = 1024;
const STEPS: usize = 1000;

fn on_threads(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).enable_time().build().unwrap()
}

pub fn spawn(n: usize, threads: usize) {
    tasks::spawns(on_threads(threads), n, || async {});
}

fn leaf(mut node: u64) -> u64 {
    for _ in 0..STEPS {
        node = (node ^ node >> 29).wrapping_mul(6364136223846793005);
    }
    node
}

fn visit(node: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if node >= LEAVES {
            return leaf(node);
        }
        let children = [tokio::spawn(visit(2 * node)), tokio::spawn(visit(2 * node + 1))];
        let mut sum = 0u64;
        for child in children {
            sum = sum.wrapping_add(child.await.unwrap());
        }
        sum
    })
}

pub fn tree(n: usize, threads: usize) {
    let runtime = on_threads(threads);
    let alone = (LEAVES..2 * LEAVES).map(leaf).fold(0, u64::wrapping_add);
    assert_eq!(runtime.block_on(runtime.spawn(visit(1))).unwrap(), alone);
    let start = Instant::now();
    for _ in 0..n as u64 / LEAVES {
        runtime.block_on(runtime.spawn(visit(1))).unwrap();
    }
    result(per(start.elapsed(), n));
}
