// Package page makes pages that kits show in the dashboard, which puts its frame around them.
package page

import (
	"bytes"
	"errors"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"time"

	"github.com/offloadhq/offload"
)

// Clock writes a time as pages show it; the dashboard's scripts put it into the zone of whoever looks.
func Clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

// Pages are the pages of a kit, by the names of their templates.
type Pages struct{ views *template.Template }

// Parse makes pages of templates, which know time and stamp, a time for people and for programs, and what else is given. It panics
// if they don't parse, since they are embedded.
func Parse(html string, more template.FuncMap) Pages {
	return Pages{template.Must(with(more).Parse(html))}
}

// ParseFS is Parse for the files view/*.html.
func ParseFS(files fs.FS, more template.FuncMap) Pages {
	return Pages{template.Must(with(more).ParseFS(files, "view/*.html"))}
}

func with(more template.FuncMap) *template.Template {
	all := template.FuncMap{
		"time":  Clock,
		"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}
	maps.Copy(all, more)
	return template.New("").Funcs(all)
}

// Show answers with the page of a name, or says that it could not be made.
func (p Pages) Show(w http.ResponseWriter, name string, data any) {
	p.show(w, http.StatusOK, name, data)
}

// Fail answers with the page "error", which shows what an error says. Pages without one are answered in plain text.
func (p Pages) Fail(w http.ResponseWriter, status int, err error) {
	if p.views.Lookup("error") == nil {
		http.Error(w, err.Error(), status)
		return
	}
	p.show(w, status, "error", err.Error())
}

func (p Pages) show(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := p.views.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // whoever asked may have gone
}

// Back leads to the page at a path that is relative to that of the request. http.Redirect would make it absolute, without what the kit's pages
// are under.
func Back(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// Status is what to answer an error with: 404 for what is not there, 409 for what can't be done, otherwise 503, since the database was
// asked.
func Status(err error) int {
	var wrong *offload.InputError
	switch {
	case errors.Is(err, offload.ErrNotFound):
		return http.StatusNotFound
	case errors.As(err, &wrong):
		return http.StatusConflict
	}
	return http.StatusServiceUnavailable
}
