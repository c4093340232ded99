// SPDX-License-Identifier: MIT

package main

import (
	"sync"
	"time"
)

func rowRead(n, _ int) {
	var lock sync.RWMutex
	pairs := func(n int) {
		for i := 0; i < n; i++ {
			lock.RLock()
			lock.RUnlock()
		}
	}
	pairs(warmUp)
	start := time.Now()
	pairs(n)
	result(per(time.Since(start), n))
}

func rowWrite(n, _ int) {
	var lock sync.RWMutex
	pairs := func(n int) {
		for i := 0; i < n; i++ {
			lock.Lock()
			lock.Unlock()
		}
	}
	pairs(warmUp)
	start := time.Now()
	pairs(n)
	result(per(time.Since(start), n))
}
