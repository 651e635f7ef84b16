package status

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/offloadhq/offload"
)

// Somebody slow has read the line, and the job as it was then. Whatever others have written since, stays.
func TestALateWriteOverwritesNothing(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := t.Context()
	if _, err := db.ExecContext(ctx, "CREATE TABLE orders (id TEXT PRIMARY KEY, state TEXT)"); err != nil {
		t.Fatal(err)
	}
	column, err := Column(ctx, db, "orders", "state", "id")
	if err != nil {
		t.Fatal(err)
	}
	says := func() (text string) {
		if err := db.QueryRowContext(ctx, "SELECT state FROM orders").Scan(&text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	if _, err := db.ExecContext(ctx, "INSERT INTO orders VALUES ('7', '')"); err != nil {
		t.Fatal(err)
	}
	in := func(state offload.State, mess string) *offload.Job {
		return &offload.Job{ID: offload.NewID(), State: state, Error: mess, MaxAttempts: 5, Failures: 1}
	}
	for _, test := range []struct {
		seen, now *offload.Job
		want      string
	}{
		{in(offload.Running, ""), in(offload.Completed, ""), "done"},
		{in(offload.Running, ""), in(offload.Discarded, "no"), "failed (no)"},
		{in(offload.Running, ""), nil, "cancelled (deleted)"},
		{in(offload.Completed, ""), in(offload.Cancelled, ""), "cancelled"}, // of another life: what was written last counts
		{in(offload.Available, ""), in(offload.Running, ""), "running"},
	} {
		if err := column.Track(ctx, db, "7", in(offload.Available, "")); err != nil {
			t.Fatal(err)
		}
		lines, err := column.read(ctx, underWay, "", 10)
		if err != nil || len(lines) != 1 {
			t.Fatalf("%d lines, %v", len(lines), err)
		}
		late, quick := lines[0], lines[0]
		if err := column.settle(ctx, &quick, test.now, underWay); err != nil {
			t.Fatal(err)
		}
		if err := column.settle(ctx, &late, test.seen, underWay); err != nil {
			t.Fatal(err)
		}
		if got := says(); got != test.want {
			t.Errorf("it says %q, want %q", got, test.want)
		}
	}
}

func TestWords(t *testing.T) {
	progress := func(done, total int, note string) *offload.Job {
		return &offload.Job{State: offload.Running, Progress: &offload.ProgressInfo{Done: done, Total: total, Note: note}}
	}
	for want, job := range map[string]*offload.Job{
		"queued":                        {State: offload.Available},
		"waiting (for room)":            {State: offload.Blocked, Waits: "limit"},
		"waiting (for another job)":     {State: offload.Blocked, Waits: "after"},
		"waiting (for a person)":        {State: offload.Blocked, Waits: "held"},
		"running (0 %)":                 progress(0, 10, ""),
		"running (100 %)":               progress(20, 10, ""),
		"running (packing)":             progress(3, 0, "packing\nmore"),
		"failed (it came too late)":     {State: offload.Expired},
		"failed":                        {State: offload.Discarded, Error: "\x00"},
		"retrying (3 of 5, next 00:00)": {State: offload.Retryable, Failures: 2, MaxAttempts: 5},
	} {
		if got := Of(job).String(); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}
