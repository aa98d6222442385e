package main

import (
	"sync"
	"time"
)

// streamBuffer is the capacity of channels that have one.
const streamBuffer = 100

// fours is the number of producers, and that of consumers.
const fours = 4

// chanPair sends a value to itself and receives it, n times.
func chanPair(n int) sample {
	c := make(chan int, streamBuffer)
	sum := 0
	pairs := func(n int) {
		for i := range n {
			c <- i
			sum += <-c
		}
	}
	pairs(max(n/10, 1)) // warm-up
	sum = 0
	start := time.Now()
	pairs(n)
	elapsed := time.Since(start)
	checkRange(n, sum)
	return perUnit(elapsed, n)
}

// oneToOne passes n values from one goroutine to another.
func oneToOne(capacity int) func(n int) sample {
	return func(n int) sample {
		stream(max(n/10, 1), capacity) // warm-up
		return perUnit(stream(n, capacity), n)
	}
}

func stream(n, capacity int) time.Duration {
	c := make(chan int, capacity)
	result := make(chan int)
	go func() {
		sum := 0
		for v := range c {
			sum += v
		}
		result <- sum
	}()
	start := time.Now()
	for i := range n {
		c <- i
	}
	close(c)
	sum := <-result
	elapsed := time.Since(start)
	checkRange(n, sum)
	return elapsed
}

// fourByFour passes n values from four goroutines to four others, through one
// channel.
func fourByFour(n int) sample {
	fourStreams(max(n/10, fours)) // warm-up
	return perUnit(fourStreams(n), n)
}

func fourStreams(n int) time.Duration {
	share := n / fours
	c := make(chan int, streamBuffer)
	gate := make(chan struct{})
	var producers, consumers sync.WaitGroup
	sums := [fours]int{}
	for i := range fours {
		consumers.Go(func() {
			sum := 0
			for v := range c {
				sum += v
			}
			sums[i] = sum
		})
		producers.Go(func() {
			<-gate
			for v := range share {
				c <- v
			}
		})
	}
	start := time.Now()
	close(gate)
	producers.Wait()
	close(c)
	consumers.Wait()
	elapsed := time.Since(start)
	sum := 0
	for _, s := range sums {
		sum += s
	}
	if sum != fours*rangeSum(share) {
		panic("4x4: wrong sum")
	}
	return elapsed
}

// sieve finds the first n primes with a goroutine for each, and takes the time
// in all.
func sieve(n int) sample {
	primes(max(n/10, 1)) // warm-up
	start := time.Now()
	last := primes(n)
	elapsed := time.Since(start)
	if last != nthPrime(n) {
		panic("sieve: no prime")
	}
	return millis(elapsed)
}

// primes returns the n-th prime. The goroutines stay behind, blocked for ever,
// as in everybody's prime sieve.
func primes(n int) int {
	in := make(chan int)
	go count(in)
	prime := 0
	for range n {
		prime = <-in
		out := make(chan int)
		go filter(in, out, prime)
		in = out
	}
	return prime
}

func count(out chan<- int) {
	for i := 2; ; i++ {
		out <- i
	}
}

func filter(in <-chan int, out chan<- int, prime int) {
	for {
		if i := <-in; i%prime != 0 {
			out <- i
		}
	}
}

// receivers is how many goroutines wait when their channel is closed.
const receivers = 100_000

// closeWakes closes a channel that receivers wait on, until n have been woken.
func closeWakes(n int) sample {
	count := min(n, receivers)
	closeOn(count) // warm-up: the stacks
	var elapsed time.Duration
	times := n / count
	for range times {
		elapsed += closeOn(count)
	}
	return perUnit(elapsed, times*count)
}

// closeOn takes the time from the close until the last of n has gone on.
func closeOn(n int) time.Duration {
	g := &gate{open: make(chan struct{})}
	g.coming.Add(n)
	g.staying.Add(n)
	for range n {
		go g.pass()
	}
	g.coming.Wait()
	start := time.Now()
	close(g.open)
	g.staying.Wait()
	return time.Since(start)
}

// rangeSum is the sum of the numbers below n.
func rangeSum(n int) int { return n * (n - 1) / 2 }

func checkRange(n, sum int) {
	if sum != rangeSum(n) {
		panic("stream: wrong sum")
	}
}

// nthPrime finds the n-th prime the plain way.
func nthPrime(n int) int {
	candidate := 1
	for range n {
		candidate++
		for !isPrime(candidate) {
			candidate++
		}
	}
	return candidate
}

func isPrime(n int) bool {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return true
}
