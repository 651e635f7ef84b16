package dashboard

import (
	"context"
	"encoding/json"
	"go/parser"
	"go/token"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/madeup"
	"github.com/offloadhq/offload/operate"
)

// one returns a job that a filter finds, as soon as there is one: the shop is at work.
func one(t *testing.T, app *offload.App, f offload.Filter) *offload.Job {
	t.Helper()
	var jobs []*offload.Job
	eventually(t, "there is no such job", func() bool {
		var err error
		if jobs, err = app.Jobs(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		return len(jobs) > 0
	})
	if len(jobs) == 0 {
		t.FailNow()
	}
	return jobs[0]
}

// eventually waits until something holds: what handlers say is kept each second.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if holds() {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Error(what)
}

func TestJobTellsItsStory(t *testing.T) {
	app := shop(t)
	h := New(app, as(Operator))
	for want, f := range map[string]offload.Filter{
		"card was refused: insufficient funds": {Tasks: []string{"pay"}, Search: "insufficient"},
		"nil pointer dereference":              {Tasks: []string{"pay"}, Search: "nil pointer"},
		"madeup.charge":                        {Tasks: []string{"pay"}, Search: "nil pointer"}, // the user's own line of the stack
		"orders of 2026-":                      {Tasks: []string{"export"}, States: []offload.State{offload.Running}},
		"exporting":                            {Tasks: []string{"export"}, States: []offload.State{offload.Running}},
		"is paused":                            {Queues: []string{"reports"}, States: []offload.State{offload.Available}},
		"waited for its time":                  {States: []offload.State{offload.Scheduled}},
		"tenant=tenant-1":                      {Tag: "tenant=tenant-1"},
	} {
		path := "/jobs/" + one(t, app, f).ID.String()
		eventually(t, "the page of "+f.Search+" lacks "+want, func() bool { return strings.Contains(ask(h, "GET", path, nil).Body.String(), want) })
	}
	if w := ask(h, "GET", "/jobs/"+offload.NewID().String(), nil); w.Code != http.StatusNotFound {
		t.Errorf("one that is not there: %d", w.Code)
	}
	if w := ask(h, "GET", "/jobs/7", nil); w.Code != http.StatusBadRequest {
		t.Errorf("no id: %d", w.Code)
	}
}

func TestViewerSeesNoInputOfAJob(t *testing.T) {
	app := shop(t)
	job := one(t, app, offload.Filter{Tasks: []string{"pay"}, Search: "insufficient"})
	page := ask(New(app, as(Viewer)), "GET", "/jobs/"+job.ID.String(), nil).Body.String()
	for _, secret := range []string{"insufficient", "cents", "offload enqueue"} {
		if strings.Contains(page, secret) {
			t.Errorf("a viewer sees %q", secret)
		}
	}
	if w := ask(New(app, as(Viewer)), "GET", "/jobs/"+job.ID.String()+"/json", nil); w.Code != http.StatusForbidden {
		t.Errorf("a viewer may download it: %d", w.Code)
	}
}

// Names and texts of any kind are shown as text.
func TestTextsAreShownAsText(t *testing.T) {
	app := shop(t)
	h := New(app, as(Admin))
	for _, id := range found(t, app, offload.Filter{Max: 1000}) {
		page := ask(h, "GET", "/jobs/"+id, nil).Body.String()
		if strings.Contains(page, madeup.Script) || strings.Contains(page, "\u202e") && !strings.Contains(page, `<code dir="auto">`) {
			t.Errorf("job %s has a text that is not shown as text", id)
		}
	}
}

func TestJobIsChangedAndRun(t *testing.T) {
	app := shop(t)
	h := New(app, as(Operator))
	id := one(t, app, offload.Filter{Tasks: []string{"thumbnail"}, States: []offload.State{offload.Retryable}}).ID
	form := func(fields ...string) url.Values {
		f := url.Values{"id": {id.String()}, "task": {"thumbnail"}, "change": {"1"}, "input": {`{"file":"mended.jpg","width":64}`}, "do": {"retry"}}
		for i := 0; i+1 < len(fields); i += 2 {
			f.Set(fields[i], fields[i+1])
		}
		return f
	}
	for field, bad := range map[string]string{"input": `{"width":"wide"}`, "priority": "12", "queue": "\x00", "at": "soon"} {
		w := ask(h, "POST", "/jobs/new", form(field, bad))
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "want") {
			t.Errorf("%s %q: %d %s", field, bad, w.Code, w.Body)
		}
	}
	if w := ask(h, "POST", "/jobs/new", form("input", "{")); !strings.Contains(w.Body.String(), "want JSON") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(h, "POST", "/jobs/new", form()); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/jobs/"+id.String() {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if job, err := app.Wait(ctx, id); err != nil || job.State != offload.Completed {
		t.Errorf("%+v, %v", job, err)
	}
}

func TestJobIsEnqueued(t *testing.T) {
	app := shop(t)
	h := New(app, as(Operator))
	w := ask(h, "POST", "/jobs/new", url.Values{
		"task": {"thumbnail"}, "input": {`{"file":"new.jpg","width":9}`}, "delay": {"1h"}, "tags": {"a=b\nc"}, "priority": {"2"}, "max-attempts": {"3"}, "do": {"new"},
	})
	id := mustID(t, strings.TrimPrefix(w.Header().Get("Location"), "/jobs/"))
	job, err := app.Job(t.Context(), id)
	if err != nil || job.Priority != 2 || job.MaxAttempts != 3 || job.Tags["a"] != "b" || job.State != offload.Scheduled {
		t.Errorf("%+v, %v", job, err)
	}
	for _, bad := range []url.Values{
		{"task": {"unheard-of"}, "input": {"1"}},
		{"task": {""}, "input": {"1"}},
		{"task": {"thumbnail"}, "input": {`"x"`}},
		{"task": {"crawl"}, "input": {`"https://example.com"`}},
		{"task": {"thumbnail"}, "input": {"{}"}, "delay": {"1h"}, "at": {"2027-01-01T00:00"}},
		{"task": {"pay"}, "input": {`{"order":1,"card":"•••"}`}},
	} {
		if w := ask(h, "POST", "/jobs/new", bad); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d, want the form again", bad, w.Code)
		}
	}
}

// What is copied as a command means the same input to a shell, and the test is Go.
func TestJobIsCopied(t *testing.T) {
	input := json.RawMessage("{\"it's\":\"$(touch x) `y` \\\"z\\\" \\\\ \u2028\"}")
	job := &offload.Job{Task: "mail; rm", Queue: "q", Input: input, Priority: 3}
	out, err := exec.Command("sh", "-c", strings.Replace(commandOf(job), "offload enqueue", `printf '%s\n'`, 1)).Output()
	if want := "mail; rm\n" + string(input) + "\n--queue\nq\n--priority\n3\n"; err != nil || string(out) != want {
		t.Errorf("a shell reads %q, %v; want %q", out, err, want)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "", "package x\n"+testOf(job), 0); err != nil {
		t.Error(err)
	}
}

func TestStoryIsToScale(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 1, 1, 0, 0, s, 0, time.UTC) }
	job := &offload.Job{State: offload.Completed, CreatedAt: at(0), RunAt: at(40), StartedAt: at(50), FinishedAt: at(60), Attempt: 2}
	s := storyOf(job, []offload.Failure{{Attempt: 1, StartedAt: at(10), FailedAt: at(20)}}, at(99))
	var names []string
	x := 0
	for _, p := range s.Parts {
		names = append(names, p.Name)
		if p.X != x {
			t.Errorf("%s begins at %d, want %d", p.Name, p.X, x)
		}
		x += p.W
	}
	if got := strings.Join(names, ", "); got != "waited, attempt 1 failed, waited for the next attempt, attempt 2 completed" || s.Total != 60*time.Second || x > 1000 {
		t.Errorf("%s, %v, %d", got, s.Total, x)
	}
}

func TestFailuresAreCompared(t *testing.T) {
	all := failuresOf([]offload.Failure{{Attempt: 1, Error: "a"}, {Attempt: 2, Error: "a"}, {Attempt: 3, Error: "b\nc"}})
	if all[0].First != "b" || all[0].Rest != "c" || all[0].Same != 0 || all[1].Same != 1 {
		t.Errorf("%+v", all)
	}
}

// What is paused around a job can be let go on there.
func TestJobOffersToResume(t *testing.T) {
	app := shop(t)
	h := New(app, as(Operator))
	job := one(t, app, offload.Filter{Queues: []string{"reports"}, States: []offload.State{offload.Available}})
	ask(h, "POST", "/tasks/pause", url.Values{"task": {job.Task}})
	page := ask(h, "GET", "/jobs/"+job.ID.String(), nil).Body.String()
	if !strings.Contains(page, "Resume queue reports") || !strings.Contains(page, "Resume "+job.Task) || strings.Contains(page, "Pause queue reports") {
		t.Error("a paused task and queue can't be resumed from the job")
	}
}

// What a job is after, and what is after it, is a click away.
func TestRelativesAreLinked(t *testing.T) {
	app := shop(t)
	h := New(app, as(Viewer))
	boss, err := app.Jobs(t.Context(), offload.Filter{Tasks: []string{"mail"}, States: []offload.State{offload.Blocked}})
	if err != nil || len(boss) != 1 {
		t.Fatalf("%d jobs, %v", len(boss), err)
	}
	page := ask(h, "GET", "/jobs/"+boss[0].ID.String(), nil).Body.String()
	_, facts, _ := strings.Cut(page, "Runs after")
	facts, after, _ := strings.Cut(facts, "<dt>Before</dt>")
	if !strings.Contains(facts, "batch of 3") || !strings.Contains(facts, "<bdi>report</bdi>") || !strings.Contains(after[:400], "<bdi>sum</bdi>") {
		t.Errorf("it is after %s, and before %s", facts, after)
	}
}

// An error shows what is new in it.
func TestChangesOfAnError(t *testing.T) {
	for _, test := range []struct{ old, line, want string }{
		{"", "refused", "refused"},
		{"refused", "refused", "refused"},
		{"GET /7: 503 after 2 s", "GET /7: 504 after 2 s", "GET /7: [504 ]after 2 s"},
		{"GET /7: 503 after 2 s\nmore", "GET /7: 503 after 30 s", "GET /7: 503 after [30 ]s"},
		{"GET /7: 503", "GET /7: 503 again", "GET /7: [503 again]"},
		{"one thing", "quite another matter", "quite another matter"},
	} {
		got := ""
		for _, p := range changes(test.old, test.line) {
			if p.New {
				p.Text = "[" + p.Text + "]"
			}
			got += p.Text
		}
		if got != test.want {
			t.Errorf("%q after %q: %q, want %q", test.line, test.old, got, test.want)
		}
	}
}

func TestRates(t *testing.T) {
	for r, want := range map[float64]string{1234.4: "1,234/s", 9.96: "10.0/s", 1: "1.0/s", 0.5: "30.0/min", 0.001: "3.6/h"} {
		if got := ratePerSecond(r); got != want {
			t.Errorf("%g: %s, want %s", r, got, want)
		}
	}
}

func TestWhyShowsItsTimesAsOthers(t *testing.T) {
	at := time.Date(2026, 5, 1, 3, 0, 0, 5000, time.UTC)
	for _, test := range []struct {
		why  offload.Reason
		want []whyPart
	}{
		{offload.Reason{}, nil},
		{offload.Reason{Text: "Its queue is paused."}, []whyPart{{Text: "Its queue is paused."}}},
		{
			offload.Reason{At: at, Text: "It failed, and is tried again at 2026-05-01T03:00:00Z: at 2026-05-01T03:00:00Z it was closed. It expires at 2026-05-02T03:00:00Z unless it starts before."},
			[]whyPart{
				{Text: "It failed, and is tried again at "},
				{Time: at.Truncate(time.Second)},
				{Text: ": at 2026-05-01T03:00:00Z it was closed. It expires at "},
				{Time: at.Truncate(time.Second).AddDate(0, 0, 1)},
				{Text: " unless it starts before."},
			},
		},
		{offload.Reason{Text: "Refused: It expires at noon already."}, []whyPart{{Text: "Refused: It expires at noon already."}}},
	} {
		if got := whyParts(test.why); !slices.Equal(got, test.want) {
			t.Errorf("%q is %v, want %v", test.why.Text, got, test.want)
		}
	}
}

func TestDeletedJobSaysWhoDeletedIt(t *testing.T) {
	app := seeded(t)
	h := New(app, as(Viewer))
	page := func(id offload.ID) string {
		t.Helper()
		w := ask(h, "GET", "/jobs/"+id.String(), nil)
		if w.Code != http.StatusNotFound {
			t.Errorf("a job that is gone: %d, want 404", w.Code)
		}
		return w.Body.String()
	}
	jobs, err := app.Jobs(t.Context(), offload.Filter{})
	if err != nil || len(jobs) != 2 {
		t.Fatal(jobs, err)
	}
	if err := operate.As(app, "eve <b>").Delete(t.Context(), jobs[0].ID, jobs[1].ID); err != nil {
		t.Fatal(err)
	}
	for _, job := range jobs {
		if got := page(job.ID); !strings.Contains(got, "This job was deleted.") || !strings.Contains(got, "<bdi>eve &lt;b&gt;</bdi> deleted it") || !strings.Contains(got, "with 1 other") {
			t.Errorf("the page of a job that eve deleted with another:\n%s", got)
		}
	}
	if got := page(offload.NewID()); strings.Contains(got, "was deleted.") || !strings.Contains(got, "No job with this id is here any more.") {
		t.Errorf("the page of a job that nobody deleted:\n%s", got)
	}
}

func TestJobThatManyActsMayHaveDeletedNamesThem(t *testing.T) {
	app := seeded(t)
	h, o, id := New(app, as(Operator)), operate.As(app, "eve"), offload.NewID()
	all, err := o.DeleteAll(t.Context(), offload.Filter{Tasks: []string{"mail"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, ids := range [][]offload.ID{{id}, {offload.NewID()}} {
		job, err := o.DeleteAll(t.Context(), offload.Filter{IDs: ids})
		if err == nil {
			err = o.Cancel(t.Context(), job.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	got := ask(h, "GET", "/jobs/"+id.String(), nil).Body.String()
	if strings.Contains(got, "was deleted.") || strings.Count(got, "delete all") != 1 || !strings.Contains(got, "tasks mail") {
		t.Errorf("job %s may have been deleted by %s alone: the act that named it was undone, and the others named others:\n%s", id, all.ID, got)
	}
}
