// SPDX-License-Identifier: MIT

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/** java.util.concurrent, between threads: `java Bench ROW N [THREADS]` prints numbers. */
public class Bench {
    /** Operations before the clock starts: the compiler takes that many to do its best. */
    static final int WARM_UP = 2000000;

    interface Operations {
        void run(int n) throws Exception;
    }

    static void timed(int warmUp, int n, Operations operations) throws Exception {
        operations.run(warmUp);
        operations.run(warmUp / 10);
        long start = System.nanoTime();
        operations.run(n);
        System.out.printf("%.3f%n", (double) (System.nanoTime() - start) / n);
    }

    static void mutex(int n) throws Exception {
        ReentrantLock mutex = new ReentrantLock();
        timed(WARM_UP, n, count -> {
            for (int i = 0; i < count; i++) {
                mutex.lock();
                mutex.unlock();
            }
        });
    }

    static void readOrWrite(int n, Lock lock) throws Exception {
        timed(WARM_UP, n, count -> {
            for (int i = 0; i < count; i++) {
                lock.lock();
                lock.unlock();
            }
        });
    }

    static void semaphore(int n) throws Exception {
        Semaphore semaphore = new Semaphore(1);
        timed(WARM_UP, n, count -> {
            for (int i = 0; i < count; i++) {
                semaphore.acquire();
                semaphore.release();
            }
        });
    }

    static long counter;
    /** 0: warm-up, 1: it counts, 2: the end. */
    static volatile int stage;

    static long increments(ReentrantLock mutex, int during, long most) {
        long calls = 0;
        for (; calls < most && stage == during; calls++) {
            mutex.lock();
            counter++;
            mutex.unlock();
        }
        return calls;
    }

    static void contended(int ms, int threads) throws Exception {
        ReentrantLock mutex = new ReentrantLock();
        CyclicBarrier barrier = new CyclicBarrier(threads + 1);
        Thread[] all = new Thread[threads];
        long[] begun = new long[threads], ended = new long[threads], calls = new long[threads];
        increments(mutex, 0, WARM_UP);
        increments(mutex, 0, WARM_UP);
        for (int i = 0; i < threads; i++) {
            int me = i;
            all[i] = new Thread(() -> {
                try {
                    barrier.await();
                } catch (Exception e) {
                    throw new RuntimeException(e);
                }
                increments(mutex, 0, Long.MAX_VALUE);
                begun[me] = System.nanoTime();
                calls[me] = increments(mutex, 1, Long.MAX_VALUE);
                ended[me] = System.nanoTime();
            });
            all[i].start();
        }
        barrier.await();
        Thread.sleep(ms / 5);
        stage = 1;
        Thread.sleep(ms);
        stage = 2;
        for (Thread thread : all) {
            thread.join();
        }
        long first = Arrays.stream(begun).min().getAsLong();
        long last = Arrays.stream(ended).max().getAsLong();
        System.out.printf("%.3f %.3f%n", (double) (last - first) / Arrays.stream(calls).sum(),
            (double) Arrays.stream(calls).max().getAsLong()
                / Arrays.stream(calls).min().getAsLong());
    }

    static int turns;

    static void play(ReentrantLock mutex, Condition changed, int me, int goal) {
        mutex.lock();
        while (turns < goal) {
            while (turns < goal && turns % 2 != me) {
                changed.awaitUninterruptibly();
            }
            turns++;
            changed.signal();
        }
        mutex.unlock();
    }

    static void condition(int n) throws Exception {
        ReentrantLock mutex = new ReentrantLock();
        Condition changed = mutex.newCondition();
        timed(1000, n, count -> {
            turns = 0;
            Thread other = new Thread(() -> play(mutex, changed, 1, count));
            other.start();
            play(mutex, changed, 0, count);
            other.join();
        });
    }

    static void offload(int n) throws Exception {
        ExecutorService executor = Executors.newFixedThreadPool(4);
        Runnable nothing = () -> { };
        timed(5000, n, count -> {
            for (int i = 0; i < count; i++) {
                executor.submit(nothing).get();
            }
        });
        executor.shutdown();
    }

    interface Pass {
        void one() throws InterruptedException;
    }

    static Thread repeat(int count, Pass pass) {
        Thread thread = new Thread(() -> {
            try {
                for (int i = 0; i < count; i++) {
                    pass.one();
                }
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        thread.start();
        return thread;
    }

    /** So many threads put, and so many take, n items. */
    static void queue(int n, int pairs) throws Exception {
        ArrayBlockingQueue<Integer> queue = new ArrayBlockingQueue<>(1024);
        timed(100000, n, count -> {
            List<Thread> all = new ArrayList<>();
            for (int i = 0; i < pairs; i++) {
                all.add(repeat(count / pairs, () -> queue.put(1)));
                all.add(repeat(count / pairs, queue::take));
            }
            for (Thread thread : all) {
                thread.join();
            }
        });
    }

    public static void main(String[] words) throws Exception {
        if (words.length < 2) {
            System.err.println("usage: Bench ROW N [THREADS]");
            System.exit(2);
        }
        int n = Integer.parseInt(words[1]);
        switch (words[0]) {
            case "mutex": mutex(n); break;
            case "semaphore": semaphore(n); break;
            case "read": readOrWrite(n, new ReentrantReadWriteLock().readLock()); break;
            case "write": readOrWrite(n, new ReentrantReadWriteLock().writeLock()); break;
            case "contended": contended(n, Integer.parseInt(words[2])); break;
            case "condition": condition(n); break;
            case "offload": offload(n); break;
            case "queue": queue(n, Integer.parseInt(words[2])); break;
            default:
                System.err.println("Bench: no such row");
                System.exit(2);
        }
    }
}
