package prometheus

import (
	"bytes"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/telemetry"
)

var update = flag.Bool("update", false, "renew testdata/page.txt; then read the diff")

// example has everything that a page can show, and names that need care.
func example() *telemetry.Reading {
	durations := func(all ...time.Duration) (h store.Histogram) {
		for _, d := range all {
			h.Count(d)
		}
		return h
	}
	return &telemetry.Reading{
		Queues: []telemetry.Queue{
			{
				Name: "default", Jobs: map[offload.State]int{offload.Available: 1200, offload.Running: 100}, Oldest: 1500 * time.Millisecond, Workers: 200,
				Need: telemetry.Need{Backlog: 1200, Working: 2, Slots: 100, Processes: 3},
			},
			{Name: `odd "name"` + "\n\\ \xff", Paused: true, Jobs: map[offload.State]int{offload.Scheduled: telemetry.CountsStop}},
		},
		Processes: telemetry.Processes{Working: 2, Lost: 1, Running: 100, Stuck: 1},
		Schedules: []telemetry.Schedule{{Name: "nightly", Overdue: time.Minute}, {Name: "weekly", Paused: true}},
		Totals: []telemetry.Total{
			{Queue: "default", Task: "mail", Outcome: "completed", Count: 3, Wait: durations(0, time.Second, time.Hour), Run: durations(100*time.Millisecond, 102400*time.Microsecond, 4*24*time.Hour)},
			{Queue: "default", Task: "mail", Outcome: "enqueued", Count: 1 << 60},
			{Queue: "default", Task: "mail", Outcome: "retry", Count: 1, Wait: durations(time.Millisecond), Run: durations(time.Minute)},
			{Queue: "default", Task: "new", Outcome: "enqueued", Count: 7},
		},
	}
}

func TestPage(t *testing.T) {
	var b bytes.Buffer
	writePage(&b, example(), true)
	const golden = "testdata/page.txt"
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the page is another; -update renews it:\n%s", diff)
	}
}

func TestPageWithoutAStoreHasWhatStaysTrue(t *testing.T) {
	for _, test := range []struct {
		name string
		r    *telemetry.Reading
		want bool // totals are there
	}{{"never read", nil, false}, {"read before", example(), true}} {
		var b bytes.Buffer
		writePage(&b, test.r, false)
		if !bytes.Contains(b.Bytes(), []byte("\noffload_up 0\n")) || bytes.Contains(b.Bytes(), []byte("offload_queue_jobs")) ||
			bytes.Contains(b.Bytes(), []byte("offload_attempts_total{")) != test.want {
			t.Errorf("%s:\n%s", test.name, b.String())
		}
	}
}
