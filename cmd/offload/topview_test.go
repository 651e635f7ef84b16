package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// crowded is a picture of many queues and jobs, with names that are too long and what a terminal must not see.
func crowded(queues, jobs int) *picture {
	p := &picture{address: "postgres://ada@db/" + strings.Repeat("x", 100), now: time.Date(2026, 7, 1, 12, 0, 0, 0, time.Local), rates: map[string]rates{}}
	for i := range queues {
		q := operate.Queue{Name: fmt.Sprintf("queue-%d-%s", i, strings.Repeat("n", 100)), Available: 1001, Running: 1001, Workers: 9999, Scheduled: 1001, Retryable: 1001, Blocked: 1001, Oldest: p.now.Add(-47*time.Hour - 59*time.Minute)}
		q.Paused = i%2 == 0
		p.rates[q.Name] = rates{123456, 99.95}
		p.queues = append(p.queues, q)
	}
	for range jobs {
		p.running = append(p.running, &offload.Job{
			ID: offload.NewID(), Task: "a-task-with-a-very-long-name", StartedAt: p.now.Add(-time.Hour),
			Progress: &offload.ProgressInfo{Done: 7, Total: 10, Left: time.Minute, Note: "rows\n\x1b[31mred of this and many more words"},
		})
	}
	p.processes = []operate.Process{{Running: 3, Stuck: []offload.ID{{}}}, {Lost: true}}
	return p
}

func TestPicturesFitTheTerminal(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {80, 10}, {40, 24}, {200, 60}, {1, 1}, {80, 3}} {
		for _, n := range [][2]int{{0, 0}, {1, 1}, {100, 0}, {0, 100}, {100, 100}, {5, 1000}} {
			lines := crowded(n[0], n[1]).lines(size[0], size[1], size[1])
			if len(lines) > size[1] {
				t.Errorf("%v of %v: %d lines", n, size, len(lines))
			}
			for _, line := range lines {
				if utf8.RuneCountInString(line) > size[0] || strings.ContainsAny(line, "\n\x1b") {
					t.Errorf("%v of %v: %q", n, size, line)
				}
			}
		}
	}
}

func TestPicture(t *testing.T) {
	p := crowded(2, 3)
	p.address, p.running[0].ID = "shop.db", offload.ID{}
	p.queues[1] = operate.Queue{Name: "mail", Available: 12, Running: 3, Workers: 10, Oldest: p.now.Add(-90 * time.Second)}
	p.rates["mail"] = rates{1.5, 0.004}
	p.running[1].Progress = nil
	want := []string{
		"12:00:00  1 process  3 running  1 stuck  shop.db", "",
		"QUEUE                 READY   RUNNING  LATER  RETRY  BLOCK  WAITED DONE/S FAIL/S",
		"queue-0-nn… (paused)  1000+ 1000+/9999  1000+  1000+  1000+  47h59m 123456  100",
		"mail                     12      3/10      0      0      0   1m30s   1.50  <0.01"[:79], "",
		"JOB                                   TASK             SINCE  PROGRESS",
		"00000000-0000-0000-0000-000000000000  a-task-with-a…   1h00m  70%, 1m00s left r…",
	}
	got := p.lines(topWidth, 0, 2)
	for i := range want {
		if i == 3 || i == 4 {
			continue // looked at below
		}
		if got[i] != want[i] {
			t.Errorf("line %d is\n%q, want\n%q", i, got[i], want[i])
		}
	}
	for i, parts := range map[int][]string{3: {"queue-0-nn… (paused)", "1000+/9999", "47h59m"}, 4: {"mail  ", " 3/10 ", " 1m30s ", " 1.50 ", "<0.01"}} {
		for _, part := range parts {
			if !strings.Contains(got[i], part) {
				t.Errorf("line %d has no %q: %q", i, part, got[i])
			}
		}
	}
	if last := got[len(got)-1]; last != "… and 2 more" {
		t.Errorf("the last line is %q", last)
	}
	p.err = errors.New("offload: the database is away")
	if head := p.lines(topWidth, 0, 0)[0]; !strings.HasSuffix(head, "old, since: the database is away") {
		t.Errorf("without a store: %q", head)
	}
}
