// Command compare-go is the Go side of the comparison: one row per run.
//
//	compare-go ROW SIZE
//	compare-go -serve
//
// The first runs ROW once with SIZE units of work and prints one JSON line. The same
// contract holds for the Rust sides, so that the harness reads all of them
// alike. Each row is written the way a Go programmer would write it, with no
// handicap; GOMAXPROCS comes from the environment. The second is the echo
// server for clients in other processes.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// sample is what one run reports: its main figure in the row's unit, and
// whatever else was counted beside it.
type sample struct {
	Value  float64            `json:"value"`
	Extras map[string]float64 `json:"extras"`
	Notes  []string           `json:"notes,omitempty"`
}

// rows holds a function per row; n is the number of units of work.
var rows = map[string]func(n int) sample{
	"spawn_join":             spawnJoin,
	"spawn_detached":         spawnJoin, // Go has one way: a goroutine has no handle
	"yield":                  yield,
	"ping_pong_near":         pingPong,
	"ping_pong_across":       pingPong, // a goroutine has no home: the same program
	"ring_near":              ring,
	"ring_spread":            ring,
	"skynet":                 skynet,
	"steal":                  steal,
	"parked_1m":              parked,
	"sleepers_1m":            sleepers,
	"fanout":                 fanout,
	"cpu_pair":               cpuPair,
	"spawn_latency":          spawnLatency,
	"wake_latency":           wakeLatency,
	"chan_pair":              chanPair,
	"chan_unbuffered":        oneToOne(0),
	"chan_unbuffered_across": oneToOne(0),
	"chan_buffered":          oneToOne(streamBuffer),
	"chan_buffered_across":   oneToOne(streamBuffer),
	"chan_4x4_near":          fourByFour,
	"chan_4x4_across":        fourByFour,
	"select_3":               selectThree,
	"select_default":         selectDefault,
	"sieve":                  sieve,
	"close_wakes":            closeWakes,
	"mutex_alone":            mutexAlone,
	"mutex_100":              mutexContended,
	"rwlock_90":              rwMutex90,
	"rwlock_90_across":       rwMutex90, // goroutines have no home: the same program
	"wait_group_1000":        waitGroup1000,
	"local_access":           localAccess,
	"once_done":              onceDone,
	"cond_ping_pong":         condPingPong,
	"cond_ping_pong_across":  condPingPong, // a goroutine has no home: the same program
	"scope_1000":             scope1000,
	"cancel_tree":            cancelTree,
	"timer_stop":             timerStop,
	"func_stop":              funcStop,
	"funcs_1m":               funcs1m,
	"tickers_100k":           tickers,
	"timeout_recv":           timeoutRecv,
	"lateness":               lateness,
	"stuck_computing":        stuck(computeHalfASecond, 500*time.Millisecond),
	"stuck_in_call":          stuck(callOfTwoSeconds, 2*time.Second),
	"echo_1":                 echo(1),
	"echo_100":               echo(100),
	"echo_1000":              echo(1000),
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "compare-go:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 && args[0] == "-serve" {
		return serve()
	}
	if len(args) != 2 {
		return fmt.Errorf("usage: compare-go ROW SIZE | -serve")
	}
	row, ok := rows[args[0]]
	if !ok {
		return fmt.Errorf("no such row: %s", args[0])
	}
	n, err := strconv.Atoi(args[1])
	if err != nil || n < 1 {
		return fmt.Errorf("bad size: %s", args[1])
	}
	s := row(n)
	if s.Extras == nil {
		s.Extras = map[string]float64{}
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return err
	}
	cpu := usage.Utime.Nano() + usage.Stime.Nano()
	s.Extras["cpu_ms"] = float64(cpu) / 1e6
	if hwm, ok := statusKiB("VmHWM"); ok {
		s.Extras["peak_rss_mib"] = hwm / 1024
	}
	return json.NewEncoder(os.Stdout).Encode(s)
}

// perUnit is a sample of nanoseconds for each of n units.
func perUnit(elapsed time.Duration, n int) sample {
	return sample{Value: float64(elapsed.Nanoseconds()) / float64(n)}
}

// millis is a sample of milliseconds in all.
func millis(elapsed time.Duration) sample {
	return sample{Value: float64(elapsed.Nanoseconds()) / 1e6}
}
