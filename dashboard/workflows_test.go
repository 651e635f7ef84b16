package dashboard

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

func TestWorkflowIsDrawn(t *testing.T) {
	app := shop(t)
	h := New(app, as(Operator))
	ids, err := operate.As(app, "test").Flows(t.Context(), offload.ID{}, 10)
	if err != nil || len(ids) != 1 {
		t.Fatalf("%v, %v", ids, err)
	}
	path := "/workflows/" + ids[0].String()
	if page := ask(h, "GET", "/workflows", nil).Body.String(); !strings.Contains(page, path) {
		t.Errorf("the list lacks it:\n%s", page)
	}
	page := ask(h, "GET", path, nil).Body.String()
	for _, want := range []string{"batch of 3", ">mail<", `class="way ended"`, "Cancel"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	post(t, h, "/workflows/cancel", "flow", ids[0].String())
	for bad, code := range map[string]int{"x": http.StatusBadRequest, offload.NewID().String(): http.StatusNotFound} {
		if w := ask(h, "GET", "/workflows/"+bad, nil); w.Code != code {
			t.Errorf("%s: %d, want %d", bad, w.Code, code)
		}
	}
	if said := post(t, h, "/workflows/cancel"); !strings.Contains(said, "want the id of one") {
		t.Error(said)
	}
}

// A line that passes a column has a place of its own there.
func TestColumns(t *testing.T) {
	columns, ways := columnsOf(4, []edge{{from: 0, to: 1}, {from: 1, to: 2}, {from: 0, to: 2}, {from: 3, to: 2}})
	want := [][]int{{0, 3}, {1, 4, 5}, {2}}
	if !slices.EqualFunc(columns, want, slices.Equal) || !slices.Equal(ways[2], []int{0, 4, 2}) || !slices.Equal(ways[3], []int{3, 5, 2}) {
		t.Errorf("%v, %v", columns, ways)
	}
	// A circle, which no store has, does not hang.
	columnsOf(2, []edge{{from: 0, to: 1}, {from: 1, to: 0}})
}
