package operate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store/memory"
)

func TestInboxShowsWhatWasRefused(t *testing.T) {
	s := memory.New()
	app, err := offload.New(t.Context(), s, call)
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	s.WriteInbox("call", `"up"`, "")
	s.WriteInbox("tell", `"up"`, `{"queue":"mail"}`)
	s.WriteInbox("call", `{`, "")
	if _, err := inside.Drain(t.Context(), app); err != nil {
		t.Fatal(err)
	}

	rows, err := operate.As(app, "ada").Inbox(t.Context())
	if err != nil || len(rows) != 2 {
		t.Fatalf("Inbox = %+v, %v; want 2", rows, err)
	}
	if r := rows[0]; r.Number != 3 || r.Task != "call" || r.Input != "{" || !strings.Contains(r.Error, "want JSON") {
		t.Errorf("the newest: %+v", r)
	}
	if r := rows[1]; r.Number != 2 || r.Options != `{"queue":"mail"}` || !strings.Contains(r.Error, "unknown task") || r.At.IsZero() {
		t.Errorf("the oldest: %+v", r)
	}
}

// refusedRows is an app whose inbox has refused rows 1 to n.
func refusedRows(t *testing.T, n int) (*memory.Store, *offload.App) {
	t.Helper()
	s := memory.New()
	app, err := offload.New(t.Context(), s, call)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() })
	for range n {
		s.WriteInbox("tell", `"up"`, "")
	}
	drain(t, app)
	return s, app
}

func drain(t *testing.T, app *offload.App) {
	t.Helper()
	if _, err := inside.Drain(t.Context(), app); err != nil {
		t.Fatal(err)
	}
}

// numbers are those of the rows that were refused, newest first.
func numbers(t *testing.T, o *operate.Operator) (all []int64) {
	t.Helper()
	rows, err := o.Inbox(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		all = append(all, r.Number)
	}
	return all
}

func TestRefusedRowsAreRetriedAndDropped(t *testing.T) {
	s, app := refusedRows(t, 5)
	ada := operate.As(app, "ada")
	if err := ada.DropInbox(t.Context(), 2, 4, 2); err != nil {
		t.Fatal(err)
	}
	if got := numbers(t, ada); !slices.Equal(got, []int64{5, 3, 1}) {
		t.Errorf("with 2 and 4 dropped: %v", got)
	}
	err := ada.RetryInbox(t.Context(), 4, 5, 9)
	if !errors.Is(err, offload.ErrNotFound) || !strings.Contains(err.Error(), "row 4, 9:") {
		t.Errorf("RetryInbox(4, 5, 9) = %v; want 4 and 9 not found", err)
	}
	if got := numbers(t, ada); !slices.Equal(got, []int64{3, 1}) {
		t.Errorf("with 5 retried: %v", got)
	}
	drain(t, app) // which refuses it again
	s.WriteInbox("call", `"up"`, "")
	if got := numbers(t, ada); !slices.Equal(got, []int64{5, 3, 1}) {
		t.Errorf("looked at again: %v", got)
	}
	if n, err := ada.RetryInboxAll(t.Context()); n != 3 || err != nil {
		t.Errorf("RetryInboxAll = %d, %v; want 3", n, err)
	}
	drain(t, app)
	if n, err := ada.DropInboxAll(t.Context()); n != 3 || err != nil {
		t.Errorf("DropInboxAll = %d, %v; want 3", n, err)
	}
	if got := numbers(t, ada); len(got) > 0 {
		t.Errorf("all dropped: %v", got)
	}
	acts, err := ada.Acts(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var what []string
	for _, a := range acts {
		if a.Who != "ada" {
			t.Errorf("an act is recorded as %q's", a.Who)
		}
		what = append(what, a.What)
	}
	if !slices.Equal(what, []string{"drop inbox 5, 3, 1", "retry inbox 5, 3, 1", "retry inbox 5", "drop inbox 2, 4"}) {
		t.Errorf("recorded: %q", what)
	}
	if err := operate.As(app, "").DropInbox(t.Context(), 1); err == nil {
		t.Error("nobody may drop rows")
	}
}

// More rows than are listed at once: each is found, by its number and as one of all.
func TestManyRefusedRowsAreAllFound(t *testing.T) {
	const n = 2500
	_, app := refusedRows(t, n)
	ada := operate.As(app, "ada")
	if err := ada.RetryInbox(t.Context(), 1, n); err != nil {
		t.Fatal(err)
	}
	drain(t, app)
	if got, err := ada.RetryInboxAll(t.Context()); got != n || err != nil {
		t.Errorf("RetryInboxAll = %d, %v; want %d", got, err, n)
	}
	drain(t, app)
	if got, err := ada.DropInboxAll(t.Context()); got != n || err != nil {
		t.Errorf("DropInboxAll = %d, %v; want %d", got, err, n)
	}
}
