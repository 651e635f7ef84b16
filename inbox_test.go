package offload_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

func TestInboxRowsBecomeJobs(t *testing.T) {
	push := offload.NewTask("push", nothing[crm], offload.Limit{Name: "crm", Max: 5, By: "tenant"}, offload.Queue("crm"))
	s := memory.New()
	app, stop := start(t, s, push, offload.NewTask("ping", nothing[any]))
	defer stop()
	id := offload.NewID()
	s.WriteInbox("push", `{"tenant":"acme","doc":7}`, `{"id":"`+id.String()+`","tags":{"by":"ruby","n":"1"},"priority":2,"max_attempts":3,
		"timeout":"90s","retain":"7d","give_up_after":"1h30m","expires":"1h","unique":"u","fair":{"by":"tenant","weight":2},"queue":null,
		"limits":[{"name":"api","max":10,"per":"1m","burst":2,"key":"k"}]}`)
	s.WriteInbox("ping", "", "")

	until(t, "the row is a job", func() bool {
		_, err := app.Job(t.Context(), id)
		return err == nil
	})
	job := wantEnd(t, app, id, offload.Completed)

	if job.Queue != "crm" || job.Priority != 2 || job.MaxAttempts != 3 || job.Tags["by"] != "ruby" || job.Tags["n"] != "1" ||
		job.UniqueKey != "u" || job.FairKey != "acme" || job.Expire != time.Hour || len(job.Limits) != 2 || job.Limits[0].Key != "acme" || job.Limits[1].Key != "k" {
		t.Errorf("the job of a row is %+v", job)
	}
	until(t, "a row without input is a job", func() bool {
		jobs, err := app.Jobs(t.Context(), offload.Filter{Tasks: []string{"ping"}, States: []offload.State{offload.Completed}})
		return err == nil && len(jobs) == 1 && string(jobs[0].Input) == "null"
	})
}

// A row that is wrong is kept with what is wrong, and stands in no other's way.
func TestInboxKeepsWhatIsWrong(t *testing.T) {
	push := offload.NewTask("push", nothing[crm], offload.Unique{By: "doc", OnConflict: offload.ConflictFail})
	s := memory.New()
	app, stop := start(t, s, push)
	defer stop()
	taken := enqueue(t, app, push, crm{Doc: 7}, offload.Delay(time.Hour))
	rows := []struct{ task, input, options, want string }{
		{"nosuch", "{}", "", `unknown task "nosuch"`},
		{"push", "{", "", "input"},
		{"push", `{"doc":"seven"}`, "", "input.doc"},
		{"push", `{"doc":1}`, `{"prio":1}`, `"prio"; want one of after, after_end,`},
		{"push", `{"doc":1}`, `[]`, "a JSON object"},
		{"push", `{"doc":1}`, `{"priority":"high"}`, "options.priority"},
		{"push", `{"doc":1}`, `{"priority":10}`, "Priority is 10"},
		{"push", `{"doc":1}`, `{"queue":7}`, "options.queue"},
		{"push", `{"doc":1}`, `{"in":5}`, `"5m"`},
		{"push", `{"doc":1}`, `{"in":"-5m"}`, "Delay"},
		{"push", `{"doc":1}`, `{"retain":"xd"}`, "options.retain"},
		{"push", `{"doc":1}`, `{"at":"tomorrow"}`, "options.at"},
		{"push", `{"doc":1}`, `{"id":"7"}`, "options.id"},
		{"push", `{"doc":1}`, `{"tags":["a"]}`, "options.tags"},
		{"push", `{"doc":1}`, `{"unique":{"bye":"doc"}}`, "options.unique"},
		{"push", `{"doc":1}`, `{"unique":{"by":"dok"}}`, "tenant, doc, note"},
		{"push", `{"doc":1}`, `{"fair":{}}`, "Fair By"},
		{"push", `{"doc":1}`, `{"limits":[{"name":"a","max":1,"per":60}]}`, "options.limits"},
		{"push", `{"doc":1}`, `{"limits":[{"name":"a"}]}`, `Limit "a" Max`},
		{"push", `{"doc":7}`, "", taken.String()},
	}
	for _, r := range rows {
		s.WriteInbox(r.task, r.input, r.options)
	}
	s.WriteInbox("push", `{"doc":8}`, "")

	var refused []store.InboxRow
	until(t, "all rows are looked at", func() bool {
		var err error
		refused, err = s.InboxRows(t.Context(), true, 100)
		return err == nil && len(refused) == len(rows)
	})
	for i, r := range rows {
		row := refused[len(rows)-1-i]
		if row.Task != r.task || !strings.Contains(row.Error, r.want) {
			t.Errorf("row %d, %s %s: its error is %q; want %q in it", i, r.input, r.options, row.Error, r.want)
		}
	}
	until(t, "the good row is a job", func() bool {
		jobs, err := app.Jobs(t.Context(), offload.Filter{Key: "doc=8"})
		return err == nil && len(jobs) == 1 && json.Valid(jobs[0].Input)
	})
}

// Rows of the inbox say what they are after, also an earlier row.
func TestInboxRowsWaitForOthers(t *testing.T) {
	c := newCourse()
	s := memory.New()
	app, stop := start(t, s, c.step)
	defer stop()
	up, down := offload.NewID(), offload.NewID()
	batch := offload.Batch(c.step.Call("member", offload.Delay(time.Hour)))
	enqueueAll(t, app, batch)
	s.WriteInbox("step", `"up"`, `{"id":"`+up.String()+`","in_batch":"`+batch.ID().String()+`"}`)
	s.WriteInbox("step", `"down"`, `{"id":"`+down.String()+`","after":["`+up.String()+`"],"after_hold":["`+up.String()+`"]}`)
	rows := []struct{ options, want string }{
		{`{"after":["` + offload.NewID().String() + `"]}`, "no such upstream"},
		{`{"in_batch":"` + up.String() + `"}`, "no such upstream"},
		{`{"after_end":"x"}`, "want a list of ids"},
		{`{"after_failure":[]}`, "AfterFailure is"},
		{`{"in_batch":7}`, "want the id of a batch"},
	}
	for _, row := range rows {
		s.WriteInbox("step", `"bad"`, row.options)
	}
	until(t, "the row that is after another has run", func() bool {
		job, err := app.Job(t.Context(), down)
		return err == nil && job.State == offload.Completed
	})
	job := read(t, app, up)
	if job.Batch != batch.ID() || job.Flow != batch.ID() || job.State != offload.Completed {
		t.Errorf("the first row is %+v", job)
	}
	var refused []store.InboxRow
	until(t, "all rows are looked at", func() bool {
		var err error
		refused, err = s.InboxRows(t.Context(), true, 100)
		return err == nil && len(refused) == len(rows)
	})
	for i, row := range rows {
		if got := refused[len(rows)-1-i].Error; !strings.Contains(got, row.want) {
			t.Errorf("row %s: its error is %q; want %q in it", row.options, got, row.want)
		}
	}
}
