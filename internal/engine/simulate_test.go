package engine

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seeds   = flag.Uint64("seeds", 500, "how many simulations TestSimulation runs")
	oneSeed = flag.String("seed", "", "the one simulation that TestSimulation runs")
)

// TestSimulation lives some minutes of fake time with three processes, programs that insert
// jobs and people who act on them, all on one store in memory. Calls fail before and after
// their commit, come late and in another order, hang and are cut off; wakes are lost and
// doubled, clocks jump, processes are killed, frozen and stopped. Who gets to the store next
// is decided by the seed, so that a seed that fails can be had again:
//
//	go test ./internal/engine -run TestSimulation -seed 17
//
// What must hold meanwhile and in the end is in simulate_check_test.go. Seeds that have once
// found something are kept in testdata/seeds.txt, and run first.
func TestSimulation(t *testing.T) {
	if *oneSeed != "" {
		seed, err := strconv.ParseUint(*oneSeed, 10, 64)
		if err != nil {
			t.Fatalf("-seed is %q: want a number", *oneSeed)
		}
		simulateSeed(t, seed, new(atomic.Uint64), new(atomic.Uint64))
		return
	}
	n := *seeds
	if testing.Short() {
		n = min(n, 20)
	}
	known := knownSeeds(t)
	began := time.Now()
	var next, grants, starts atomic.Uint64
	t.Run("all", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("some", func(t *testing.T) {
				t.Parallel()
				for !t.Failed() {
					i := next.Add(1) - 1
					seed := i - uint64(len(known))
					switch {
					case i < uint64(len(known)):
						seed = known[i]
					case seed >= n:
						return
					}
					simulateSeed(t, seed, &grants, &starts)
				}
			})
		}
	})
	t.Logf("%d seeds, %d calls, %d jobs started at once, %v", next.Load(), grants.Load(), starts.Load(), time.Since(began).Round(time.Millisecond))
}

// simulateSeed runs one simulation, and counts its calls and the jobs that were stored as leases.
func simulateSeed(t *testing.T, seed uint64, grants, starts *atomic.Uint64) {
	t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, seed, nil)
			w.live()
			grants.Add(w.grants)
			starts.Add(w.starts)
			w.tell()
		})
	})
}

// knownSeeds are those that have found something: a line each, the seed and then what it was.
func knownSeeds(t *testing.T) (known []uint64) {
	t.Helper()
	file, err := os.Open("testdata/seeds.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		number, _, _ := strings.Cut(lines.Text(), " ")
		if number == "" || number == "#" {
			continue
		}
		seed, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			t.Fatalf("testdata/seeds.txt: %q: want a number, then what it has found", lines.Text())
		}
		known = append(known, seed)
	}
	return known
}

// byTheTime is the engine's chance in tests: the same at the same time, in whatever order
// goroutines come. Each simulation begins at a time of its own.
func byTheTime(n int64) int64 {
	return int64(mix(uint64(time.Now().UnixNano())^mix(uint64(n))) % uint64(n))
}

// mix makes a number of which every bit depends on every bit of x.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
