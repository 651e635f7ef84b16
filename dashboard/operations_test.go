package dashboard

import (
	"net/http"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

func TestOperationsAreShownAndUndone(t *testing.T) {
	app := shop(t)
	h := New(app, as(Admin))
	page := ask(h, "GET", "/operations", nil).Body.String()
	for _, want := range []string{"pause queue reports", "bob ", `action="/queues/resume"><input type="hidden" name="queue" value="reports"`, `action="/limits/reset"><input type="hidden" name="limit" value="smtp"`, `name="schedule" value="nightly"`, `name="task" value="crawl"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	job, err := operate.As(app, "eve").DeleteAll(t.Context(), offload.Filter{Tasks: []string{"mail"}})
	if err != nil {
		t.Fatal(err)
	}
	if page = ask(h, "GET", "/operations?within=1h", nil).Body.String(); !strings.Contains(page, "tasks mail") || !strings.Contains(page, ">Undo<") {
		t.Error("a deletion that has not begun can't be undone")
	}
	post(t, h, "/operations/cancel", "id", job.ID.String())
	if job, err = app.Job(t.Context(), job.ID); err != nil || job.State != offload.Cancelled {
		t.Errorf("%+v, %v", job, err)
	}
	if w := ask(h, "GET", "/operations?within=ever", nil); w.Code != http.StatusBadRequest {
		t.Errorf("%d", w.Code)
	}
}

func TestProcessIsShownAndStopped(t *testing.T) {
	app := shop(t)
	all, err := operate.As(app, "test").Processes(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	path := "/processes/" + all[0].ID.String()
	h := New(app, as(Admin))
	if page := ask(h, "GET", "/processes", nil).Body.String(); !strings.Contains(page, path) || !strings.Contains(page, "media 3") {
		t.Error(page)
	}
	if page := ask(h, "GET", path, nil).Body.String(); !strings.Contains(page, ">export<") {
		t.Error("the page does not show what it runs")
	}
	post(t, h, "/processes/quiet", "process", all[0].ID.String())
	if page := ask(h, "GET", path, nil).Body.String(); !strings.Contains(page, ">quiet<") {
		t.Error("it is not quiet")
	}
	if w := ask(New(app, as(Operator)), "POST", "/processes/stop", nil); w.Code != http.StatusForbidden {
		t.Errorf("an operator may stop a process: %d", w.Code)
	}
	if w := ask(h, "GET", "/processes/"+offload.NewID().String(), nil); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
}
