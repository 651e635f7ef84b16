package engine

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

func TestDrainRunsWhatIsDue(t *testing.T) {
	s := &misbehaving{
		Store: memory.New(memory.At(time.Now())), away: map[string]bool{}, hang: map[string]bool{},
		lose: map[string]int{}, calls: map[string]int{},
	}
	r := newRig(t, s, map[string]handler{
		"fine":  nothing,
		"fails": func(context.Context, *store.Claimed) error { return errFailed },
		"more": func(context.Context, *store.Claimed) error {
			insert(t, s, "fine", 2, func(_ int, j *store.NewJob) { j.Queue = "another" })
			return nil
		},
		"large": func(_ context.Context, job *store.Claimed) error {
			if len(job.Input) != 1<<20 {
				return errors.New("no input")
			}
			return nil
		},
		"paused": nothing,
		"panics": func(context.Context, *store.Claimed) error { panic("ouch") },
	})
	r.config.Tasks["snoozes"] = &Task{Run: func(context.Context, *store.Claimed) Verdict {
		return Verdict{Err: errFailed, How: Snooze, In: time.Minute}
	}}
	r.control(store.Control{PauseQueue: "stands"})
	r.control(store.Control{PauseTask: "paused"})
	insert(t, s, "fine", 3, nil)
	insert(t, s, "fails", 2, func(i int, j *store.NewJob) { j.MaxAttempts = 1 + i })
	insert(t, s, "more", 1, nil)
	insert(t, s, "snoozes", 1, nil)
	insert(t, s, "panics", 1, func(_ int, j *store.NewJob) { j.MaxAttempts = 1 })
	insert(t, s, "large", 1, func(_ int, j *store.NewJob) { j.Input = make([]byte, 1<<20) })
	unknown, paused := insert(t, s, "unknown", 1, nil), insert(t, s, "paused", 1, nil)
	stands := insert(t, s, "fine", 1, func(_ int, j *store.NewJob) { j.Queue = "stands" })
	later := insert(t, s, "fine", 1, func(_ int, j *store.NewJob) { j.Delay = time.Hour })
	suspects := insert(t, s, "fine", 2, func(_ int, j *store.NewJob) { j.Queue, j.Priority = "q", 0 })
	suspect(r, suspects)
	s.Advance(time.Minute) // suspects are left alone for a while

	count, err := New(r.config).Drain(t.Context())
	if want := (Count{Completed: 3 + 1 + 2 + 1 + 2, Retried: 1, Discarded: 2, Snoozed: 1}); err != nil || count != want {
		t.Errorf("Drain = %+v, %v; want %+v", count, err, want)
	}
	r.want(store.Blocked, unknown[0], paused[0])
	r.want(store.Available, stands...)
	r.want(store.Scheduled, later...)

	r.control(store.Control{ResumeQueue: "stands"})
	r.control(store.Control{ResumeTask: "paused"})
	s.Advance(time.Minute)
	count, err = New(r.config).Drain(t.Context())
	if want := (Count{Completed: 2, Discarded: 1, Snoozed: 1}); err != nil || count != want {
		t.Errorf("Drain again = %+v, %v; want %+v", count, err, want)
	}
	if all, err := s.Processes(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("Processes = %v, %v", all, err)
	}
}

func TestDrainOfAClosedStoreFails(t *testing.T) {
	r := newRig(t, misbehave(), nil)
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := New(r.config).Drain(t.Context()); err == nil {
		t.Error("Drain on a closed store returned no error")
	}
}
