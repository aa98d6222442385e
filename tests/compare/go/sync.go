package main

import (
	"sync"
	"time"
)

// mutexAlone locks and unlocks a mutex that nobody else wants.
func mutexAlone(n int) sample {
	var mu sync.Mutex
	count := 0
	pairs := func(n int) {
		for range n {
			mu.Lock()
			count++
			mu.Unlock()
		}
	}
	pairs(max(n/10, 1)) // warm-up
	start := time.Now()
	pairs(n)
	elapsed := time.Since(start)
	checkCount(count, n+max(n/10, 1))
	return perUnit(elapsed, n)
}

// lockers is how many goroutines contend for one mutex.
const lockers = 100

// mutexContended has lockers goroutines lock it n times in all; and then a
// tenth of that with a clock around each Lock, for the longest wait.
func mutexContended(n int) sample {
	contend(max(n/10, lockers), false) // warm-up
	n = n / lockers * lockers
	elapsed, _ := contend(n, false)
	s := perUnit(elapsed, n)
	_, longest := contend(n/10, true)
	s.Extras = map[string]float64{"longest_us": float64(longest.Nanoseconds()) / 1e3}
	return s
}

func contend(n int, timed bool) (time.Duration, time.Duration) {
	share := n / lockers
	var mu sync.Mutex
	count := 0
	longest := make([]time.Duration, lockers)
	var ready, done sync.WaitGroup
	goOn := make(chan struct{})
	ready.Add(lockers)
	done.Add(lockers)
	for i := range lockers {
		go func() {
			ready.Done()
			<-goOn
			for range share {
				if timed {
					start := time.Now()
					mu.Lock()
					longest[i] = max(longest[i], time.Since(start))
				} else {
					mu.Lock()
				}
				count++
				mu.Unlock()
			}
			done.Done()
		}()
	}
	ready.Wait()
	start := time.Now()
	close(goOn)
	done.Wait()
	elapsed := time.Since(start)
	checkCount(count, share*lockers)
	most := longest[0]
	for _, wait := range longest {
		most = max(most, wait)
	}
	return elapsed, most
}

// sharers is how many goroutines share one RWMutex; one turn in ten writes.
const sharers = 8

func rwMutex90(n int) sample {
	share90(max(n/10, sharers*10)) // warm-up
	n = n / (sharers * 10) * (sharers * 10)
	return perUnit(share90(n), n)
}

func share90(n int) time.Duration {
	share := n / sharers
	var mu sync.RWMutex
	count := 0
	var done sync.WaitGroup
	done.Add(sharers)
	goOn := make(chan struct{})
	for range sharers {
		go func() {
			<-goOn
			seen := 0
			for turn := range share {
				if turn%10 == 0 {
					mu.Lock()
					count++
					mu.Unlock()
				} else {
					mu.RLock()
					seen = max(seen, count)
					mu.RUnlock()
				}
			}
			if seen > n {
				panic("rwmutex: seen too much")
			}
			done.Done()
		}()
	}
	start := time.Now()
	close(goOn)
	done.Wait()
	elapsed := time.Since(start)
	checkCount(count, n/10)
	return elapsed
}

// grouped is how many goroutines one WaitGroup waits for.
const grouped = 1000

func waitGroup1000(n int) sample {
	groups(max(n/10, 1)) // warm-up
	elapsed := groups(n)
	s := perUnit(elapsed, n)
	s.Value /= 1e3
	return s
}

func groups(n int) time.Duration {
	start := time.Now()
	for range n {
		var wg sync.WaitGroup
		wg.Add(grouped)
		for range grouped {
			go wg.Done()
		}
		wg.Wait()
	}
	return time.Since(start)
}

// onceDone calls a Once that has been done.
func onceDone(n int) sample {
	var once sync.Once
	once.Do(func() {})
	start := time.Now()
	for range n {
		once.Do(func() { panic("twice") })
	}
	return perUnit(time.Since(start), n)
}

// condPingPong has two goroutines wake each other through one Cond.
func condPingPong(n int) sample {
	trip(max(n/10, 1)) // warm-up
	return perUnit(trip(n), n)
}

func trip(n int) time.Duration {
	var mu sync.Mutex
	cond := sync.NewCond(&mu)
	turn := 0
	play := func(me int) {
		for range n {
			mu.Lock()
			for turn%2 != me {
				cond.Wait()
			}
			turn++
			cond.Signal()
			mu.Unlock()
		}
	}
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		play(1)
		done.Done()
	}()
	start := time.Now()
	play(0)
	done.Wait()
	elapsed := time.Since(start)
	checkCount(turn, 2*n)
	return elapsed
}

func checkCount(count, want int) {
	if count != want {
		panic("sync: wrong count")
	}
}
