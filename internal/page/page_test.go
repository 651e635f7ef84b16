package page_test

import (
	"errors"
	"fmt"
	"html/template"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/page"
)

func TestPages(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	pages := page.Parse(`{{define "list"}}<time datetime="{{stamp .}}">{{time .}}</time> {{loud "a"}}{{end}}{{define "error"}}<p>{{.}}</p>{{end}}{{define "broken"}}{{.Nothing}}{{end}}`,
		template.FuncMap{"loud": strings.ToUpper})
	plain := page.Parse(`{{define "list"}}{{end}}`, nil)
	for name, test := range map[string]struct {
		answer func(*httptest.ResponseRecorder)
		status int
		want   string
	}{
		"shown":                   {func(w *httptest.ResponseRecorder) { pages.Show(w, "list", at) }, 200, `<time datetime="2026-03-01T11:00:00Z">2026-03-01 11:00:00 UTC</time> A`},
		"error":                   {func(w *httptest.ResponseRecorder) { pages.Fail(w, 409, errors.New("<b>")) }, 409, "<p>&lt;b&gt;</p>"},
		"plain":                   {func(w *httptest.ResponseRecorder) { plain.Fail(w, 503, errors.New("away")) }, 503, "away\n"},
		"half made, and not sent": {func(w *httptest.ResponseRecorder) { pages.Show(w, "broken", at) }, 500, "can't evaluate field Nothing"},
	} {
		w := httptest.NewRecorder()
		if test.answer(w); w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s: %d %q; want %d %q", name, w.Code, w.Body, test.status, test.want)
		}
	}
}

func TestBackIsRelative(t *testing.T) {
	w := httptest.NewRecorder()
	page.Back(w, "./?rule=a")
	if w.Code != 303 || w.Header().Get("Location") != "./?rule=a" {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
}

func TestStatus(t *testing.T) {
	for want, err := range map[int]error{
		404: fmt.Errorf("look: %w", offload.ErrNotFound),
		409: fmt.Errorf("set: %w", &offload.InputError{Field: "Max"}),
		503: offload.ErrUnavailable,
	} {
		if got := page.Status(err); got != want {
			t.Errorf("%v is answered with %d, want %d", err, got, want)
		}
	}
}
