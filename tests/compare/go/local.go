package main

import (
	"context"
	"time"
)

// countKey is the key of the counter in a context.
type countKey struct{}

// step is a function deep down, which gets the context as Go programs pass it.
//
//go:noinline
func step(ctx context.Context) {
	*ctx.Value(countKey{}).(*int)++
}

// localAccess counts in a value that belongs to one goroutine: Go's way is a
// context, here one with nothing else in it.
func localAccess(n int) sample {
	count := 0
	ctx := context.WithValue(context.Background(), countKey{}, &count)
	for range max(n/10, 1) { // warm-up
		step(ctx)
	}
	start := time.Now()
	for range n {
		step(ctx)
	}
	elapsed := time.Since(start)
	checkCount(count, n+max(n/10, 1))
	return perUnit(elapsed, n)
}
