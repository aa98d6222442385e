package main

import (
	"os"
	"strconv"
	"strings"
)

// statusKiB reads one field of /proc/self/status, in KiB.
func statusKiB(field string) (float64, bool) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, field+":")
		if !ok {
			continue
		}
		kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
		return kib, err == nil
	}
	return 0, false
}

// memory is what a process has in RAM at one moment, in KiB.
type memory struct{ rss, pageTables float64 }

func readMemory() (memory, bool) {
	rss, ok1 := statusKiB("VmRSS")
	pte, ok2 := statusKiB("VmPTE")
	return memory{rss, pte}, ok1 && ok2
}
