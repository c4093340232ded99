// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

type walk struct {
	open                     chan struct{}
	all                      sync.WaitGroup
	files, directories, rest int64
	bytes, blocks            int64
}

// A goroutine per directory, 64 of them open at a time. Every entry is stat'ed.
func (w *walk) visit(path string) {
	defer w.all.Done()
	w.open <- struct{}{}
	entries := []os.DirEntry{}
	directory, err := os.Open(path)
	if err == nil {
		entries, _ = directory.ReadDir(-1)
		directory.Close()
	}
	var children []string
	var files, directories, rest, bytes, blocks int64
	var status syscall.Stat_t
	for _, entry := range entries {
		full := path + "/" + entry.Name()
		if syscall.Lstat(full, &status) != nil {
			continue
		}
		blocks += status.Blocks
		switch {
		case entry.Type().IsRegular():
			files++
			bytes += status.Size
		case entry.IsDir():
			directories++
			children = append(children, full)
		default:
			rest++
		}
	}
	<-w.open
	atomic.AddInt64(&w.files, files)
	atomic.AddInt64(&w.directories, directories)
	atomic.AddInt64(&w.rest, rest)
	atomic.AddInt64(&w.bytes, bytes)
	atomic.AddInt64(&w.blocks, blocks)
	w.all.Add(len(children))
	for _, child := range children {
		go w.visit(child)
	}
}

// Prints files, directories (with the top), other entries, bytes of files, and what all occupy on disk.
func tree(top string) {
	w := walk{open: make(chan struct{}, 64), directories: 1}
	var status syscall.Stat_t
	check(syscall.Lstat(top, &status) == nil, "no such directory")
	w.blocks = status.Blocks
	w.all.Add(1)
	w.visit(top)
	w.all.Wait()
	fmt.Println(w.files, w.directories, w.rest, w.bytes, w.blocks*512)
}
