// The sum of a million numbers, in chunks that goroutines add up side by side.
package main

import "fmt"

func main() {
	numbers := make([]uint64, 1_000_000)
	for i := range numbers {
		numbers[i] = uint64(i) + 1
	}

	const pieces = 8
	size := len(numbers) / pieces
	sums := make([]chan uint64, pieces)
	for piece := range pieces {
		sums[piece] = make(chan uint64, 1)
		go func() {
			var sum uint64
			for _, n := range numbers[piece*size : (piece+1)*size] {
				sum += n
			}
			sums[piece] <- sum
		}()
	}

	var total uint64
	for piece, sum := range sums {
		part := <-sum
		fmt.Printf("chunk %d: %d\n", piece, part)
		total += part
	}
	fmt.Printf("total: %d\n", total)
}
