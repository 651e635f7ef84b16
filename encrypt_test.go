package offload_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

// canary is in what must not be found in the clear.
const canary = "canary-4111-1111"

func keyOf(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// keysOf are keys with ids, the first of them the current one.
func keysOf(ids ...string) offload.Keys {
	keys := offload.Keys{Current: ids[0], ByID: map[string][]byte{}}
	for _, id := range ids {
		keys.ByID[id] = keyOf(id[len(id)-1])
	}
	return keys
}

type charge struct {
	Card   string `json:"card"`
	Tenant string `json:"tenant,omitempty"`
}

// drained runs what is due on an app.
func drained(t *testing.T, app *offload.App) {
	t.Helper()
	if _, err := inside.Drain(t.Context(), app); err != nil {
		t.Fatal(err)
	}
}

// openLogged opens an app that logs into a buffer.
func openLogged(t *testing.T, address string, log *bytes.Buffer, parts ...offload.Part) *offload.App {
	t.Helper()
	to := offload.LogTo(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	app, err := offload.Open(t.Context(), address, append(parts, to)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() })
	return app
}

// raw is all that a store has of a job, as text.
func raw(t *testing.T, app *offload.App, id offload.ID) string {
	t.Helper()
	s := storeOf(t, app)
	jobs, err := s.Find(t.Context(), store.Filter{IDs: []offload.ID{id}})
	if err != nil || len(jobs) != 1 {
		t.Fatalf("Find = %v, %v", jobs, err)
	}
	lines, err := s.Logs(t.Context(), id, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	memos, err := s.Memos(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%s %s %s", jobs[0].Input, jobs[0].Result, jobs[0].Error)
	for _, l := range lines {
		text += fmt.Sprintf(" %s %s", l.Text, l.Attrs)
	}
	for _, m := range memos {
		text += fmt.Sprintf(" %s", m.Data)
	}
	return text
}

func wantReason(t *testing.T, app *offload.App, id offload.ID, code, text string) {
	t.Helper()
	why, err := app.Why(t.Context(), id)
	if err != nil || why.Code != code || !strings.Contains(why.Text, text) {
		t.Errorf("Why = %+v, %v; want %q with %q", why, err, code, text)
	}
}

// All that a job says is encrypted in the database, and read by its handlers, by the program that
// waits for it, and by other programs with the key.
func TestAllThatAJobSaysIsEncrypted(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		var id offload.ID
		secondTry := make(chan string, 10)
		task := offload.NewFunc("charge", func(ctx context.Context, c charge) (charge, error) {
			if in := string(offload.JobOf(ctx).Input); !strings.Contains(in, canary) {
				t.Errorf("JobOf(ctx).Input = %s", in)
			}
			offload.Logger(ctx).With("a", canary).Info("charging "+canary, "card", c.Card)
			offload.Logger(ctx).Info(strings.Repeat(canary+"ü", 2000), "long", strings.Repeat(canary, 2000))
			kept, err := offload.Resume[string](ctx)
			if err != nil {
				return c, err
			}
			step, err := offload.Step(ctx, "step", func(context.Context) (string, error) { return c.Card, nil })
			if err != nil {
				return c, err
			}
			err = offload.Each(ctx, slices.Values([]string{canary, "b"}), func(context.Context, string) error { return nil })
			if err != nil {
				return c, err
			}
			if offload.JobOf(ctx).Attempt == 1 {
				if err := offload.Checkpoint(ctx, c.Card); err != nil {
					return c, err
				}
				return c, offload.RetryIn(0, errors.New("once more"))
			}
			secondTry <- kept + " " + step
			return c, nil
		}, offload.Encrypt())
		app := open(t, address, task, keysOf("2026-1"))
		job, err := task.Enqueue(t.Context(), app, charge{Card: canary})
		if err != nil {
			t.Fatal(err)
		}
		if string(job.Input) != `{"card":"`+canary+`"}` {
			t.Errorf("Enqueue returns the input %s", job.Input)
		}
		id = job.ID
		if text := raw(t, app, id); strings.Contains(text, canary) || !strings.Contains(text, `{"offload:sealed":"v1.job.2026-1.`) {
			t.Errorf("the store has %s", text)
		}
		begunAndDone := begun(t, app)
		out, err := task.Wait(t.Context(), app, id)
		if err != nil || out.Card != canary {
			t.Errorf("Wait = %+v, %v", out, err)
		}
		begunAndDone()

		if got := <-secondTry; got != canary+" "+canary {
			t.Errorf("the second attempt read %q", got)
		}
		if text := raw(t, app, id); strings.Contains(text, canary) || strings.Contains(text, "charging") {
			t.Errorf("the store has %s", text)
		}
		lines := logOf(t, app, id)
		if len(lines) != 4 || lines[0].Text != "charging "+canary || string(lines[0].Attrs) != `{"a":"`+canary+`","card":"`+canary+`"}` {
			t.Fatalf("the log is %.300v", lines)
		}
		if n := len(lines[1].Text); n < 10_000 || n > store.MaxLogText || !strings.Contains(string(lines[1].Attrs), "left out") {
			t.Errorf("of a long line %d bytes are kept, and %s", n, lines[1].Attrs)
		}
		if read := read(t, app, id); string(read.Result) != `{"card":"`+canary+`"}` {
			t.Errorf("Job has the result %s", read.Result)
		}
		if address != "memory:" {
			blind := open(t, address)
			seen := read(t, blind, id)
			if want := `"(encrypted with key 2026-1)"`; string(seen.Input) != want || string(seen.Result) != want {
				t.Errorf("an app without keys sees %s and %s, want %s", seen.Input, seen.Result, want)
			}
			if l := logOf(t, blind, id); len(l) != 4 || l[0].Text != "(encrypted with key 2026-1)" || l[0].Attrs != nil {
				t.Errorf("an app without keys sees the log %.300v", l)
			}
			if _, err := task.Wait(t.Context(), blind, id); !errors.Is(err, offload.ErrUnknownKey) || !strings.Contains(err.Error(), `"2026-1"`) {
				t.Errorf("Wait in an app without keys: %v, want ErrUnknownKey", err)
			}
		}
		if path, ok := strings.CutSuffix(address, ".db"); ok {
			for _, end := range []string{".db", ".db-wal"} {
				if data, err := os.ReadFile(path + end); err != nil || bytes.Contains(data, []byte(canary)) {
					t.Errorf("the file %s holds what is encrypted (%v)", end, err)
				}
			}
		}
	})
}

// Whoever lacks the key parks the job once, and who has it runs it: in whatever order they come.
func TestAJobWaitsForTheKeyItNeeds(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		var log bytes.Buffer
		ran := 0
		task := offload.NewTask("charge", func(context.Context, charge) error { ran++; return nil }, offload.Encrypt())
		writer := open(t, address, task, keysOf("k2"))
		id := enqueue(t, writer, task, charge{Card: canary})
		many := offload.Declare[charge]("many", offload.Encrypt())
		manyID := enqueue(t, writer, many, charge{Card: strings.Repeat(canary, 1000)})

		blind := openLogged(t, address, &log, task, many.HandleMany(5, 0, func(context.Context, []charge) error { ran++; return nil }), keysOf("k1"))
		for range 3 {
			drained(t, blind)
		}
		for _, id := range []offload.ID{id, manyID} {
			if j := read(t, blind, id); j.State != offload.Blocked || j.Attempt != 1 || j.Failures != 0 || j.Waits != "need" {
				t.Errorf("without its key the job is %+v; want it blocked after one start", j)
			}
			wantReason(t, blind, id, offload.WhyUnknownKey, `"k2"`)
			wantReason(t, writer, id, offload.WhyUnknownKey, `"k2"`)
		}
		if !strings.Contains(log.String(), `key \"k2\"`) || strings.Contains(log.String(), canary) {
			t.Errorf("the log says %s", log.String())
		}
		unaware := open(t, address, offload.NewTask("charge", func(context.Context, charge) error { ran++; return nil }))
		drained(t, unaware)

		if drained(t, writer); ran != 1 {
			t.Errorf("the task was run %d times, want once by who has the key", ran)
		}
		if j := read(t, writer, id); j.State != offload.Completed || j.Failures != 0 {
			t.Errorf("with its key the job is %+v", j)
		}
		if j := read(t, writer, manyID); j.State != offload.Blocked {
			t.Errorf("a job of a task that this app does not run is %+v", j)
		}
	})
}

// Texts that were put into other jobs, or changed, do not open: the jobs wait until they are as they
// were, and a process that starts then runs them.
func TestSwappedTextsAreFoundOut(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		var log bytes.Buffer
		var ran []string
		task := offload.NewTask("charge", func(_ context.Context, c charge) error { ran = append(ran, c.Card); return nil }, offload.Encrypt())
		app := openLogged(t, address, &log, task, keysOf("k1"))
		a, b := enqueue(t, app, task, charge{Card: "a"}), enqueue(t, app, task, charge{Card: "b"})
		swapInputs(t, app, a, b)

		for range 3 {
			drained(t, app)
		}

		if len(ran) > 0 {
			t.Errorf("with swapped inputs the handler was called with %v", ran)
		}
		for _, id := range []offload.ID{a, b} {
			if j := read(t, app, id); j.State != offload.Blocked || j.Attempt > 2 || string(j.Input) != `"(encrypted with key k1)"` {
				t.Errorf("a job with another's input is %+v, %s; want it blocked", j, j.Input)
			}
			wantReason(t, app, id, offload.WhyUnknownKey, "does not open")
		}
		if !strings.Contains(log.String(), "can't be read here") || strings.Count(log.String(), "\n") > 2 {
			t.Errorf("the log says\n%s", log.String())
		}
		wrong := open(t, address, task, offload.Keys{Current: "k1", ByID: map[string][]byte{"k1": keyOf(99)}})
		drained(t, wrong)
		swapInputs(t, app, a, b)
		again := open(t, address, task, keysOf("k1"))
		if drained(t, again); len(ran) != 2 {
			t.Errorf("with their own inputs the handler was called with %v", ran)
		}
	})
}

func swapInputs(t *testing.T, app *offload.App, a, b offload.ID) {
	t.Helper()
	s := storeOf(t, app)
	inputs, err := s.Inputs(t.Context(), []offload.ID{a, b})
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.Rewrite(t.Context(), []store.Text{
		{ID: a, Kind: store.TextInput, Old: inputs[a], New: inputs[b]},
		{ID: b, Kind: store.TextInput, Old: inputs[b], New: inputs[a]},
	})
	if err != nil || n != 2 {
		t.Fatalf("Rewrite = %d, %v", n, err)
	}
}

func TestAnEnqueueWithoutKeysIsRefused(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		task := offload.Declare[charge]("charge", offload.Encrypt())
		blind := open(t, address)
		if _, err := task.Enqueue(t.Context(), blind, charge{}); !errors.Is(err, offload.ErrUnknownKey) {
			t.Errorf("Enqueue without keys: %v, want ErrUnknownKey", err)
		}
		open(t, address, task, keysOf("2026-1"))
		_, err := blind.Enqueue(t.Context(), offload.NewCall("charge", json.RawMessage(`{"card":"x"}`)))
		if !errors.Is(err, offload.ErrUnknownKey) || !strings.Contains(err.Error(), `"2026-1"`) {
			t.Errorf("Enqueue by name without keys: %v, want ErrUnknownKey that names 2026-1", err)
		}
		keyed := open(t, address, keysOf("2026-1"))
		jobs, err := keyed.Enqueue(t.Context(), offload.NewCall("charge", json.RawMessage(`{"card":"`+canary+`"}`)))
		if err != nil {
			t.Fatal(err)
		}
		if text := raw(t, keyed, jobs[0].ID); strings.Contains(text, canary) {
			t.Errorf("by name the store has %s", text)
		}
		_, err = keyed.Enqueue(t.Context(), offload.NewCall("charge", json.RawMessage(`{"offload:sealed":"v1.job.2026-1.AAAA"}`)))
		var refused *offload.InputError
		if !errors.As(err, &refused) {
			t.Errorf("Enqueue of an encrypted text: %v, want an InputError", err)
		}
		wantJobs(t, keyed, offload.Filter{}, 1)
	})
}

func TestWrongKeysAreRefused(t *testing.T) {
	secret := bytes.Repeat([]byte("K"), 31)
	for _, test := range []struct {
		name string
		part offload.Part
		want string
	}{
		{"31 bytes", offload.Keys{Current: "k", ByID: map[string][]byte{"k": secret}}, "31 bytes"},
		{"no current", offload.Keys{Current: "k", ByID: map[string][]byte{"other": keyOf(1)}}, "Keys Current"},
		{"nothing", offload.Keys{}, "Keys Current"},
		{"zeros", offload.Keys{Current: "k", ByID: map[string][]byte{"k": make([]byte, 32)}}, "zeros"},
		{"an id with a space", offload.Keys{Current: "a b", ByID: map[string][]byte{"a b": keyOf(1)}}, "letters"},
	} {
		_, err := offload.Open(t.Context(), "memory:", test.part)
		var refused *offload.InputError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "KKK") {
			t.Errorf("%s: Open = %v, want an InputError with %q and nothing of the key", test.name, err, test.want)
		}
	}
}

// An input that replaces another's is bound to what the jobs have in common; one of a schedule, to that.
func TestInputsThatChangeTheirJobs(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		var ran []string
		task := offload.NewTask("charge", func(_ context.Context, c charge) error { ran = append(ran, c.Card); return nil },
			offload.Encrypt(), offload.Unique{By: "tenant", OnConflict: offload.ConflictReplace})
		app := open(t, address, task, keysOf("k1"))
		first := enqueue(t, app, task, charge{"first", "acme"})
		job, err := task.Enqueue(t.Context(), app, charge{"second", "acme"})
		if err != nil || job.ID != first || !job.Replaced || !strings.Contains(string(job.Input), "second") {
			t.Fatalf("Enqueue = %+v, %v", job, err)
		}
		if drained(t, app); !slices.Equal(ran, []string{"second"}) {
			t.Errorf("ran %v, want the second", ran)
		}
	})
}

// Any process takes the ticks of a schedule whose input is encrypted, also one without the key.
func TestSchedulesOfEncryptedTasks(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		var ran []string
		task := offload.NewTask("charge", func(_ context.Context, c charge) error { ran = append(ran, c.Card); return nil },
			offload.Encrypt(), offload.Limit{Name: "tenants", Max: 1, By: "tenant"})
		nightly := offload.Schedule{Name: "nightly", Cron: "0 3 * * *", Call: task.Call(charge{canary, "acme"})}
		app := open(t, address, task, keysOf("k1"), nightly)
		open(t, address, task, keysOf("k1"), nightly) // the same, encrypted otherwise
		s := storeOf(t, app)
		stored, err := s.Schedules(t.Context())
		if err != nil || len(stored) != 1 || strings.Contains(string(stored[0].Spec), canary) {
			t.Fatalf("the store has %s, %v", stored[0].Spec, err)
		}
		blind := open(t, address)
		inserted, err := storeOf(t, blind).Take(t.Context(), "nightly", inside.RunSchedule)
		if err != nil || len(inserted) != 1 {
			t.Fatalf("Take = %v, %v", inserted, err)
		}
		job := read(t, app, inserted[0].ID)
		if string(job.Input) != `{"card":"`+canary+`","tenant":"acme"}` || len(job.Limits) != 1 || job.Limits[0].Key != "acme" {
			t.Errorf("its job is %+v with %s", job, job.Input)
		}
		if drained(t, app); !slices.Equal(ran, []string{canary}) {
			t.Errorf("ran %v", ran)
		}
		if _, err := offload.Open(t.Context(), address, task, nightly, quiet); !errors.Is(err, offload.ErrUnknownKey) {
			t.Errorf("Open with the schedule and without keys: %v, want ErrUnknownKey", err)
		}
	})
}

// Who lacks the key can change when such a schedule ticks, but nothing that would need its input.
func TestEncryptedSchedulesAreEditedWithoutTheKey(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		var ran []string
		task := offload.NewTask("charge", func(_ context.Context, c charge) error { ran = append(ran, c.Card); return nil }, offload.Encrypt())
		app := open(t, address, task, keysOf("k1"))
		if err := app.SetSchedule(t.Context(), offload.Schedule{Name: "s", Cron: "@yearly", Call: task.Call(charge{Card: canary})}); err != nil {
			t.Fatal(err)
		}
		blind := operate.As(open(t, address), "ada")
		found, err := blind.Schedules(t.Context(), "s")
		if err != nil || strings.Contains(string(found[0].Call.Input()), canary) {
			t.Fatalf("Schedules = %+v, %v", found, err)
		}
		s := found[0].Schedule
		s.Cron, s.Call = "@monthly", s.Call.With(offload.Priority(1))
		if err := blind.SetSchedule(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		s.Call = s.Call.With(offload.Fair{By: "tenant"})
		if err := blind.SetSchedule(t.Context(), s); !errors.Is(err, offload.ErrUnknownKey) {
			t.Errorf("SetSchedule with a key of its input: %v, want ErrUnknownKey", err)
		}
		job, err := blind.RunSchedule(t.Context(), "s")
		if err != nil || job.Priority != 1 {
			t.Fatalf("RunSchedule = %+v, %v", job, err)
		}
		if drained(t, app); !slices.Equal(ran, []string{canary}) {
			t.Errorf("ran %v", ran)
		}
	})
}

func TestResultsWithinATransactionAreEncrypted(t *testing.T) {
	task := offload.DeclareFunc[charge, string]("charge", offload.Encrypt())
	var db *sql.DB
	var app *offload.App
	db, app = ownDatabase(t, keysOf("k1"), task.Handle(func(ctx context.Context, c charge) (string, error) {
		tx := begin(t, db)
		if err := task.Complete(ctx, app.Tx(tx), c.Card); err != nil {
			return "", err
		}
		return "", tx.Commit()
	}))
	id := enqueue(t, app, task.Task, charge{Card: canary})
	drained(t, app)
	if text := raw(t, app, id); strings.Contains(text, canary) {
		t.Errorf("the store has %s", text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if out, err := task.Wait(ctx, app, id); out != canary || err != nil {
		t.Errorf("Wait = %q, %v", out, err)
	}
}

// A job of the time before its task was encrypted is read as it is, by who can encrypt its result.
func TestJobsFromBeforeEncryption(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		echo := func(_ context.Context, c charge) (string, error) { return c.Card, nil }
		before := offload.NewFunc("charge", echo)
		task := offload.NewFunc("charge", echo, offload.Encrypt())
		id := enqueue(t, open(t, address, before), before.Task, charge{Card: canary})
		blind := open(t, address, task)
		drained(t, blind)
		wantReason(t, blind, id, offload.WhyUnknownKey, "has the key")
		app := open(t, address, task, keysOf("k1"))
		drained(t, app)
		if text := raw(t, app, id); !strings.Contains(text, `{"card":"`+canary+`"}`) || !strings.Contains(text, "v1.job.k1.") {
			t.Errorf("the store has %s; want the input as it was and the result encrypted", text)
		}
	})
}

// Texts that nobody can have encrypted so harm nobody.
func TestBrokenTextsWait(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		ran := 0
		task := offload.NewTask("charge", func(context.Context, charge) error { ran++; return nil }, offload.Encrypt())
		app := open(t, address, task, keysOf("k1"))
		s := storeOf(t, app)
		for _, text := range []string{"v9.job.k1.AAAA", "v1.job.a b\\u0000.AAAA", "v1.job.k1.", "nonsense", "v1.unique.k1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
			id := enqueue(t, app, task, charge{Card: "x"})
			inputs, err := s.Inputs(t.Context(), []offload.ID{id})
			if err != nil {
				t.Fatal(err)
			}
			broken := []byte(`{"offload:sealed":"` + text + `"}`)
			if n, err := s.Rewrite(t.Context(), []store.Text{{ID: id, Kind: store.TextInput, Old: inputs[id], New: broken}}); n != 1 || err != nil {
				t.Fatalf("Rewrite = %d, %v", n, err)
			}
			drained(t, app)
			if j := read(t, app, id); j.State != offload.Blocked || j.Failures != 0 {
				t.Errorf("with the input %s the job is %+v", broken, j)
			}
			wantReason(t, app, id, offload.WhyUnknownKey, "does not open")
		}
		if ran > 0 {
			t.Errorf("the handler was called %d times", ran)
		}
	})
}

// Rows of the inbox wait for a process that can encrypt them.
func TestTheInboxOfEncryptedTasks(t *testing.T) {
	db, blind := ownDatabase(t, noop)
	address := fileOf(t, db)
	task := offload.Declare[charge]("charge", offload.Encrypt())
	app := open(t, address, task, keysOf("k1"))
	if _, err := db.ExecContext(t.Context(), "insert into offload_inbox (task, input) values ('charge', ?)", `{"card":"`+canary+`"}`); err != nil {
		t.Fatal(err)
	}
	drained(t, blind)
	wantJobs(t, blind, offload.Filter{}, 0)
	drained(t, app)
	jobs := wantJobs(t, app, offload.Filter{}, 1)
	if text := raw(t, app, jobs[0].ID); strings.Contains(text, canary) {
		t.Errorf("the store has %s", text)
	}
}

func fileOf(t *testing.T, db *sql.DB) (path string) {
	t.Helper()
	var n int
	var name string
	if err := db.QueryRowContext(t.Context(), "pragma database_list").Scan(&n, &name, &path); err != nil {
		t.Fatal(err)
	}
	return path
}
