package offload_test

import (
	"strconv"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// Each of many queues is worked.
func TestManyQueuesAreAllWorked(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		app := open(t, address, noop)
		calls := make([]*offload.Call, 1000)
		for i := range calls {
			calls[i] = noop.Call(i, offload.Queue("queue-"+strconv.Itoa(i)))
		}
		jobs, err := app.Enqueue(t.Context(), calls...)
		if err != nil {
			t.Fatal(err)
		}
		begun(t, app)
		for _, job := range jobs {
			wantEnd(t, app, job.ID, offload.Completed)
		}
	})
}

// Acts by filter go through thousands of jobs, and cancelling one ends it between two pages.
func TestActsReachThousandsOfJobs(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		app := open(t, address, noop)
		ada := operate.As(app, "ada")
		const many = 2500
		if _, err := noop.EnqueueMany(t.Context(), app, make([]any, many), offload.Queue("later")); err != nil {
			t.Fatal(err)
		}
		begun(t, app, "other")
		later := offload.Filter{Queues: []string{"later"}}
		want := func(act *offload.Job, err error, state offload.State, n int) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			wantEnd(t, app, act.ID, offload.Completed)
			stats, err := ada.Stats(t.Context(), operate.StatsQuery{})
			if err != nil || stats.Now[state] != n {
				t.Errorf("after the act jobs are %v, %v; want %d %s", stats, err, n, state)
			}
		}
		act, err := ada.CancelAll(t.Context(), later)
		want(act, err, offload.Cancelled, many)
		act, err = ada.RetryAll(t.Context(), offload.Filter{States: []offload.State{offload.Cancelled}})
		want(act, err, offload.Available, many)

		act, err = ada.DeleteAll(t.Context(), later)
		if err != nil {
			t.Fatal(err)
		}
		if err := ada.Cancel(t.Context(), act.ID); err != nil { // undo
			t.Fatal(err)
		}
		wantEnd(t, app, act.ID, offload.Cancelled)
		act, err = ada.DeleteAll(t.Context(), later)
		if err == nil {
			err = ada.RunNow(t.Context(), act.ID)
		}
		want(act, err, offload.Available, 0)
	})
}
