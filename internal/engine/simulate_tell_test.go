package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

// This file has what is told of a simulation in which something did not hold.

// A breach is something that did not hold.
type breach struct {
	at   time.Time
	job  store.ID
	text string
}

// An entry is one line of what has happened.
type entry struct {
	at    time.Time
	wire  *wire
	what  string
	how   string
	about []store.Fence
}

func (w *world) note(now time.Time, c *trip, how string) {
	w.entries = append(w.entries, entry{now, c.wire, c.verb, how, c.about})
	w.sum = mix(w.sum ^ uint64(now.UnixNano()) ^ uint64(c.wire.number)<<56 ^ uint64(len(c.verb))<<48 ^ uint64(len(how))<<40)
}

func (w *world) noteOf(l *wire, what string) {
	w.entries = append(w.entries, entry{at: time.Now(), wire: l, what: what})
}

func (w *world) noteFence(l *wire, f store.Fence, what string) {
	w.entries = append(w.entries, entry{time.Now(), l, what, "", []store.Fence{f}})
}

// nameOf is a process as the history calls it.
func (w *world) nameOf(process store.ID) string {
	if process.IsZero() {
		return "nobody"
	}
	return w.names[process]
}

// tell fails the test with what did not hold, and with what had happened to the first such job.
func (w *world) tell() {
	if len(w.breaches) == 0 {
		return
	}
	var text strings.Builder
	for _, b := range w.breaches {
		fmt.Fprintf(&text, "%9.3fs  job %s: %s\n", b.at.Sub(w.began).Seconds(), shortOf(b.job), b.text)
	}
	first := w.breaches[0]
	fmt.Fprintf(&text, "what happened before the first:\n")
	for _, e := range w.entries {
		if e.at.After(first.at) || !e.concerns(first.job) {
			continue
		}
		fmt.Fprintf(&text, "%9.3fs  %-6s %s %s %v\n", e.at.Sub(w.began).Seconds(), e.wire.name, e.what, e.how, shortFences(e.about))
	}
	w.t.Errorf("seed %d: %d things do not hold; to have it again: go test ./internal/engine -run TestSimulation -seed %d\n%s",
		w.seed, len(w.breaches), w.seed, text.String())
}

// concerns reports whether an entry is worth telling for a job.
func (e *entry) concerns(id store.ID) bool {
	switch e.what {
	case "Sleep", "Find", "Admit", "PutSchedules", "InboxRows", "TakeDuty prune", "TakeDuty sweep", "TakeDuty count enqueued", "Prune", "CountEnqueued", "Inputs", "WriteProgress":
		return false
	case "Beat":
		return id.IsZero()
	}
	return len(e.about) == 0 || slices.ContainsFunc(e.about, func(f store.Fence) bool { return f.ID == id })
}

// shortOf is the number of a job.
func shortOf(id store.ID) string { return fmt.Sprint(numberOf(id)) }

func shortFences(about []store.Fence) (short []string) {
	for _, f := range about[:min(len(about), 10)] {
		short = append(short, fmt.Sprintf("%d/%d", numberOf(f.ID), f.Attempt))
	}
	return short
}
