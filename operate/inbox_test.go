package operate_test

import (
	"strings"
	"testing"

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
