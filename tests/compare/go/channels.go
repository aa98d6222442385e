package main

import (
	"sync"
	"time"
)

// pingPong sends a value to a partner and back over two unbuffered channels,
// n round trips.
func pingPong(n int) sample {
	ping, pong := make(chan int), make(chan int)
	go func() {
		for v := range ping {
			pong <- v
		}
		close(pong)
	}()
	trips := func(n int) {
		for i := range n {
			ping <- i
			<-pong
		}
	}
	trips(max(n/10, 1)) // warm-up
	start := time.Now()
	trips(n)
	elapsed := time.Since(start)
	close(ping)
	<-pong
	return perUnit(elapsed, n)
}

// ringSize is the number of goroutines in the ring.
const ringSize = 503

// ring passes one token n hops round a ring of goroutines over unbuffered
// channels.
func ring(n int) sample {
	ringHops(max(n/10, ringSize)) // warm-up
	return perUnit(ringHops(n), n)
}

func ringHops(n int) time.Duration {
	var wg sync.WaitGroup
	finished := make(chan time.Time, 1)
	links := make([]chan int, ringSize)
	for i := range links {
		links[i] = make(chan int)
	}
	for i := range links {
		wg.Go(func() { ringNode(links[i], links[(i+1)%ringSize], finished) })
	}
	first := links[0]
	start := time.Now()
	first <- n
	end := <-finished
	first <- stop
	<-first
	wg.Wait()
	return end.Sub(start)
}

// stop is the token that ends the ring.
const stop = -1

// ringNode passes tokens on, counting them down. Who receives 0 reports the
// time instead; who receives stop passes it on and ends.
func ringNode(in <-chan int, out chan<- int, finished chan<- time.Time) {
	for token := range in {
		switch token {
		case stop:
			out <- stop
			return
		case 0:
			finished <- time.Now()
		default:
			out <- token - 1
		}
	}
}
