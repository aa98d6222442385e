package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// pairEvery is the distance of pairs that are started, tripsOfPair the round
// trips of each; the first begins when the pair is started.
const (
	pairEvery   = 20 * time.Millisecond
	tripsOfPair = 5
)

// stuck measures TCP echoes between goroutines that are started while another
// one computes for 500 ms or sits in a system call for 2 s.
func stuck(keep func(), length time.Duration) func(n int) sample {
	return func(n int) sample {
		ofTwo := stuckLatencies(n, 2, keep, length)
		ofOne := stuckLatencies(n, 1, keep, length)
		at := func(all []time.Duration, p float64) float64 {
			i := int(p * float64(len(all)))
			return float64(all[min(i, len(all)-1)].Nanoseconds())
		}
		return sample{
			Value: at(ofTwo, 0.99),
			Extras: map[string]float64{
				"p50": at(ofTwo, 0.5), "p99": at(ofTwo, 0.99), "max": at(ofTwo, 1),
				"one_worker_p50": at(ofOne, 0.5), "one_worker_p99": at(ofOne, 0.99), "one_worker_max": at(ofOne, 1),
			},
		}
	}
}

func computeHalfASecond() {
	for start := time.Now(); time.Since(start) < 500*time.Millisecond; {
	}
}

func callOfTwoSeconds() {
	left := syscall.NsecToTimespec(int64(2 * time.Second))
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}

func stuckLatencies(n, processors int, keep func(), length time.Duration) []time.Duration {
	runtime.GOMAXPROCS(processors)
	var all []time.Duration
	warm := make(chan []time.Duration)
	go pairTrips(time.Now(), warm)
	<-warm
	for range n {
		var begun atomic.Bool
		done := make(chan struct{})
		go func() {
			begun.Store(true)
			keep()
			close(done)
		}()
		for !begun.Load() {
			runtime.Gosched()
		}
		pairs := int(length * 4 / 5 / pairEvery)
		results := make(chan []time.Duration, pairs)
		for range pairs {
			time.Sleep(pairEvery)
			go pairTrips(time.Now(), results)
		}
		for range pairs {
			all = append(all, <-results...)
		}
		<-done
	}
	slices.Sort(all)
	return all
}

func pairTrips(start time.Time, results chan<- []time.Duration) {
	latencies, err := tryPairTrips(start)
	if err != nil {
		fmt.Fprintln(os.Stderr, "stuck:", err)
		os.Exit(1)
	}
	results <- latencies
}

func tryPairTrips(start time.Time) ([]time.Duration, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buffer := make([]byte, 1024)
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			if _, err := conn.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	message, answer := make([]byte, 64), make([]byte, 64)
	var latencies []time.Duration
	sent := start
	for round := range tripsOfPair {
		binary.LittleEndian.PutUint64(message, uint64(round))
		if _, err := conn.Write(message); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(conn, answer); err != nil {
			return nil, err
		}
		latencies = append(latencies, time.Since(sent))
		if !slices.Equal(answer, message) {
			return nil, fmt.Errorf("the echo is not what was sent")
		}
		sent = time.Now()
	}
	return latencies, nil
}
