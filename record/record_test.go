package record_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/record"
)

type view struct {
	States []offload.State `json:"states"`
	Owner  string          `json:"owner,omitempty"`
}

func TestRecordsAreReadAsTheyWereKept(t *testing.T) {
	app := offloadtest.New()
	defer app.Close()
	views := record.Of[view](app.App, "test.view")
	put, err := views.Put(t.Context(), "ada/late", view{Owner: "ada", States: []offload.State{offload.Discarded}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := views.Get(t.Context(), "ada/late")
	if err != nil || got.Value.Owner != "ada" || !slices.Equal(got.Value.States, put.Value.States) || got.Version != put.Version {
		t.Errorf("Get = %+v, %v; want %+v", got, err, put)
	}
	if _, err := views.Get(t.Context(), "ada"); !errors.Is(err, offload.ErrNotFound) {
		t.Errorf("Get of nothing: %v, want ErrNotFound", err)
	}
	if err := views.Delete(t.Context(), "ada/late"); err != nil {
		t.Error(err)
	}
	if err := views.Delete(t.Context(), "ada/late"); err != nil {
		t.Error(err)
	}
	if _, err := views.Get(t.Context(), "ada/late"); !errors.Is(err, offload.ErrNotFound) {
		t.Errorf("Get of what was deleted: %v, want ErrNotFound", err)
	}
}

func TestSwapWritesOnlyOverWhatWasRead(t *testing.T) {
	app := offloadtest.New()
	defer app.Close()
	numbers := record.Of[int](app.App, "number")
	first := record.Record[int]{Key: "a", Value: 1}
	if err := numbers.Swap(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	other := record.Record[int]{Key: "a", Value: 2}
	if err := numbers.Swap(t.Context(), &other); !errors.Is(err, record.ErrStale) {
		t.Errorf("Swap of a new one over another: %v, want ErrStale", err)
	}
	stale := first
	first.Value = 3
	if err := numbers.Swap(t.Context(), &first); err != nil {
		t.Error(err)
	}
	if err := numbers.Swap(t.Context(), &stale); !errors.Is(err, record.ErrStale) {
		t.Errorf("Swap of what has changed: %v, want ErrStale", err)
	}
	if got, err := numbers.Get(t.Context(), "a"); err != nil || got.Value != 3 {
		t.Errorf("Get = %+v, %v; want 3", got, err)
	}
}

func TestListGoesByPrefix(t *testing.T) {
	app := offloadtest.New()
	defer app.Close()
	numbers := record.Of[int](app.App, "number")
	var want []string
	for i := range 250 {
		want = append(want, fmt.Sprintf("b/%03d", i))
	}
	for _, key := range append([]string{"a", "b", "b/", "c", "bb"}, want...) {
		if _, err := numbers.Put(t.Context(), key, 1); err != nil {
			t.Fatal(err)
		}
	}
	for prefix, want := range map[string]int{"": 255, "b/": 251, "b": 253, "c": 1, "d": 0} {
		list, err := numbers.List(t.Context(), prefix)
		if err != nil || len(list) != want {
			t.Errorf("List(%q) = %d records, %v; want %d", prefix, len(list), err, want)
		}
		if !slices.IsSortedFunc(list, func(a, b record.Record[int]) int { return strings.Compare(a.Key, b.Key) }) {
			t.Errorf("List(%q) is not by key", prefix)
		}
	}
}

func TestRecordsExpire(t *testing.T) {
	app := offloadtest.New()
	defer app.Close()
	numbers := record.Of[int](app.App, "number")
	if _, err := numbers.Put(t.Context(), "a", 1, record.Expire(time.Hour)); err != nil {
		t.Fatal(err)
	}
	app.Advance(2 * time.Hour)
	if _, err := numbers.Get(t.Context(), "a"); !errors.Is(err, offload.ErrNotFound) {
		t.Errorf("Get of what has expired: %v, want ErrNotFound", err)
	}
}

func TestWhatCannotBeKeptIsRefused(t *testing.T) {
	app := offloadtest.New()
	defer app.Close()
	for what, put := range map[string]func() error{
		"no kind":      func() error { _, err := record.Of[int](app.App, "").Put(t.Context(), "a", 1); return err },
		"no key":       func() error { _, err := record.Of[int](app.App, "n").Put(t.Context(), "", 1); return err },
		"NUL":          func() error { _, err := record.Of[int](app.App, "n").Put(t.Context(), "a\x00", 1); return err },
		"a long key":   func() error { return record.Of[int](app.App, "n").Delete(t.Context(), strings.Repeat("x", 513)) },
		"a bad prefix": func() error { _, err := record.Of[int](app.App, "n").List(t.Context(), "\xff"); return err },
		"a large value": func() error {
			_, err := record.Of[string](app.App, "n").Put(t.Context(), "a", strings.Repeat("x", 1<<20))
			return err
		},
		"a negative expiry": func() error {
			_, err := record.Of[int](app.App, "n").Put(t.Context(), "a", 1, record.Expire(-1))
			return err
		},
		"a version below 0": func() error {
			return record.Of[int](app.App, "n").Swap(t.Context(), &record.Record[int]{Key: "a", Version: -1})
		},
	} {
		var bad *offload.InputError
		if err := put(); !errors.As(err, &bad) {
			t.Errorf("%s: %v, want an InputError", what, err)
		}
	}
	if _, err := record.Of[int](nil, "n").Get(t.Context(), "a"); !errors.Is(err, offload.ErrClosed) {
		t.Errorf("without an app: %v, want ErrClosed", err)
	}
}

func ExampleKind_Swap() {
	app := offloadtest.New()
	defer app.Close()
	ctx := context.Background()
	counts := record.Of[int](app.App, "shop.count")
	for range 3 {
		count, err := counts.Get(ctx, "visitors")
		if errors.Is(err, offload.ErrNotFound) {
			count = record.Record[int]{Key: "visitors"}
		} else if err != nil {
			log.Fatal(err)
		}
		count.Value++
		if err := counts.Swap(ctx, &count); err != nil { // record.ErrStale: somebody was faster
			log.Fatal(err)
		}
	}
	count, err := counts.Get(ctx, "visitors")
	fmt.Println(count.Value, err)
	// Output: 3 <nil>
}
