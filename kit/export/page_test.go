package export_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload/kit/export"
)

func TestPageShowsExports(t *testing.T) {
	s := store(t)
	links, err := export.NewLinks(s, "https://shop.example/exports/", nil, []byte("a key of sixteen bytes and more"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := export.New("export.rows", count, export.To(s), export.Link(links), export.Keep(time.Hour), export.Name(func(input) string { return "<b>all</b>" }))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e)
	page := func() string {
		t.Helper()
		w := httptest.NewRecorder()
		export.Page(app.App, e.Name()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code != http.StatusOK {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		return w.Body.String()
	}
	wants := func(texts ...string) {
		t.Helper()
		got := page()
		for _, text := range texts {
			if !strings.Contains(got, text) {
				t.Errorf("the page lacks %q:\n%s", text, got)
			}
		}
	}
	wants("No export was asked for yet")
	job, err := e.Enqueue(t.Context(), app, input{Rows: 3})
	if err != nil {
		t.Fatal(err)
	}
	wants("available", "../../jobs/"+job.ID.String())
	app.Drain()
	wants("completed", "-b-all--b-.csv", `<td class="n">3</td>`, `<a href="https://shop.example/exports/`)

	w := httptest.NewRecorder()
	export.Page(app.App).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if strings.Contains(w.Body.String(), job.ID.String()) {
		t.Error("a page of no task shows what another made")
	}
}
