package record_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/record"
	"github.com/offloadhq/offload/store"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

func onDatabases(t *testing.T, test func(t *testing.T, open func(parts ...offload.Part) *offload.App)) {
	run := func(name string, address func(t *testing.T) string) {
		t.Run(name, func(t *testing.T) {
			at := address(t)
			test(t, func(parts ...offload.Part) *offload.App {
				app, err := offload.Open(t.Context(), at, append(parts, offload.LogTo(slog.New(slog.DiscardHandler)))...)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { app.Close() })
				return app
			})
		})
	}
	run("sqlite", func(t *testing.T) string { return filepath.Join(t.TempDir(), "offload.db") })
	run("postgres", func(t *testing.T) string { return testpg.URL(t) })
}

// keys are keys with ids, the first of them the current one.
func keys(ids ...string) offload.Keys {
	k := offload.Keys{Current: ids[0], ByID: map[string][]byte{}}
	for _, id := range ids {
		k.ByID[id] = bytes.Repeat([]byte(id[len(id)-1:]), 32)
	}
	return k
}

// raw is what the database has of a record.
func raw(t *testing.T, app *offload.App, kind, key string) store.Document {
	t.Helper()
	s, err := inside.Store(app)
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Documents(t.Context(), kind, "", 1, key)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s %s: %d, %v", kind, key, len(found), err)
	}
	return found[0]
}

const canary = "canary-4111"

func TestEncrypted(t *testing.T) {
	onDatabases(t, func(t *testing.T, open func(parts ...offload.Part) *offload.App) {
		ctx := t.Context()
		of := func(app *offload.App) *record.Kind[view] { return record.Encrypted[view](app, "test.secret") }
		clear := func(app *offload.App, key string) bool {
			return strings.Contains(string(raw(t, app, "test.secret", key).Value), canary)
		}
		blind := open()
		if _, err := of(blind).Put(ctx, "before", view{Owner: canary}); err != nil || !clear(blind, "before") {
			t.Errorf("without keys: %v", err)
		}

		one := open(keys("k1"))
		if _, err := of(one).Put(ctx, "a", view{Owner: canary}); err != nil || clear(one, "a") {
			t.Errorf("with keys: %s, %v", raw(t, one, "test.secret", "a").Value, err)
		}
		if _, err := of(one).Put(ctx, "soon", view{Owner: canary}, record.Expire(time.Hour)); err != nil {
			t.Error(err)
		}
		all, err := of(one).List(ctx, "")
		if err != nil || len(all) != 3 {
			t.Fatalf("%+v, %v", all, err)
		}
		for _, r := range all {
			if r.Value.Owner != canary {
				t.Errorf("%+v", r)
			}
		}
		if r, err := of(one).Get(ctx, "a"); err != nil || of(one).Swap(ctx, &r) != nil || clear(one, "a") {
			t.Errorf("%+v, %v; want what was read swapped", r, err)
		}
		if _, err := of(blind).Get(ctx, "a"); !errors.Is(err, offload.ErrUnknownKey) {
			t.Errorf("%v; want ErrUnknownKey", err)
		}

		// A value under another key, or of another kind, does not open.
		s, err := inside.Store(one)
		if err != nil {
			t.Fatal(err)
		}
		stolen := raw(t, one, "test.secret", "a")
		stolen.Key = "moved"
		if _, err := s.PutDocument(ctx, stolen, store.AnyVersion, 0); err != nil {
			t.Fatal(err)
		}
		if r, err := of(one).Get(ctx, "moved"); err == nil {
			t.Errorf("%+v; want it not to open", r)
		}
		if err := of(one).Delete(ctx, "moved"); err != nil {
			t.Error(err)
		}

		// Keys are changed.
		both := open(keys("k2", "k1"))
		ada := operate.As(both, "ada")
		count := func(act *offload.Job, err error) (c operate.KeyCount) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			if err := both.RunNow(ctx, act.ID); err != nil {
				t.Fatal(err)
			}
			if _, err := inside.Drain(ctx, both); err != nil {
				t.Fatal(err)
			}
			job, err := both.Job(ctx, act.ID)
			if err != nil || job.State != offload.Completed {
				t.Fatalf("%+v, %v", job, err)
			}
			if err := json.Unmarshal(job.Result, &c); err != nil {
				t.Fatal(err)
			}
			return c
		}
		if c := count(ada.CountKeys(ctx, offload.Filter{All: true})); !maps.Equal(c.Keys, map[string]int{"k1": 2}) {
			t.Errorf("CountKeys: %+v", c)
		}
		if c := count(ada.ReencryptAll(ctx, offload.Filter{All: true})); !maps.Equal(c.Keys, map[string]int{"k2": 3}) || c.Changed != 3 {
			t.Errorf("ReencryptAll: %+v", c)
		}
		if c := count(ada.ReencryptAll(ctx, offload.Filter{All: true})); !maps.Equal(c.Keys, map[string]int{"k2": 3}) || c.Changed != 0 {
			t.Errorf("ReencryptAll again: %+v", c)
		}
		two := open(keys("k2"))
		for _, key := range []string{"before", "a", "soon"} {
			r, err := of(two).Get(ctx, key)
			if err != nil || r.Value.Owner != canary || clear(two, key) || r.Expires.IsZero() == (key == "soon") {
				t.Errorf("%s: %+v, %v; want it with the new key, and as long as before", key, r, err)
			}
		}
	})
}

// What is too large only when it is encrypted is refused.
func TestEncryptedIsNotTooLarge(t *testing.T) {
	onDatabases(t, func(t *testing.T, open func(parts ...offload.Part) *offload.App) {
		kind := record.Encrypted[string](open(keys("k1")), "test.large")
		var wrong *offload.InputError
		if _, err := kind.Put(t.Context(), "a", strings.Repeat("x", store.MaxDocument-100)); !errors.As(err, &wrong) {
			t.Errorf("%v; want it refused", err)
		}
	})
}
