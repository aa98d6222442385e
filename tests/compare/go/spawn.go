package main

import (
	"runtime"
	"sync"
	"time"
)

// spawnJoin starts n goroutines and waits until all have ended.
func spawnJoin(n int) sample {
	spawnAll(max(n/10, 1)) // warm-up
	start := time.Now()
	spawnAll(n)
	return perUnit(time.Since(start), n)
}

func spawnAll(n int) {
	var wg sync.WaitGroup
	wg.Add(n)
	for range n {
		go func() { wg.Done() }()
	}
	wg.Wait()
}

// yield lets two goroutines give way to each other, n times in all.
func yield(n int) sample {
	yieldPair(max(n/10, 2)) // warm-up
	start := time.Now()
	yieldPair(n)
	return perUnit(time.Since(start), n)
}

func yieldPair(n int) {
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range n / 2 {
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
}

// skynet builds a tree of goroutines, ten children each, and sums the numbers
// of its n leaves (a power of ten) up through channels; beside it the same tree
// with its results in an array and a WaitGroup.
func skynet(n int) sample {
	skynetChannels(max(n/10, 10)) // warm-up
	start := time.Now()
	skynetChannels(n)
	s := millis(time.Since(start))

	start = time.Now()
	checkSum(n, skynetJoined(0, n))
	s.Extras = map[string]float64{"joined_ms": millis(time.Since(start)).Value}
	return s
}

func skynetChannels(leaves int) {
	result := make(chan int, 1)
	go skynetNode(result, 0, leaves)
	checkSum(leaves, <-result)
}

func checkSum(leaves, got int) {
	if got != leaves*(leaves-1)/2 {
		panic("skynet: wrong sum")
	}
}

func skynetNode(result chan<- int, first, leaves int) {
	if leaves == 1 {
		result <- first
		return
	}
	// Room for all: no child has to wait for its parent. Measured against the
	// unbuffered form often shown, this is the faster one.
	children := make(chan int, 10)
	for i := range 10 {
		go skynetNode(children, first+i*(leaves/10), leaves/10)
	}
	sum := 0
	for range 10 {
		sum += <-children
	}
	result <- sum
}

func skynetJoined(first, leaves int) int {
	if leaves == 1 {
		return first
	}
	var wg sync.WaitGroup
	var results [10]int
	for i := range 10 {
		wg.Go(func() { results[i] = skynetJoined(first+i*(leaves/10), leaves/10) })
	}
	wg.Wait()
	sum := 0
	for _, r := range results {
		sum += r
	}
	return sum
}
