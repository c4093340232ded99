// SPDX-License-Identifier: MIT

// Goroutines: `bench ROW N [TASKS]` prints one line of numbers. How many run at a time, GOMAXPROCS
// says.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	warmUp = 10000
	batch  = 10000
)

func result(numbers ...float64) {
	for i, number := range numbers {
		if i > 0 {
			fmt.Print(" ")
		}
		fmt.Printf("%.3f", number)
	}
	fmt.Println()
}

func per(total time.Duration, n int) float64 {
	return float64(total.Nanoseconds()) / float64(n)
}

func check(sound bool, what string) {
	if !sound {
		fmt.Fprintln(os.Stderr, "bench:", what)
		os.Exit(1)
	}
}

// What all threads of the process have consumed.
func cpu() time.Duration {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func resident() int {
	var size, pages int
	file, err := os.Open("/proc/self/statm")
	check(err == nil, "cannot read /proc/self/statm")
	fmt.Fscan(file, &size, &pages)
	file.Close()
	return pages * os.Getpagesize()
}

func spread(i int) time.Duration {
	return time.Duration(uint64(i) * 2654435761 % 1000000000)
}

func runAll(many int, body func(i int)) {
	var all sync.WaitGroup
	all.Add(many)
	for i := 0; i < many; i++ {
		go func(i int) {
			body(i)
			all.Done()
		}(i)
	}
	all.Wait()
}

func ring(many, each int) {
	runAll(many, func(int) {
		for left := each; left > 0; left-- {
			runtime.Gosched()
		}
	})
}

func rowSwitch(n, many int) {
	ring(many, warmUp/many)
	start := time.Now()
	ring(many, n/many)
	result(per(time.Since(start), n))
}

func spawns(n int, body func(i int)) {
	runAll(batch, body)
	start := time.Now()
	for i := 0; i < n; i += batch {
		runAll(batch, body)
	}
	result(per(time.Since(start), n))
}

func rowSpawn(n, _ int) {
	spawns(n, func(int) {})
}

func rowSpawnYield(n, _ int) {
	spawns(n, func(int) { runtime.Gosched() })
}

func rowMutex(n, _ int) {
	var mutex sync.Mutex
	pairs := func(n int) {
		for i := 0; i < n; i++ {
			mutex.Lock()
			mutex.Unlock()
		}
	}
	pairs(warmUp)
	start := time.Now()
	pairs(n)
	result(per(time.Since(start), n))
}

func rowSemaphore(n, _ int) {
	ctx := context.Background()
	sem := semaphore.NewWeighted(1)
	pairs := func(n int) {
		for i := 0; i < n; i++ {
			sem.Acquire(ctx, 1)
			sem.Release(1)
		}
	}
	pairs(warmUp)
	start := time.Now()
	pairs(n)
	result(per(time.Since(start), n))
}

// The most that one of them got over the least.
func share(counts []int) float64 {
	least, most := counts[0], counts[0]
	for _, count := range counts {
		if count < least {
			least = count
		}
		if count > most {
			most = count
		}
	}
	return float64(most) / float64(least)
}

// Counts are protected by the lock; the goal is looked at without it, hence atomic.
func handoff(n, many int, lock, unlock func()) {
	var taken int64
	var start time.Time
	counts := make([]int, many)
	first := int64(2 * many)
	goal := int64(n) + first
	runAll(many, func(me int) {
		for atomic.LoadInt64(&taken) < goal {
			lock()
			if taken == first {
				start = time.Now()
			}
			if taken >= first && taken < goal {
				counts[me]++
			}
			atomic.AddInt64(&taken, 1)
			runtime.Gosched()
			unlock()
		}
	})
	result(per(time.Since(start), int(taken-first)), share(counts))
}

func rowHandoff(n, many int) {
	var mutex sync.Mutex
	handoff(n, many, mutex.Lock, mutex.Unlock)
}

// A channel with room for one is Go's lock that is handed over.
func rowHandoffChannel(n, many int) {
	channel := make(chan struct{}, 1)
	handoff(n, many, func() { channel <- struct{}{} }, func() { <-channel })
}

// Every goroutine has a thread of its own. What they do is counted once all of them have begun.
func rowContended(ms, many int) {
	var mutex sync.Mutex
	var ready, all sync.WaitGroup
	var stage int32
	gate := make(chan struct{})
	counts, begun, ended := make([]int, many), make([]time.Time, many), make([]time.Time, many)
	counter, sum := 0, 0
	ready.Add(many)
	all.Add(many)
	for i := 0; i < many; i++ {
		go func(me int) {
			runtime.LockOSThread()
			ready.Done()
			<-gate
			increments := func(during int32) (count int) {
				for ; atomic.LoadInt32(&stage) == during; count++ {
					mutex.Lock()
					counter++
					mutex.Unlock()
				}
				return
			}
			increments(0)
			begun[me] = time.Now()
			counts[me] = increments(1)
			ended[me] = time.Now()
			all.Done()
		}(i)
	}
	ready.Wait()
	close(gate)
	time.Sleep(time.Duration(ms) * time.Millisecond / 5)
	atomic.StoreInt32(&stage, 1)
	time.Sleep(time.Duration(ms) * time.Millisecond)
	atomic.StoreInt32(&stage, 2)
	all.Wait()
	first, last := begun[0], ended[0]
	for i := range counts {
		sum += counts[i]
		if begun[i].Before(first) {
			first = begun[i]
		}
		if ended[i].After(last) {
			last = ended[i]
		}
	}
	result(per(last.Sub(first), sum), share(counts))
}

// A future is a channel with room for one. The other one may be early: then it tries again.
func rowFuture(n, _ int) {
	var current atomic.Value
	var left int64 = int64(n + warmUp)
	var start time.Time
	current.Store(make(chan int, 1))
	runAll(2, func(me int) {
		if me == 0 {
			for ; left > 0; atomic.AddInt64(&left, -1) {
				if left == int64(n) {
					start = time.Now()
				}
				future := make(chan int, 1)
				current.Store(future)
				<-future
			}
		} else {
			for atomic.LoadInt64(&left) > 0 {
				select {
				case current.Load().(chan int) <- 1:
				default:
				}
				runtime.Gosched()
			}
		}
	})
	result(per(time.Since(start), n))
}

// An event is a channel that is closed.
func rowEvent(n, many int) {
	var total time.Duration
	for i := -many; i < n; i += many {
		var waiting, woken int64
		var last, start time.Time
		event := make(chan struct{})
		go func() {
			for atomic.LoadInt64(&waiting) < int64(many) {
				runtime.Gosched()
			}
			start = time.Now()
			close(event)
		}()
		runAll(many, func(int) {
			atomic.AddInt64(&waiting, 1)
			<-event
			if atomic.AddInt64(&woken, 1) == int64(many) {
				last = time.Now()
			}
		})
		if i >= 0 {
			total += last.Sub(start)
		}
	}
	result(per(total, n))
}

func rowCondition(n, _ int) {
	var mutex sync.Mutex
	var start time.Time
	changed := sync.NewCond(&mutex)
	turns, goal := 0, n+warmUp
	runAll(2, func(me int) {
		mutex.Lock()
		for turns < goal {
			for turns < goal && turns%2 != me {
				changed.Wait()
			}
			turns++
			if turns == warmUp {
				start = time.Now()
			}
			changed.Signal()
		}
		mutex.Unlock()
	})
	result(per(time.Since(start), n))
}

func rowSleepers(n, seconds int) {
	before := cpu()
	base := time.Now().Add(time.Duration(seconds) * time.Second)
	var begun, early int64
	runAll(n, func(i int) {
		atomic.AddInt64(&begun, 1)
		time.Sleep(time.Until(base.Add(spread(i))))
		if atomic.LoadInt64(&begun) < int64(n) {
			atomic.AddInt64(&early, 1)
		}
	})
	if early > 0 {
		fmt.Fprintln(os.Stderr, "bench: they did not all sleep at the same time")
		os.Exit(3) // the driver tries again with a longer pause
	}
	result(per(cpu()-before, n))
}

func rowBlocked(n, _ int) {
	runtime.GC()
	memory := resident()
	start := time.Now()
	sem := semaphore.NewWeighted(1)
	sem.Acquire(context.Background(), 1)
	var waiting int64
	go func() {
		for atomic.LoadInt64(&waiting) < int64(n) {
			runtime.Gosched()
		}
		took := time.Since(start)
		result(float64(resident()-memory)/float64(n), per(took, n))
		os.Exit(0)
	}()
	runAll(n, func(int) {
		atomic.AddInt64(&waiting, 1)
		sem.Acquire(context.Background(), 1)
		sem.Release(1)
	})
}

func main() {
	rows := map[string]func(n, tasks int){
		"switch": rowSwitch, "spawn": rowSpawn, "spawn_yield": rowSpawnYield,
		"mutex": rowMutex, "semaphore": rowSemaphore, "handoff": rowHandoff,
		"handoff_channel": rowHandoffChannel, "contended": rowContended, "event": rowEvent, "future": rowFuture,
		"condition": rowCondition, "queue": rowQueue, "sleepers": rowSleepers, "blocked": rowBlocked,
		"scale_spawn": rowScaleSpawn, "scale_tree": rowScaleTree,
		"read": rowRead, "write": rowWrite,
	}
	if len(os.Args) > 2 && os.Args[1] == "tree" {
		tree(os.Args[2])
		return
	}
	tasks := 0
	if len(os.Args) > 3 {
		tasks, _ = strconv.Atoi(os.Args[3])
	}
	if len(os.Args) > 2 {
		n, _ := strconv.Atoi(os.Args[2])
		if row := rows[os.Args[1]]; row != nil && n > 0 {
			row(n, tasks)
			return
		}
	}
	fmt.Fprintln(os.Stderr, "usage: bench ROW N [TASKS] | bench tree DIRECTORY")
	os.Exit(2)
}
