// What channels and select do in Go, where it is not up to chance: the output is semantics.txt
// (go run semantics.go > semantics.txt, with Go 1.27.3), and go.rs beside this folder has to print the same.
//
// Numbers like B5 are those that the Rust tests name.
package main

import (
	"fmt"
	"runtime"
	"sync"
)

// settle lets all others run until they block; main is the only one that can run then.
func settle() {
	for i := 0; i < 100; i++ {
		runtime.Gosched()
	}
}

// inOrder starts n goroutines that block one after the other.
func inOrder(n int, body func(i int)) *sync.WaitGroup {
	var group sync.WaitGroup
	for i := 0; i < n; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			body(i)
		}()
		settle()
	}
	return &group
}

func closedChannel() {
	ch := make(chan int, 3)
	ch <- 1
	ch <- 2
	close(ch)
	for i := 0; i < 4; i++ {
		v, ok := <-ch
		fmt.Println("B3 receive", v, ok)
	}
	ch = make(chan int, 3)
	ch <- 7
	ch <- 8
	close(ch)
	for v := range ch {
		fmt.Println("B3 range", v)
	}
	fmt.Println("B3 len", len(ch), "cap", cap(ch))
}

func waitersAreFIFO() {
	for _, capacity := range []int{0, 1, 3} {
		ch := make(chan int, capacity)
		group := inOrder(6, func(i int) { ch <- i })
		fmt.Println("B8 len", len(ch), "cap", cap(ch))
		for i := 0; i < 6; i++ {
			fmt.Println("B5 capacity", capacity, "received", <-ch)
			settle()
			fmt.Println("B5 len", len(ch))
		}
		group.Wait()
		got := make([]int, 4)
		group = inOrder(4, func(i int) { got[i] = <-ch })
		for i := 0; i < 4; i++ {
			ch <- 10 + i
		}
		group.Wait()
		fmt.Println("B5 receivers", got)
	}
}

func noBarging() {
	ch := make(chan int, 1)
	ch <- 0
	group := inOrder(1, func(int) { ch <- 1 })
	fmt.Println("B6 first", <-ch)
	select {
	case ch <- 2:
		fmt.Println("B6 barged")
	default:
		fmt.Println("B6 full")
	}
	fmt.Println("B6 second", <-ch)
	group.Wait()
	var got int
	group = inOrder(1, func(int) { got = <-ch })
	ch <- 3
	select {
	case v := <-ch:
		fmt.Println("B6 barged", v)
	default:
		fmt.Println("B6 empty")
	}
	group.Wait()
	fmt.Println("B6 handed over", got)
}

func note[T any](name string, value T) T {
	fmt.Println("B10", name)
	return value
}

func evaluation() {
	ch := make(chan int, 1)
	var off chan int
	select {
	case v := <-note("a", off):
		fmt.Println(v)
	case note("b", ch) <- note("value", 5):
		fmt.Println("B10 sent")
	case <-note("c", off):
	}
	select {
	case note("d", ch) <- note("not sent", 6):
	default:
		fmt.Println("B12 default")
	}
	fmt.Println("B12 left", <-ch)
}

func exactlyOne() {
	a, b, c := make(chan int), make(chan int), make(chan int)
	var got []string
	group := inOrder(1, func(int) {
		select {
		case v := <-a:
			got = append(got, fmt.Sprint("a ", v))
		case v := <-b:
			got = append(got, fmt.Sprint("b ", v))
		case c <- 9:
			got = append(got, "c")
		}
	})
	try := func(ch chan int, v int) bool {
		select {
		case ch <- v:
			return true
		default:
			return false
		}
	}
	fmt.Println("B15", try(b, 1), try(a, 2), try(b, 3))
	select {
	case v := <-c:
		fmt.Println("B15 received", v)
	default:
		fmt.Println("B15 nobody sends")
	}
	group.Wait()
	fmt.Println("B15", got)
}

func oneQueue() {
	ch := make(chan int)
	never := make(chan int)
	group := inOrder(6, func(i int) {
		if i%2 == 0 {
			ch <- i
			return
		}
		select {
		case <-never:
		case ch <- i:
		}
	})
	for i := 0; i < 6; i++ {
		fmt.Println("B15 in line", <-ch)
	}
	group.Wait()
}

func bothWays() {
	ch := make(chan int)
	select {
	case ch <- 1:
		fmt.Println("B15 met itself")
	case <-ch:
		fmt.Println("B15 met itself")
	default:
		fmt.Println("B15 does not meet itself")
	}
	result := ""
	both := func(int) {
		select {
		case ch <- 1:
			result = "sent"
		case v := <-ch:
			result = fmt.Sprint("received ", v)
		}
	}
	group := inOrder(1, both)
	fmt.Println("B15 from a select", <-ch)
	group.Wait()
	fmt.Println("B15", result)
	group = inOrder(1, both)
	ch <- 2
	group.Wait()
	fmt.Println("B15", result)
}

func closeWakes() {
	a, b := make(chan int), make(chan int)
	results := make([]string, 3)
	group := inOrder(3, func(i int) {
		switch i {
		case 0:
			v, ok := <-a
			results[i] = fmt.Sprint(v, " ", ok)
		case 1:
			select {
			case v, ok := <-a:
				results[i] = fmt.Sprint("a ", v, " ", ok)
			case v, ok := <-b:
				results[i] = fmt.Sprint("b ", v, " ", ok)
			}
		case 2:
			select {
			case v, ok := <-b:
				results[i] = fmt.Sprint("b ", v, " ", ok)
			case a <- func() int { return 1 }():
			}
		}
	})
	// The third stands behind two receivers of a: it has met the first of them.
	group2 := inOrder(1, func(int) { close(a) })
	group2.Wait()
	group.Wait()
	fmt.Println("B3 close", results)
}

func main() {
	runtime.GOMAXPROCS(1)
	closedChannel()
	waitersAreFIFO()
	noBarging()
	evaluation()
	exactlyOne()
	oneQueue()
	bothWays()
	closeWakes()
}
