// SPDX-License-Identifier: MIT

//! Items through a queue of bounded capacity: between tasks of one thread, or between threads.

use crate::tasks::one_thread;
use crate::{per, result, WARM_UP};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{mpsc, Arc, Mutex};
use std::thread;
use std::time::Instant;
use tokio::task::{spawn_local, LocalSet};

const CAPACITY: usize = 1024;

/// tokio's channel has one receiver, so there is one task at each end.
pub fn tokio_one_to_one(n: usize) {
    let tasks = LocalSet::new();
    tasks.block_on(&one_thread(), async {
        let (sender, receiver) = tokio::sync::mpsc::channel::<usize>(CAPACITY);
        let receiver = Rc::new(RefCell::new(receiver));
        let mut start = Instant::now();
        for items in [WARM_UP, n] {
            let (sender, receiver) = (sender.clone(), receiver.clone());
            start = Instant::now();
            let sends = spawn_local(async move {
                for i in 0..items {
                    sender.send(i).await.unwrap();
                }
            });
            let receives = spawn_local(async move {
                let mut receiver = receiver.borrow_mut();
                for _ in 0..items {
                    receiver.recv().await.unwrap();
                }
            });
            sends.await.unwrap();
            receives.await.unwrap();
        }
        result(per(start.elapsed(), n));
    });
}

/// `send` and `receive`, each called so many times by so many threads.
fn pass(
    n: usize,
    pairs: usize,
    send: impl Fn(usize) + Send + Clone + 'static,
    receive: impl Fn() + Send + Clone + 'static,
) {
    let mut start = Instant::now();
    for items in [WARM_UP, n] {
        let each = items / pairs;
        start = Instant::now();
        let mut all = Vec::new();
        for _ in 0..pairs {
            let (send, receive) = (send.clone(), receive.clone());
            all.push(thread::spawn(move || (0..each).for_each(&send)));
            all.push(thread::spawn(move || (0..each).for_each(|_| receive())));
        }
        for thread in all {
            thread.join().unwrap();
        }
    }
    result(per(start.elapsed(), n));
}

/// The standard library's has one receiver: several share it under a mutex.
pub fn threads_std(n: usize, pairs: usize) {
    let (sender, receiver) = mpsc::sync_channel::<usize>(CAPACITY);
    let receiver = Arc::new(Mutex::new(receiver));
    pass(
        n,
        pairs,
        move |i| sender.send(i).unwrap(),
        move || drop(receiver.lock().unwrap().recv().unwrap()),
    );
}

pub fn threads_crossbeam(n: usize, pairs: usize) {
    let (sender, receiver) = crossbeam_channel::bounded::<usize>(CAPACITY);
    pass(
        n,
        pairs,
        move |i| sender.send(i).unwrap(),
        move || drop(receiver.recv().unwrap()),
    );
}
