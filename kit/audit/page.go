package audit

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/page"
)

//go:embed page.html
var pageHTML string

var pages = page.Parse(pageHTML, template.FuncMap{"json": func(v json.RawMessage) string { return short(string(v)) }})

const (
	pageRows    = 50
	pageChanges = 200
)

// short is a text as a page shows it.
func short(text string) string {
	if len(text) > 2000 {
		text = string(bytes.ToValidUTF8([]byte(text[:2000]), nil)) + "…"
	}
	return text
}

// A shownRow is a row in the page.
type shownRow struct {
	Row
	Changed []Change
	More    int    // changes
	Of      string // a link to all of its entity
	By      string // a link to all of its actor
}

// Page is a page for dashboard.Page("Audit log", …): who did what, the newest first, with what changed; by actor, action, entity and time. It shows no secret, since none is kept. The
// dashboard says who may see it; served elsewhere, the program has to.
func (l *Log) Page() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", l.page)
	return mux
}

func (l *Log) page(w http.ResponseWriter, r *http.Request) {
	form := r.URL.Query()
	q := Query{
		Actor: form.Get("actor"), Action: form.Get("action"), Type: form.Get("type"), ID: form.Get("id"), Before: form.Get("before"), Max: pageRows + 1,
	}
	var err error
	if q.Since, err = day(form.Get("since"), 0); err == nil {
		q.Until, err = day(form.Get("until"), 1) // the day is one that is shown
	}
	if err != nil {
		fail(w, err)
		return
	}
	rows, err := l.Search(r.Context(), q)
	if err != nil {
		fail(w, err)
		return
	}
	data := struct {
		Query
		Since, Until string
		Rows         []shownRow
		Older        string
	}{Query: q, Since: form.Get("since"), Until: form.Get("until")}
	if len(rows) > pageRows {
		rows = rows[:pageRows]
		form.Set("before", rows[pageRows-1].Cursor())
		data.Older = "?" + form.Encode()
	}
	for i := range rows {
		shown := shownRow{
			Row: rows[i], Changed: rows[i].Changes(),
			Of: "?" + url.Values{"type": {rows[i].Entity.Type}, "id": {rows[i].Entity.ID}}.Encode(),
			By: "?" + url.Values{"actor": {rows[i].Actor}}.Encode(),
		}
		if n := len(shown.Changed); n > pageChanges {
			shown.Changed, shown.More = shown.Changed[:pageChanges], n-pageChanges
		}
		data.Rows = append(data.Rows, shown)
	}
	pages.Show(w, "list", data)
}

// day reads a date, and goes so many days on.
func day(text string, on int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return t, &offload.InputError{Field: "date", Got: cut(text), Want: "a day such as 2026-05-01"}
	}
	return t.AddDate(0, 0, on), nil
}

// fail shows an error in the frame.
func fail(w http.ResponseWriter, err error) {
	status := page.Status(err)
	if status == http.StatusConflict { // what the address asks for
		status = http.StatusBadRequest
	}
	pages.Fail(w, status, err)
}
