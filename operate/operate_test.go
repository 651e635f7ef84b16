package operate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/operate"
)

var call = offload.NewTask("call", func(ctx context.Context, host string) error {
	if host == "down" {
		return offload.Discard(errors.New("host is down"))
	}
	return nil
})

// discarded makes an app with n jobs that were discarded.
func discarded(t *testing.T, n int) *offloadtest.App {
	t.Helper()
	app := offloadtest.New(call)
	t.Cleanup(func() { app.Close() })
	hosts := make([]string, n)
	for i := range hosts {
		hosts[i] = "down"
	}
	if _, err := call.EnqueueMany(t.Context(), app, hosts); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	return app
}

func count(t *testing.T, app *offloadtest.App, state offload.State) int {
	t.Helper()
	jobs, err := app.Jobs(t.Context(), offload.Filter{States: []offload.State{state}, Max: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	return len(jobs)
}

var allDiscarded = offload.Filter{States: []offload.State{offload.Discarded}}

func TestActsByFilterAreJobs(t *testing.T) {
	app := discarded(t, 1200) // more than two pages
	ada := operate.As(app.App, "ada")

	act, err := ada.DeleteAll(t.Context(), allDiscarded)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if n := count(t, app, offload.Discarded); n != 1200 {
		t.Errorf("%d jobs left before the minute to undo has passed; want 1200", n)
	}
	app.Advance(time.Minute)
	app.Drain()
	if n := count(t, app, offload.Discarded); n != 0 {
		t.Errorf("%d jobs left; want 0", n)
	}
	act, err = app.Job(t.Context(), act.ID)
	if err != nil || act.State != offload.Completed || string(act.Result) != `{"jobs":1200,"changed":1200}` {
		t.Errorf("the act: %+v, %v", act, err)
	}
	acts, err := ada.Acts(t.Context(), time.Time{})
	if err != nil || len(acts) != 1 || acts[0].Who != "ada" || acts[0].What != "delete all" || acts[0].By != act.ID {
		t.Errorf("Acts = %+v, %v", acts, err)
	}
}

func TestActByNameIsRefusedThatSaysTooLittle(t *testing.T) {
	app := discarded(t, 3)
	for _, input := range []string{`{"verb":"delete","filter":{}}`, `{"verb":"burn","filter":{"All":true}}`} {
		jobs, err := app.Enqueue(t.Context(), offload.NewCall("offload.act", []byte(input)))
		if err != nil {
			t.Fatal(err)
		}
		app.Drain()
		if act, err := app.Job(t.Context(), jobs[0].ID); err != nil || act.State != offload.Discarded {
			t.Errorf("act %s: %+v, %v; want it discarded", input, act, err)
		}
	}
	if n := count(t, app, offload.Discarded); n != 3 {
		t.Errorf("%d jobs left; want all 3", n)
	}
}

func TestActIsUndoneByCancellingIt(t *testing.T) {
	app := discarded(t, 3)
	act, err := operate.As(app.App, "ada").DeleteAll(t.Context(), allDiscarded)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Cancel(t.Context(), act.ID); err != nil {
		t.Fatal(err)
	}
	app.Advance(time.Hour)
	app.Drain()
	if n := count(t, app, offload.Discarded); n != 3 {
		t.Errorf("%d jobs left; want all 3", n)
	}
}

func TestRetryAllRunsThemAgain(t *testing.T) {
	app := discarded(t, 3)
	if _, err := operate.As(app.App, "ada").RetryAll(t.Context(), allDiscarded); err != nil {
		t.Fatal(err)
	}
	if got := app.Drain(); got.Discarded != 3 || got.Completed != 1 {
		t.Errorf("Drain = %+v; want the act completed and 3 jobs discarded again", got)
	}
}

func TestRetryAllCountsJobsWhoseUniqueKeyIsTaken(t *testing.T) {
	app := offloadtest.New(call)
	defer app.Close()
	unique := offload.Unique{Key: "host"}
	for range 2 { // the second takes the key that the first has left
		if _, err := call.Enqueue(t.Context(), app, "down", unique); err != nil {
			t.Fatal(err)
		}
		app.Drain()
	}
	if _, err := call.Enqueue(t.Context(), app, "down"); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	act, err := operate.As(app.App, "ada").RetryAll(t.Context(), allDiscarded)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	act, err = app.Job(t.Context(), act.ID)
	if err != nil || string(act.Result) != `{"jobs":3,"changed":2,"taken":1}` || !strings.Contains(act.Progress.Note, "unique key of 1") {
		t.Errorf("the act: %+v, %v; want 2 of 3 changed", act, err)
	}
}

func TestEditOfAnInputChangesItsKeys(t *testing.T) {
	once := offload.NewTask("once", func(context.Context, string) error { return nil }, offload.Unique{By: "."})
	app := offloadtest.New(once)
	defer app.Close()
	jobs, err := once.EnqueueMany(t.Context(), app, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	ada := operate.As(app.App, "ada")
	var conflict *offload.ConflictError
	if err := ada.Edit(t.Context(), jobs[0].ID, operate.Edit{Input: []byte(`"b"`)}); !errors.As(err, &conflict) || conflict.ID != jobs[1].ID {
		t.Errorf("the input of another: %v; want a ConflictError that names it", err)
	}
	if err := ada.Edit(t.Context(), jobs[0].ID, operate.Edit{Input: []byte(`"c"`)}); err != nil {
		t.Errorf("an input of its own: %v", err)
	}
	if job, err := once.Enqueue(t.Context(), app, "c"); err != nil || job.ID != jobs[0].ID {
		t.Errorf("a second with it: %+v, %v; want the edited one", job, err)
	}
}

func TestCancelAllAndEditAllChangeWhatWaits(t *testing.T) {
	app := offloadtest.New(call)
	defer app.Close()
	ada := operate.As(app.App, "ada")
	if _, err := call.EnqueueMany(t.Context(), app, []string{"a", "b"}, offload.Delay(time.Hour), offload.Tag("customer", "7")); err != nil {
		t.Fatal(err)
	}
	urgent := 0
	mine := offload.Filter{Tag: "customer=7"}
	if _, err := ada.EditAll(t.Context(), mine, operate.Edit{Queue: "calls", Priority: &urgent}); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	jobs, err := app.Jobs(t.Context(), mine)
	if err != nil || len(jobs) != 2 || jobs[0].Queue != "calls" || jobs[1].Priority != 0 {
		t.Errorf("after EditAll: %+v, %v", jobs, err)
	}
	if _, err := ada.CancelAll(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if n := count(t, app, offload.Cancelled); n != 2 {
		t.Errorf("%d jobs cancelled; want 2", n)
	}
}

func TestActsAreRefusedThatSayTooLittle(t *testing.T) {
	app := discarded(t, 1)
	ada := operate.As(app.App, "ada")
	for name, act := range map[string]func() error{
		"the zero filter":    func() error { _, err := ada.DeleteAll(t.Context(), offload.Filter{}); return err },
		"only a page size":   func() error { _, err := ada.CancelAll(t.Context(), offload.Filter{Max: 3}); return err },
		"nobody":             func() error { _, err := operate.As(app.App, "").RetryAll(t.Context(), allDiscarded); return err },
		"an edit of nothing": func() error { _, err := ada.EditAll(t.Context(), allDiscarded, operate.Edit{}); return err },
		"one input for many": func() error {
			_, err := ada.EditAll(t.Context(), allDiscarded, operate.Edit{Input: []byte("1")})
			return err
		},
		"a queue of odd letters": func() error { return ada.PauseQueue(t.Context(), "größe") },
		"offload's own queue":    func() error { return ada.PauseQueue(t.Context(), "offload") },
	} {
		var wrong *offload.InputError
		if err := act(); !errors.As(err, &wrong) {
			t.Errorf("%s: %v; want an InputError", name, err)
		}
	}
	if _, err := ada.DeleteAll(t.Context(), offload.Filter{All: true}); err != nil {
		t.Errorf("everything, said outright: %v", err)
	}
	if err := ada.QuietProcess(t.Context(), offload.NewID()); !errors.Is(err, offload.ErrNotFound) {
		t.Errorf("quiet a process that is not there: %v; want ErrNotFound", err)
	}
	if _, err := operate.As(nil, "ada").Queues(t.Context()); !errors.Is(err, offload.ErrClosed) {
		t.Errorf("an operator of no app: %v; want ErrClosed", err)
	}
}

func TestPausedQueuesAndTasksWait(t *testing.T) {
	app := offloadtest.New(call)
	defer app.Close()
	ada := operate.As(app.App, "ada")
	for _, act := range []struct {
		name          string
		pause, resume func(context.Context, string) error
		arg           string
	}{
		{"queue", ada.PauseQueue, ada.ResumeQueue, "default"},
		{"task", ada.PauseTask, ada.ResumeTask, "call"},
	} {
		if err := act.pause(t.Context(), act.arg); err != nil {
			t.Fatal(err)
		}
		if _, err := call.Enqueue(t.Context(), app, "up"); err != nil {
			t.Fatal(err)
		}
		if got := app.Drain(); got.Completed != 0 {
			t.Errorf("a job of a paused %s ran", act.name)
		}
		if err := act.resume(t.Context(), act.arg); err != nil {
			t.Fatal(err)
		}
		if got := app.Drain(); got.Completed != 1 {
			t.Errorf("after the resume of the %s: %+v", act.name, got)
		}
	}
	acts, err := ada.Acts(t.Context(), time.Time{})
	if err != nil || len(acts) != 4 {
		t.Errorf("Acts = %+v, %v; want 4", acts, err)
	}
}

func TestFiguresTellWhatHappened(t *testing.T) {
	app := discarded(t, 3)
	ada := operate.As(app.App, "ada")
	if _, err := call.EnqueueMany(t.Context(), app, []string{"up", "up"}); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if _, err := call.Enqueue(t.Context(), app, "later", offload.Delay(time.Hour)); err != nil {
		t.Fatal(err)
	}

	stats, err := ada.Stats(t.Context(), operate.StatsQuery{Until: app.Now().Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if n := stats.Now; n[offload.Discarded] != 3 || n[offload.Completed] != 2 || n[offload.Scheduled] != 1 {
		t.Errorf("Now = %v", n)
	}
	var completed, failed int64
	for _, s := range stats.Steps {
		completed, failed = completed+s.Completed, failed+s.Failed
	}
	if completed != 2 || failed != 3 {
		t.Errorf("steps count %d completed, %d failed; want 2 and 3: %+v", completed, failed, stats.Steps)
	}
	byQueue, err := ada.QueueStats(t.Context(), app.Now().Add(-time.Hour))
	if err != nil || len(byQueue) != 1 || byQueue["default"].Completed != 2 || byQueue["default"].Failed != 3 {
		t.Errorf("QueueStats = %+v, %v", byQueue, err)
	}
	queues, err := ada.Queues(t.Context())
	if err != nil || len(queues) != 1 || queues[0].Name != "default" || queues[0].Scheduled != 1 {
		t.Errorf("Queues = %+v, %v", queues, err)
	}
	tasks, err := ada.Tasks(t.Context())
	if err != nil || len(tasks) != 1 || tasks[0].Name != "call" || tasks[0].Queue != "default" || len(tasks[0].Schema) == 0 {
		t.Errorf("Tasks = %+v, %v", tasks, err)
	}
	if _, err := ada.Stats(t.Context(), operate.StatsQuery{Step: time.Second}); err == nil {
		t.Error("a step of a second is accepted")
	}
}
