package alert_test

import (
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

func (h *house) operator() *operate.Operator { return operate.As(h.App.App, "ada") }

// group returns the id of the errors whose title has a word in it.
func (h *house) group(word string) string {
	h.Helper()
	groups, err := h.operator().Errors(h.Context(), operate.ErrorQuery{})
	if err != nil {
		h.Fatal(err)
	}
	for _, g := range groups {
		if strings.Contains(g.Title, word) {
			return g.Group
		}
	}
	h.Fatalf("no error has %q in it: %+v", word, groups)
	return ""
}

func (h *house) store() store.Store {
	h.Helper()
	s, err := inside.Store(h.App.App)
	if err != nil {
		h.Fatal(err)
	}
	return s
}

// still moves the clock while no process is there to take the ticks of schedules.
func (h *house) still(to time.Time) {
	h.Helper()
	h.store().(*memory.Store).Advance(to.Sub(h.Now()))
}

func (h *house) next(schedule string) time.Time {
	h.Helper()
	found, err := h.operator().Schedules(h.Context(), schedule)
	if err != nil || len(found) != 1 {
		h.Fatalf("schedule %s: %v", schedule, err)
	}
	return found[0].Next
}

// join makes a process known that works a queue.
func (h *house) join(queue string) offload.ID {
	h.Helper()
	p := store.Process{ID: store.NewID(), Host: "elsewhere", Queues: map[string]int{queue: 1}}
	if err := h.store().Join(h.Context(), p); err != nil {
		h.Fatal(err)
	}
	return p.ID
}
