package main

import (
	"sync"
	"time"
)

// parked starts n goroutines that each wait on one channel, and takes the time
// until the last of them is about to wait, then the growth of the process.
func parked(n int) sample {
	park(1000) // warm-up: the scheduler's own memory is not a goroutine's
	before, _ := readMemory()
	elapsed, after, known := park(n)
	s := perUnit(elapsed, n)
	if known {
		rss := (after.rss - before.rss) * 1024 / float64(n)
		tables := (after.pageTables - before.pageTables) * 1024 / float64(n)
		s.Extras = map[string]float64{"rss_bytes": rss, "total_bytes": rss + tables}
	}
	return s
}

// gate is what the goroutines of one run share: who is still coming, what they
// wait for, and who has not left yet.
type gate struct {
	coming, staying sync.WaitGroup
	open            chan struct{}
}

func park(n int) (time.Duration, memory, bool) {
	g := &gate{open: make(chan struct{})}
	g.coming.Add(n)
	g.staying.Add(n)
	start := time.Now()
	for range n {
		go g.pass()
	}
	g.coming.Wait()
	elapsed := time.Since(start)
	mem, ok := readMemory()
	close(g.open)
	g.staying.Wait()
	return elapsed, mem, ok
}

func (g *gate) pass() {
	g.coming.Done()
	<-g.open
	g.staying.Done()
}

// sleepers starts n goroutines that sleep for a second each and waits for all.
func sleepers(n int) sample {
	sleepAll(1000, time.Millisecond) // warm-up
	start := time.Now()
	sleepAll(n, time.Second)
	return millis(time.Since(start))
}

func sleepAll(n int, d time.Duration) {
	var wg sync.WaitGroup
	wg.Add(n)
	for range n {
		go func() {
			time.Sleep(d)
			wg.Done()
		}()
	}
	wg.Wait()
}
