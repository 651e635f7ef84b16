package engine

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

// A stuckLog is a log that takes nothing until it is opened, like a pipe that nobody reads.
type stuckLog struct {
	text *logText
	open chan struct{}
}

func (l stuckLog) Write(p []byte) (int, error) {
	<-l.open
	return l.text.Write(p)
}

// A log that blocks holds up neither beats nor the stop, although there is something to say.
func TestALogThatBlocksHoldsNothingUp(t *testing.T) {
	log := &stuckLog{text: &logText{}}
	inBubble(t, map[string]handler{"t": func(context.Context, *store.Claimed) error {
		time.Sleep(2 * time.Hour)
		return nil
	}}, func(r *rig) {
		ids := r.insert("t", 1, func(_ int, j *store.NewJob) { j.Timeout = time.Second })
		after(time.Hour) // its handler is stuck, and said to be
		if since := time.Since(r.process().Beat); since > store.BeatEvery {
			t.Errorf("the last beat was %v ago", since)
		}
		if took := r.stop(); took > r.config.Grace+lastWait {
			t.Errorf("Run returned after %v", took)
		}
		r.want(store.Available, ids...)
		close(log.open)
		synctest.Wait()
		if n := log.text.count("it is left behind"); n != 1 {
			t.Errorf("that a handler was left behind is said %d times, once it can be; want 1", n)
		}
		after(2 * time.Hour) // it returns
	}, func(c *Config) {
		log.open = make(chan struct{}) // of this bubble
		c.Log = slog.New(slog.NewTextHandler(log, nil))
	})
}

// What is logged faster than it can be written is left out, and that is said; the rest comes
// in order, with its attributes.
func TestScribeKeepsTheOrderAndALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := stuckLog{&logText{}, make(chan struct{})}
		s := &scribe{}
		l := s.logger(slog.New(slog.NewTextHandler(log, nil))).With("a", 1).WithGroup("g")
		l.Info("first")
		synctest.Wait() // it is being written
		for i := range scribeLines + 5 {
			l.Info("line", "n", i)
		}
		close(log.open)
		s.flush()
		text := log.text.text.String()
		if !strings.Contains(text, "first a=1\n") || !strings.Contains(text, "lines were left out\" a=1 g.lines=5\n") {
			t.Errorf("wrote %.200s…", text)
		}
		at := -1
		for i := range scribeLines {
			next := strings.Index(text, fmt.Sprintf("line a=1 g.n=%d\n", i))
			if next <= at {
				t.Fatalf("line %d is missing or out of order", i)
			}
			at = next
		}
	})
}
