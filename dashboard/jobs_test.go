package dashboard

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
)

// listed are the ids of the jobs that a page lists.
func listed(t *testing.T, h http.Handler, target string) (ids []string) {
	t.Helper()
	w := ask(h, "GET", target, nil)
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: %d %s", target, w.Code, w.Body)
	}
	for part := range strings.SplitSeq(w.Body.String(), `<tr id="j-`) {
		if len(part) > 36 {
			if _, err := offload.ParseID(part[:36]); err == nil {
				ids = append(ids, part[:36])
			}
		}
	}
	return ids
}

// found are the ids of the jobs that a filter selects.
func found(t *testing.T, app *offload.App, f offload.Filter) (ids []string) {
	t.Helper()
	jobs, err := app.Jobs(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range jobs {
		ids = append(ids, job.ID.String())
	}
	return ids
}

func TestJobsAreNarrowed(t *testing.T) {
	app := shop(t)
	h := New(app, as(Operator))
	discarded := found(t, app, offload.Filter{States: []offload.State{offload.Discarded}})
	for target, f := range map[string]offload.Filter{
		"/jobs?state=discarded":                          {States: []offload.State{offload.Discarded}},
		"/jobs?state=blocked&state=retryable":            {States: []offload.State{offload.Blocked, offload.Retryable}},
		"/jobs?queue=media&queue=":                       {Queues: []string{"media"}},
		"/jobs?task=pay":                                 {Tasks: []string{"pay"}},
		"/jobs?q=task:pay+insufficient":                  {Tasks: []string{"pay"}, Search: "insufficient"},
		"/jobs?q=tag:tenant%3Dtenant-1":                  {Tag: "tenant=tenant-1"},
		"/jobs?q=" + discarded[0]:                        {IDs: []offload.ID{mustID(t, discarded[0])}},
		"/jobs?q=input.file:cat.jpg":                     {Input: []offload.Match{{Path: "file", Value: "cat.jpg"}}},
		"/jobs?q=input:DOG.jpg":                          {Input: []offload.Match{{Value: "dog.jpg"}}},
		"/jobs?priority=1":                               {Priorities: []int{1}},
		"/jobs?within=1h&tag=" + url.QueryEscape("name"): {Tag: "name"},
		"/retries":   {States: []offload.State{offload.Retryable}},
		"/scheduled": {States: []offload.State{offload.Scheduled}},
		"/discarded": {States: []offload.State{offload.Discarded}},
	} {
		eventually(t, target+" lists others than the filter selects", func() bool { // jobs go on meanwhile
			got, want := listed(t, h, target), found(t, app, f)
			slices.Sort(got)
			slices.Sort(want)
			return len(want) > 0 && slices.Equal(got, want)
		})
	}
	for _, bad := range []string{"state=gone", "process=x", "within=9y", "q=tag:", "after=x", "priority=10", "group=x", "q=input.a:"} {
		if w := ask(h, "GET", "/jobs?"+bad, nil); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "want") {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
}

func mustID(t *testing.T, text string) offload.ID {
	t.Helper()
	id, err := offload.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Page by page, each job is listed once.
func TestJobsPageByPage(t *testing.T) {
	app := shop(t)
	h := New(app, as(Viewer))
	seen := map[string]bool{}
	for target := "/jobs?queue=mail"; target != ""; {
		for _, id := range listed(t, h, target) {
			if seen[id] {
				t.Errorf("%s is listed twice", id)
			}
			seen[id] = true
		}
		page := ask(h, "GET", target, nil).Body.String()
		_, rest, more := strings.Cut(page, `<a class="button" href="/jobs?after=`)
		target = ""
		if more {
			rest, _, _ = strings.Cut(rest, `"`)
			target = "/jobs?after=" + strings.ReplaceAll(rest, "&amp;", "&")
		}
	}
	if want := len(found(t, app, offload.Filter{Queues: []string{"mail"}, Max: 1000})); len(seen) != want {
		t.Errorf("%d jobs are listed, want %d", len(seen), want)
	}
}

func TestViewerSeesNoInputs(t *testing.T) {
	app := shop(t)
	for _, target := range []string{"/jobs", "/jobs?task=pay", "/retries", "/discarded", "/scheduled"} {
		page := ask(New(app, as(Viewer)), "GET", target, nil).Body.String()
		for _, secret := range []string{"customer1@example.com", "insufficient", "40001", "503 Service"} {
			if strings.Contains(page, secret) {
				t.Errorf("%s shows a viewer %q", target, secret)
			}
		}
	}
	if w := ask(New(app, as(Viewer)), "GET", "/jobs?q=insufficient", nil); w.Code != http.StatusBadRequest {
		t.Errorf("a viewer may search in errors: %d", w.Code)
	}
	for _, target := range []string{"/jobs", "/jobs?task=pay"} {
		if page := ask(New(app, as(Admin)), "GET", target, nil).Body.String(); strings.Contains(page, "4111") {
			t.Errorf("%s shows a secret", target)
		}
	}
}

func TestSearchOffersPathsOfInputs(t *testing.T) {
	app := shop(t)
	offers := func(role Role, target, word string) bool {
		return strings.Contains(ask(New(app, as(role)), "GET", target, nil).Body.String(), `<option value="`+word+`"`)
	}
	for _, test := range []struct {
		role         Role
		target, word string
		want         bool
	}{
		{Operator, "/jobs", "input.file:", true},
		{Operator, "/jobs", "tag:", true},
		{Operator, "/jobs?task=pay", "input.cents:", true},
		{Operator, "/jobs?task=pay", "input.file:", false},
		{Operator, "/jobs?task=pay", "input.card:", false}, // secret
		{Viewer, "/jobs", "input.file:", false},
		{Viewer, "/jobs", "tag:", true},
	} {
		if got := offers(test.role, test.target, test.word); got != test.want {
			t.Errorf("%s is offered %s at %s: %v, want %v", test.role, test.word, test.target, got, test.want)
		}
	}
}

func TestChosenJobsAreActedOn(t *testing.T) {
	app := shop(t)
	h := New(app, as(Operator))
	gone := found(t, app, offload.Filter{States: []offload.State{offload.Discarded}})
	if said := post(t, h, "/jobs/act", "verb", "retry", "id", gone[0], "id", gone[1]); said != "Retried 2 jobs." {
		t.Error(said)
	}
	if said := post(t, h, "/jobs/act", "verb", "edit", "to-queue", "slow", "all", "1", "query", "state=scheduled&task=crawl"); !strings.Contains(said, "in the background") {
		t.Error(said)
	}
	if said := post(t, h, "/jobs/act", "verb", "delete", "id", gone[2]); !strings.Contains(said, "deleted in a minute") {
		t.Error(said)
	}
	for want, fields := range map[string][]string{
		"some that are chosen":  {"verb", "retry"},
		"retry, run, cancel":    {"verb", "explode", "id", gone[0]},
		"a queue or a priority": {"verb", "edit", "all", "1"},
		"0 to 9":                {"verb", "edit", "all", "1", "to-priority", "11"},
		"the id of a job":       {"verb", "retry", "id", "7"},
	} {
		if said := post(t, h, "/jobs/act", fields...); !strings.Contains(said, want) {
			t.Errorf("%v: %q, want %q in it", fields, said, want)
		}
	}
}

func TestJobsAreExported(t *testing.T) {
	app := shop(t)
	h := New(app, as(Operator))
	want := len(found(t, app, offload.Filter{Queues: []string{"mail"}, Max: 1000}))
	w := ask(h, "GET", "/jobs/export?format=csv&queue=mail", nil)
	lines, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || len(lines) != want+1 {
		t.Errorf("%d lines of CSV, want %d: %v", len(lines), want+1, err)
	}
	w = ask(h, "GET", "/jobs/export?format=jsonl&queue=mail", nil)
	n := 0
	for dec := json.NewDecoder(w.Body); dec.More(); n++ {
		var job offload.Job
		if err := dec.Decode(&job); err != nil {
			t.Fatal(err)
		}
	}
	if n != want {
		t.Errorf("%d lines of JSON, want %d", n, want)
	}
	if got := harmless("=cmd()"); got != "'=cmd()" {
		t.Error(got)
	}
	if w := ask(New(app, as(Viewer)), "GET", "/jobs/export?format=csv", nil); w.Code != http.StatusForbidden {
		t.Errorf("a viewer: %d", w.Code)
	}
}

func FuzzSearch(f *testing.F) {
	for _, text := range []string{"", "tag:kind=order a b", "task: x", "::", "01a2190d-9d77-7430-bfbf-0afd0e082d6b", "key:\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		var filter offload.Filter
		_ = searchInto(&filter, text)
	})
}

func FuzzIdentify(f *testing.F) {
	for _, text := range []string{"", "null", `{"a":"b","c":{"d":1},"e":2}`, `{"a"`, "[1,2]", `"x"`, "\xff", `{"a":"\ud800"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(_ *testing.T, input []byte) { identify(input) })
}
