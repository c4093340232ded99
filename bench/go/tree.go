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
	filesOnly                bool
	open                     chan struct{}
	all                      sync.WaitGroup
	files, directories, rest int64
	bytes                    int64
}

// A goroutine per directory, 64 of them open at a time. Every entry is stat'ed, or only regular files:
// what the others are is known from the directory.
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
	var files, directories, rest, bytes int64
	var status syscall.Stat_t
	for _, entry := range entries {
		full := path + "/" + entry.Name()
		regular := entry.Type().IsRegular()
		if (regular || !w.filesOnly) && syscall.Lstat(full, &status) != nil {
			continue
		}
		switch {
		case regular:
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
	w.all.Add(len(children))
	for _, child := range children {
		go w.visit(child)
	}
}

// Prints files, directories (with the top), other entries, and bytes of files.
func tree(top string, filesOnly bool) {
	w := walk{open: make(chan struct{}, 64), directories: 1, filesOnly: filesOnly}
	w.all.Add(1)
	w.visit(top)
	w.all.Wait()
	fmt.Println(w.files, w.directories, w.rest, w.bytes)
}
