package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// timerStop starts a timer of an hour and stops it.
func timerStop(n int) sample {
	startStop(n / 10)
	return perUnit(startStop(n), n)
}

func startStop(n int) time.Duration {
	start := time.Now()
	for range n {
		t := time.NewTimer(time.Hour)
		if !t.Stop() {
			panic("an hour has passed")
		}
	}
	return time.Since(start)
}

// funcStop does the same with a function that is to run in an hour.
func funcStop(n int) sample {
	setStop(n / 10)
	return perUnit(setStop(n), n)
}

func setStop(n int) time.Duration {
	start := time.Now()
	for range n {
		t := time.AfterFunc(time.Hour, nothing)
		if !t.Stop() {
			panic("an hour has passed")
		}
	}
	return time.Since(start)
}

func nothing() {}

// funcs1m sets n functions, to run at scattered moments in an hour, and stops
// them in another order.
func funcs1m(n int) sample {
	setAll(n / 10)
	return perUnit(setAll(n), n)
}

func setAll(n int) time.Duration {
	all := make([]*time.Timer, n)
	start := time.Now()
	for i := range all {
		all[i] = time.AfterFunc(time.Hour+time.Duration(scattered(i))*1000, nothing)
	}
	for i := range all {
		if !all[(i*stride)%n].Stop() {
			panic("an hour has passed, or one was stopped twice")
		}
	}
	return time.Since(start)
}

// scattered is a number below 2^32 that looks like chance.
func scattered(i int) uint32 { return uint32(i) * 2_654_435_761 }

// stride has no factor in common with the sizes that are used.
const stride = 7919

const period = 100 * time.Millisecond

// window is how long tickers are watched: five seconds, or half of one in a
// smoke run.
func window(n int) time.Duration {
	if n < 10_000 {
		return 500 * time.Millisecond
	}
	return 5 * time.Second
}

// tickers starts n tickers with a goroutine each, and takes the CPU time of the
// process while they tick.
func tickers(n int) sample {
	var ticks, merged atomic.Int64
	var wg sync.WaitGroup
	wg.Add(n)
	warm := time.Now().Add(time.Second)
	end := warm.Add(window(n))
	for range n {
		go func() {
			t := time.NewTicker(period)
			last := warm
			var came, lost int64
			for at := range t.C {
				if at.After(warm) {
					came++
					lost += max(int64((at.Sub(last)+period/2)/period)-1, 0)
				}
				last = at
				if at.After(end) {
					break
				}
			}
			t.Stop()
			ticks.Add(came)
			merged.Add(lost)
			wg.Done()
		}()
	}
	time.Sleep(time.Until(warm))
	before := cpuTime()
	time.Sleep(time.Until(end))
	used := cpuTime() - before
	wg.Wait()
	s := millis(used)
	s.Extras = map[string]float64{
		"ticks":  float64(ticks.Load()),
		"merged": float64(merged.Load()),
	}
	return s
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// timeoutRecv measures what a limit adds to a receive that need not wait.
func timeoutRecv(n int) sample {
	ch := make(chan int, 1)
	plainRecv(n/10, ch)
	plain := plainRecv(n, ch)
	limitedRecv(n/10, ch)
	limited := limitedRecv(n, ch)
	s := perUnit(limited-plain, n)
	s.Extras = map[string]float64{"plain_ns": float64(plain.Nanoseconds()) / float64(n)}
	return s
}

func plainRecv(n int, ch chan int) time.Duration {
	start := time.Now()
	for i := range n {
		ch <- i
		<-ch
	}
	return time.Since(start)
}

func limitedRecv(n int, ch chan int) time.Duration {
	start := time.Now()
	for i := range n {
		ch <- i
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		select {
		case <-ch:
		case <-ctx.Done():
			panic("a second has passed")
		}
		cancel()
	}
	return time.Since(start)
}

// lateness sleeps for lengths of 0.2 to 5.2 ms, and takes how late each ends.
func lateness(n int) sample {
	all := make([]time.Duration, 0, n)
	for i := range n + n/10 {
		length := 200*time.Microsecond + time.Duration(scattered(i)%5_000_000)
		start := time.Now()
		time.Sleep(length)
		if late := time.Since(start) - length; i >= n/10 {
			all = append(all, late)
		}
	}
	s := latencies(all) // sorts them
	for _, share := range []int{10, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 950, 990, 998} {
		s.Extras[fmt.Sprintf("late_%03d", share)] = float64(all[share*len(all)/1000].Nanoseconds())
	}
	return s
}
