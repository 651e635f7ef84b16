package offload_test

import (
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

// What no job can have selects nothing on one database and is an error on another: it is
// refused on all.
func TestFiltersRefuseWhatNoJobHas(t *testing.T) {
	app := offloadtest.New(noop)
	defer app.Close()
	for _, test := range []struct {
		field  string
		filter offload.Filter
	}{
		{"State", offload.Filter{States: []offload.State{"failed"}}},
		{"Tasks", offload.Filter{Tasks: []string{"noop", "no\x00op"}}},
		{"Queues", offload.Filter{Queues: []string{""}}},
		{"Tag", offload.Filter{Tag: "=blue"}},
		{"Tag", offload.Filter{Tag: "team=\xff"}},
		{"Search", offload.Filter{Search: "a\x00b"}},
		{"Search", offload.Filter{Search: "\xff"}},
		{"Key", offload.Filter{Key: "a\x00b"}},
		{"Key", offload.Filter{Key: strings.Repeat("k", 257)}},
		{"Limit", offload.Filter{Limit: "~behind:push"}},
		{"Schedule", offload.Filter{Schedule: "each day"}},
		{"Max", offload.Filter{Tasks: []string{"noop"}, Max: -1}},
	} {
		_, err := app.Jobs(t.Context(), test.filter)
		wantInputError(t, err, test.field)
		if test.field == "Max" {
			continue // a page is no matter where all are acted on
		}
		_, err = operate.As(app.App, "ada").CancelAll(t.Context(), test.filter)
		wantInputError(t, err, test.field)
	}
	for _, filter := range []offload.Filter{{Search: `%_'"\`}, {Tag: "a=b=c"}, {Tag: "a"}, {Queues: []string{store.SystemQueue}}} {
		if _, err := app.Jobs(t.Context(), filter); err != nil {
			t.Errorf("Jobs(%+v): %v", filter, err)
		}
	}
}

func TestNamesForTheRecordAreText(t *testing.T) {
	app := offloadtest.New(noop)
	defer app.Close()
	for _, who := range []string{"", "a\x00b", "\xff", string(make([]byte, 257))} {
		wantInputError(t, operate.As(app.App, who).PauseQueue(t.Context(), "mail"), "who")
	}
}

func TestQueueOfOffloadItselfIsItsOwn(t *testing.T) {
	app := offloadtest.New(noop)
	defer app.Close()
	_, err := noop.Enqueue(t.Context(), app, 1, offload.Queue(store.SystemQueue))
	wantInputError(t, err, "Queue")
	job, err := noop.Enqueue(t.Context(), app, 1, offload.Delay(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	ada := operate.As(app.App, "ada")
	wantInputError(t, ada.Edit(t.Context(), job.ID, operate.Edit{Queue: store.SystemQueue}), "Queue")
	wantInputError(t, ada.Edit(t.Context(), job.ID, operate.Edit{RunAt: time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)}), "RunAt")
}
