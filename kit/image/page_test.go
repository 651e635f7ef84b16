package image_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/offloadhq/offload/dashboard"
	"github.com/offloadhq/offload/kit/image"
)

func TestPageShowsPictures(t *testing.T) {
	dir := t.TempDir()
	app := newApp(t, dir)
	ask := func(h http.Handler, method, target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
		return w
	}
	shows := func(wants ...string) {
		t.Helper()
		w := ask(image.Page(app.App), "GET", "/")
		for _, want := range wants {
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
				t.Errorf("the page lacks %q: %d\n%s", want, w.Code, w.Body)
			}
		}
		for _, never := range []string{"<script", "<b>"} {
			if strings.Contains(w.Body.String(), never) {
				t.Errorf("the page has %q:\n%s", never, w.Body)
			}
		}
	}
	shows("No picture was asked for yet")
	text := jpegOf(t, quarters(300, 200))
	put(t, dir, "<script>.jpg", text)
	files := rendered(t, app, image.Input{From: "<script>.jpg", Make: []image.Rendition{{To: "<b>.jpg", Width: 150}, {To: "small.png", Width: 60}}})
	for i := range files {
		if files[i].FromBytes != int64(len(text)) {
			t.Errorf("%+v; want it made of %d bytes", files[i], len(text))
		}
	}
	shows("&lt;script&gt;.jpg", "completed", "&lt;b&gt;.jpg", "150 × 100", "quality 82", "small.png", "60 × 40")
	if _, err := image.Render.Enqueue(t.Context(), app, image.Input{From: "none.jpg", Make: []image.Rendition{{To: "wanted.jpg", Width: 10}}}); err != nil {
		t.Fatal(err)
	}
	shows("none.jpg", "wanted.jpg", "available")
	app.Drain()
	shows("discarded", `class="wrong"`)

	as := func(role dashboard.Role) http.Handler {
		return dashboard.New(app.App, dashboard.Page("Pictures", image.Page(app.App)), dashboard.Auth(func(*http.Request) (string, dashboard.Role) { return "ada", role }))
	}
	if w := ask(as(dashboard.Viewer), "GET", "/x/pictures/"); w.Code != http.StatusForbidden {
		t.Errorf("a viewer: %d", w.Code)
	}
	if w := ask(as(dashboard.Operator), "GET", "/x/pictures/"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<h1>Pictures</h1>") || !strings.Contains(w.Body.String(), "</html>") {
		t.Errorf("an operator: %d\n%s", w.Code, w.Body)
	}
	if w := ask(image.Page(app.App), "GET", "/x"); w.Code != http.StatusNotFound {
		t.Errorf("elsewhere: %d", w.Code)
	}
	if w := ask(image.Page(app.App), "POST", "/"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("posted: %d", w.Code)
	}
}
