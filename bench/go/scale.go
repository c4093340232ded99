// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
	"time"
)

// The tree of ../work.h.
const (
	leaves = 1024
	steps  = 1000
)

func leaf(node uint64) uint64 {
	for i := 0; i < steps; i++ {
		node = (node ^ node>>29) * 6364136223846793005
	}
	return node
}

func visit(node uint64) uint64 {
	if node >= leaves {
		return leaf(node)
	}
	var children sync.WaitGroup
	var sums [2]uint64
	children.Add(2)
	for i := range sums {
		go func(i int) {
			sums[i] = visit(2*node + uint64(i))
			children.Done()
		}(i)
	}
	children.Wait()
	return sums[0] + sums[1]
}

func rowScaleTree(n, threads int) {
	runtime.GOMAXPROCS(threads)
	var sum uint64
	for i := uint64(leaves); i < 2*leaves; i++ {
		sum += leaf(i)
	}
	check(visit(1) == sum, "the sum of the leaves")
	start := time.Now()
	for left := n; left > 0; left -= leaves {
		visit(1)
	}
	result(per(time.Since(start), n))
}

func rowScaleSpawn(n, threads int) {
	runtime.GOMAXPROCS(threads)
	rowSpawn(n, 0)
}
