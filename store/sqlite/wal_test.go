package sqlite

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/offloadhq/offload/store"
)

// told catches what is logged during a test.
func told(t *testing.T) *bytes.Buffer {
	t.Helper()
	var text bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &text
}

// A reader that stays keeps the log growing. People are told, and when it has gone the log is
// cut by a process that does nothing but beat.
func TestALogThatAReaderHoldsIsToldAndCutAfterwards(t *testing.T) {
	text := told(t)
	s := openTest(t)
	p := store.Process{ID: store.NewID()}
	must(t, s.Join(t.Context(), p))
	reader := openPoolSession(t, s.path)
	must(t, reader.script("BEGIN; SELECT count(*) FROM offload_job"))
	large := bytes.Repeat([]byte("x"), 1<<20)
	for range largeLog/(8<<20) + 1 {
		jobs := someJobs(8)
		for i := range jobs {
			jobs[i].Input = large
		}
		_, err := s.Insert(t.Context(), jobs)
		must(t, err)
	}
	beat := func() {
		t.Helper()
		_, err := s.Beat(t.Context(), p)
		must(t, err)
	}

	for range 3 {
		beat()
	}

	if n := strings.Count(text.String(), "log of the database grows"); n != 1 {
		t.Errorf("while a reader holds it the log is told of %d times:\n%s", n, text)
	}
	findings, err := s.Examine(t.Context())
	must(t, err)
	for _, f := range findings {
		if f.Name == "log" && f.Level != store.Warning {
			t.Errorf("Examine says of the log: %+v", f)
		}
	}
	must(t, reader.script("COMMIT"))
	beat()
	if size := logSize(s.path); size > cutLog {
		t.Errorf("after its reader has gone the log is %d bytes long, want %d at most", size, cutLog)
	}
	if !strings.Contains(text.String(), "cut") {
		t.Errorf("that the log was cut is not told:\n%s", text)
	}
}
