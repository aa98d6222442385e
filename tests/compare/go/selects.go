package main

import "time"

// selectThree receives n values from whichever of three goroutines is ready to
// send, each on an unbuffered channel of its own.
func selectThree(n int) sample {
	fromThree(max(n/10, 3)) // warm-up
	n = n / 3 * 3
	return perUnit(fromThree(n), n)
}

func fromThree(n int) time.Duration {
	share := n / 3
	a, b, c := make(chan int), make(chan int), make(chan int)
	send := func(to chan<- int) {
		for i := range share {
			to <- i
		}
	}
	go send(a)
	go send(b)
	go send(c)
	sum := 0
	start := time.Now()
	for range 3 * share {
		select {
		case v := <-a:
			sum += v
		case v := <-b:
			sum += v
		case v := <-c:
			sum += v
		}
	}
	elapsed := time.Since(start)
	if sum != 3*rangeSum(share) {
		panic("select: wrong sum")
	}
	return elapsed
}

// selectDefault asks three channels that nobody sends on, n times; and then
// one of them alone.
func selectDefault(n int) sample {
	a, b, c := make(chan int), make(chan int), make(chan int)
	askThree(max(n/10, 1), a, b, c) // warm-up
	s := perUnit(askThree(n, a, b, c), n)
	askOne(max(n/10, 1), a)
	one := perUnit(askOne(n, a), n)
	s.Extras = map[string]float64{"one_arm_ns": one.Value}
	return s
}

func askThree(n int, a, b, c <-chan int) time.Duration {
	nothing := 0
	start := time.Now()
	for range n {
		select {
		case v := <-a:
			panic(v)
		case v := <-b:
			panic(v)
		case v := <-c:
			panic(v)
		default:
			nothing++
		}
	}
	elapsed := time.Since(start)
	checkNothing(n, nothing)
	return elapsed
}

func askOne(n int, a <-chan int) time.Duration {
	nothing := 0
	start := time.Now()
	for range n {
		select {
		case v := <-a:
			panic(v)
		default:
			nothing++
		}
	}
	elapsed := time.Since(start)
	checkNothing(n, nothing)
	return elapsed
}

func checkNothing(n, nothing int) {
	if nothing != n {
		panic("select: something")
	}
}
