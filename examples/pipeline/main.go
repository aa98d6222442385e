// A pipeline of three stages over channels: lines, their words, a tally of how
// long the words are.
package main

import (
	"fmt"
	"strings"
)

const text = `a routine waits
another one works
the channel between them
holds one word`

func lines() <-chan string {
	out := make(chan string)
	go func() {
		defer close(out)
		for _, line := range strings.Split(text, "\n") {
			out <- line
		}
	}()
	return out
}

func words(in <-chan string) <-chan string {
	out := make(chan string, 1)
	go func() {
		defer close(out)
		for line := range in {
			for _, word := range strings.Fields(line) {
				out <- word
			}
		}
	}()
	return out
}

func main() {
	var tally [10]int
	for word := range words(lines()) {
		fmt.Println(word)
		tally[len(word)]++
	}
	for length, count := range tally {
		if count > 0 {
			fmt.Printf("%d letters: %d\n", length, count)
		}
	}
}
