// SPDX-License-Identifier: MIT

package main

import "time"

// So many goroutines send, and so many receive, n items through a channel.
func rowQueue(n, pairs int) {
	channel := make(chan int, 1024)
	pass := func(items int) {
		runAll(2*pairs, func(i int) {
			for left := items / pairs; left > 0; left-- {
				if i%2 == 0 {
					channel <- left
				} else {
					<-channel
				}
			}
		})
	}
	pass(warmUp)
	start := time.Now()
	pass(n)
	result(per(time.Since(start), n))
}
