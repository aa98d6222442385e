package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// scope1000 runs groups of a thousand goroutines that share a counter, until
// there were n.
func scope1000(n int) sample {
	scopes(max(n/10, 1000)) // warm-up
	start := time.Now()
	scopes(n)
	return perUnit(time.Since(start), n)
}

func scopes(n int) {
	var count atomic.Uint64
	for range n / 1000 {
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { count.Add(1) })
		}
		wg.Wait()
	}
	if count.Load() != uint64(n/1000*1000) {
		panic("lost a goroutine")
	}
}

// cancelTree cancels the root of ten thousand contexts, over and over; they are
// made outside of the time.
func cancelTree(n int) sample {
	const tree = 10_000
	var total time.Duration
	rounds := n/tree + 1
	for round := range rounds + 1 {
		root, cancel := context.WithCancel(context.Background())
		contexts := make([]context.Context, tree)
		cancels := make([]context.CancelFunc, tree)
		for i := range tree {
			contexts[i], cancels[i] = context.WithCancel(root)
		}
		start := time.Now()
		cancel()
		took := time.Since(start)
		for i := range tree {
			if contexts[i].Err() == nil {
				panic("not cancelled")
			}
			cancels[i]()
		}
		if round > 0 { // the first is to warm up
			total += took
		}
	}
	return perUnit(total, rounds*tree)
}
