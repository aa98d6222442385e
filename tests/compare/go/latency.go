package main

import (
	"slices"
	"time"
)

// latencies turns single measurements into a sample: the median is its value.
func latencies(all []time.Duration) sample {
	slices.Sort(all)
	at := func(p float64) float64 {
		i := int(p * float64(len(all)))
		return float64(all[min(i, len(all)-1)].Nanoseconds())
	}
	return sample{
		Value:  at(0.50),
		Extras: map[string]float64{"p50": at(0.50), "p99": at(0.99), "p999": at(0.999)},
	}
}

// spawnLatency measures from the go statement to the first instruction of the
// new goroutine, whose starter then waits for it.
func spawnLatency(n int) sample {
	all := make([]time.Duration, 0, n)
	done := make(chan time.Duration)
	for i := range n + n/10 {
		start := time.Now()
		go func() { done <- time.Since(start) }()
		if took := <-done; i >= n/10 { // the first tenth is warm-up
			all = append(all, took)
		}
	}
	return latencies(all)
}

// pauseSteps is the computation between two wake-ups, some 30 us: long enough
// that the other side has run out of work.
const pauseSteps = 15_000

// wakeLatency measures from sending on a channel to the receiver running; the
// sender then waits for an answer and computes for 30 us.
func wakeLatency(n int) sample {
	all := make([]time.Duration, 0, n)
	ping, pong := make(chan time.Time), make(chan time.Duration)
	go func() {
		for sent := range ping {
			pong <- time.Since(sent)
		}
	}()
	sink := uint64(0)
	for i := range n + n/10 {
		sink += compute(sink, pauseSteps)
		ping <- time.Now()
		if took := <-pong; i >= n/10 {
			all = append(all, took)
		}
	}
	close(ping)
	return latencies(all)
}
