package main

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// compute is pure computation: steps of xorshift64, each needing the one
// before it. The Rust sides run the same one.
func compute(seed uint64, steps int) uint64 {
	x := seed | 1
	for range steps {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

// pieceSteps is the length of piece i: 10,000 to 25,000 steps, some 20 to 50 us.
func pieceSteps(i int) int {
	return 10_000 + int(uint32(i)*2654435761>>16)%15_001
}

const (
	pieces    = 1000 // of one round of fanout
	pairSteps = 40_000_000
)

// fanout computes n pieces in rounds of 1000, a goroutine each.
func fanout(n int) sample {
	fanoutRounds(1) // warm-up
	rounds := max(n/pieces, 1)
	start := time.Now()
	fanoutRounds(rounds)
	return perUnit(time.Since(start), rounds*pieces)
}

func fanoutRounds(rounds int) {
	for range rounds {
		var wg sync.WaitGroup
		results := make([]uint64, pieces)
		for i := range pieces {
			wg.Go(func() { results[i] = compute(uint64(i), pieceSteps(i)) })
		}
		wg.Wait()
		runtime.KeepAlive(results)
	}
}

// cpuPair compares two goroutines that compute with one: 2.0 is perfect.
// n trials; each trial is one alone, then two at once.
func cpuPair(n int) sample {
	sink := make([]uint64, 2)
	work := func(count int) time.Duration {
		start := time.Now()
		var wg sync.WaitGroup
		for i := range count {
			wg.Go(func() { sink[i] = compute(uint64(i), pairSteps) })
		}
		wg.Wait()
		return time.Since(start)
	}
	parkedFirst := func() time.Duration {
		var wg sync.WaitGroup
		gate, arrived := make(chan struct{}), make(chan struct{})
		for i := range 2 {
			wg.Go(func() {
				arrived <- struct{}{}
				<-gate
				sink[i] = compute(uint64(i), pairSteps)
			})
		}
		<-arrived
		<-arrived
		start := time.Now()
		close(gate)
		wg.Wait()
		return time.Since(start)
	}
	work(2) // warm-up
	var spawned, parked []float64
	for range n {
		alone := work(1).Seconds()
		spawned = append(spawned, 2*alone/work(2).Seconds())
		parked = append(parked, 2*alone/parkedFirst().Seconds())
	}
	runtime.KeepAlive(sink)
	return sample{
		Value: median(spawned),
		// No homes, so no placement: one figure for both forms.
		Extras: map[string]float64{"after_park_spread": median(parked), "after_park_near": median(parked)},
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	m := len(v) / 2
	if len(v)%2 == 1 {
		return v[m]
	}
	return (v[m-1] + v[m]) / 2
}

const (
	// stealBatch is the number of goroutines made ready before any may be taken.
	stealBatch = 10_000
	// stealLeft of them are not waited for: a scheduler may keep the newest for
	// the one who spawned them.
	stealLeft = 64
)

// steal times how fast the other P takes goroutines that one running
// goroutine has made ready: the taker is held busy while they are spawned, and
// the spawner computes until the other has run them.
func steal(n int) sample {
	stealOnce() // warm-up
	batches := max(n/stealBatch, 1)
	var total time.Duration
	for range batches {
		total += stealOnce()
	}
	return perUnit(total, batches*(stealBatch-stealLeft))
}

func stealOnce() time.Duration {
	var holding, release, done atomic.Bool
	var ran atomic.Int64
	var wg sync.WaitGroup
	var end time.Time
	wg.Go(func() {
		holding.Store(true)
		for !release.Load() {
		}
	})
	for !holding.Load() {
		runtime.Gosched()
	}
	for range stealBatch {
		wg.Go(func() {
			if ran.Add(1) == stealBatch-stealLeft {
				end = time.Now()
				done.Store(true)
			}
		})
	}
	start := time.Now()
	release.Store(true)
	for seed := uint64(1); !done.Load(); seed++ {
		compute(seed, 500) // a microsecond between looks leaves the counter's line to the taker
	}
	wg.Wait()
	return end.Sub(start)
}
