package alert_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/alert"
	"github.com/offloadhq/offload/store/memory"
)

// A watcher that hangs is no watcher: after three looks that it has missed another watches. When it comes back, it is
// one who waits.
func TestHangingWatcherIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := memory.New()
		var mu sync.Mutex
		looks := map[string]int{} // writes of the duty, by process
		hang, goOn := false, make(chan bool)
		open := func(name string) (stop func()) {
			s := &shaky{Store: base, at: func(what string) (bool, error) {
				if what != "put alert.duty" {
					return false, nil
				}
				mu.Lock()
				looks[name]++
				wait := hang && name == "first"
				mu.Unlock()
				if wait {
					<-goOn
				}
				return false, nil
			}}
			kit := newKit(t, alert.Every(10*time.Second))
			app, err := offload.New(context.Background(), s, kit, offload.LogTo(slog.New(slog.DiscardHandler)))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			var running sync.WaitGroup
			running.Go(func() {
				if err := app.Run(ctx); err != nil {
					t.Error(err)
				}
			})
			return func() {
				cancel()
				running.Wait()
				app.Close()
			}
		}
		seen := func() (first, second int) {
			mu.Lock()
			defer mu.Unlock()
			first, second = looks["first"], looks["second"]
			clear(looks)
			return first, second
		}
		stopFirst := open("first")
		time.Sleep(time.Second)
		stopSecond := open("second")
		time.Sleep(10 * time.Minute)
		if first, second := seen(); first < 59 || first > 62 || second != 0 {
			t.Errorf("looks of the one who watches: %d, of the other: %d; want one each 10 s, and none", first, second)
		}
		mu.Lock()
		hang = true
		mu.Unlock()
		time.Sleep(25 * time.Second)
		if _, second := seen(); second != 0 {
			t.Error("the other watches before three looks were missed")
		}
		time.Sleep(time.Minute)
		if _, second := seen(); second < 3 {
			t.Errorf("%d looks of the other; want it to watch", second)
		}
		mu.Lock()
		hang = false
		mu.Unlock()
		close(goOn)
		time.Sleep(time.Minute)
		seen()
		time.Sleep(time.Minute)
		if first, second := seen(); first != 0 || second < 5 {
			t.Errorf("looks of the one who hung: %d, of the other: %d; want it to wait", first, second)
		}
		stopSecond()
		time.Sleep(15 * time.Second)
		if first, _ := seen(); first == 0 {
			t.Error("nobody watches after one has ended")
		}
		stopFirst()
	})
}

// Of a rule there are a hundred incidents at most, and none of them is over because there are more.
func TestStorm(t *testing.T) {
	h := build(t, nil, alert.Rule{Name: "all", When: alert.Waiting, Over: time.Minute, To: []string{"me"}})
	queues := make([]string, 150)
	for i := range queues {
		queues[i] = fmt.Sprintf("q%03d", i)
		if err := h.operator().PauseQueue(t.Context(), queues[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, queue := range queues[50:] {
		put(t, h.App, 1, offload.Queue(queue))
	}
	h.Advance(2 * time.Minute)
	if got := h.look(); len(got) != 100 {
		t.Errorf("%d notices; want 100", len(got))
	}
	for _, queue := range queues[:50] {
		put(t, h.App, 1, offload.Queue(queue))
	}
	for range 3 {
		h.Advance(2 * time.Minute)
		if got := h.look(); len(got) != 0 {
			t.Errorf("told %q", got)
		}
	}
}

// What can't be looked at is not well for that.
func TestUnseenIsNotWell(t *testing.T) {
	down := errors.New("the database is down")
	var failing bool
	base := memory.New(memory.At(time.Now()))
	s := &blinded{shaky: &shaky{Store: base, at: func(string) (bool, error) { return false, nil }}, fail: func() error {
		if failing {
			return down
		}
		return nil
	}}
	var told teller
	kit := newKit(t, alert.Func("me", told.tell),
		alert.Rule{Name: "count", When: alert.Discarding, Task: "sometimes", To: []string{"me"}},
		alert.Rule{Name: "late", When: alert.Missing, To: []string{"me"}})
	app := openOn(t, s, handled(), kit)
	defer app.Close()
	if _, err := sometimes.Enqueue(t.Context(), app, false); err != nil {
		t.Fatal(err)
	}
	drain(t, app)
	if err := kit.For(app).Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	drain(t, app)
	failing = true
	base.Advance(time.Hour)
	for range 5 {
		if err := kit.For(app).Look(t.Context()); !errors.Is(err, down) || !strings.Contains(err.Error(), `rule "count"`) {
			t.Errorf("%v; want to hear which rule could not be looked at", err)
		}
		base.Advance(time.Hour)
	}
	drain(t, app)
	if keys := told.all(); len(keys) != 1 {
		t.Errorf("told %q; want no all-clear", keys)
	}
}
