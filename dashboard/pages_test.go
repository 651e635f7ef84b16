package dashboard

import (
	"net/http"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/madeup"
	"github.com/offloadhq/offload/operate"
)

// Each page that there is can be made of a shop with something of everything.
func TestEveryPageIsShown(t *testing.T) {
	app := shop(t)
	o := operate.As(app, "test")
	groups, err := madeup.Errors(t.Context(), app, 1)
	if err != nil {
		t.Fatal(err)
	}
	flows, err := o.Flows(t.Context(), offload.ID{}, 1)
	if err != nil || len(flows) == 0 {
		t.Fatalf("%d workflows, %v", len(flows), err)
	}
	processes, err := o.Processes(t.Context())
	if err != nil || len(processes) == 0 {
		t.Fatalf("%d processes, %v", len(processes), err)
	}
	job := found(t, app, offload.Filter{Tasks: []string{"pay"}})[0]
	h := New(app, as(Admin))
	d := &dashboard{}
	for _, r := range d.table() {
		if r.method != "GET" {
			continue
		}
		path := strings.NewReplacer("{$}", "", "/jobs/{id}", "/jobs/"+job, "{group}", groups[0].Group, "/workflows/{id}", "/workflows/"+flows[0].String(),
			"/processes/{id}", "/processes/"+processes[0].ID.String(), "{name...}", "nightly").Replace(r.path)
		if r.path == "/jobs/export" {
			path += "?format=csv"
		}
		if w := ask(h, "GET", path, nil); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "ZgotmplZ") {
			t.Errorf("GET %s: %d %s", path, w.Code, w.Body)
		}
	}
}
