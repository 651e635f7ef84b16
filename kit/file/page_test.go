package file_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/dashboard"
	"github.com/offloadhq/offload/kit/file"
)

func TestPageShowsWork(t *testing.T) {
	p := newPlace(t)
	ask := func(h http.Handler, method, target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
		return w
	}
	shows := func(wants ...string) {
		t.Helper()
		w := ask(file.Page(p.app.App), "GET", "/")
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
	shows("No work on files was asked for yet")
	p.put(t, "<script>a.txt", []byte(strings.Repeat("a line\n", 3000)))
	out, job := do(t, p, file.Compress, file.CompressInput{From: "<script>a.txt", To: "<b>.gz"})
	if out.FromSize != 21_000 || job.State != offload.Completed {
		t.Fatalf("%+v %+v; want it made of 21,000 bytes", out, job)
	}
	shows("../../jobs/"+job.ID.String(), "file.compress", "&lt;script&gt;a.txt", "&lt;b&gt;.gz", "completed", `<td class="n">21.0</td>`)
	if out, _ := do(t, p, file.Decompress, file.CompressInput{From: "<b>.gz", To: "b.txt"}); out.Size != 21_000 || out.FromSize >= 21_000 || out.FromSize == 0 {
		t.Errorf("decompressed: %+v", out)
	}
	do(t, p, file.Checksum, file.ChecksumInput{From: "b.txt", Algorithm: "crc32"})
	p.put(t, "t.csv", []byte("a,b\n1,2\n3,4\n"))
	if out, _ := do(t, p, file.Table, file.TableInput{From: "t.csv", To: "t.jsonl"}); out.FromSize != 12 {
		t.Errorf("a table: %+v", out)
	}
	do(t, p, file.Unpack, file.UnpackInput{From: "none.zip", To: "x"})
	shows("file.checksum", "2 rows", "file.unpack", `class="wrong"`, "none.zip")

	as := func(role dashboard.Role) http.Handler {
		return dashboard.New(p.app.App, dashboard.Page("Files", file.Page(p.app.App)), dashboard.Auth(func(*http.Request) (string, dashboard.Role) { return "ada", role }))
	}
	if w := ask(as(dashboard.Viewer), "GET", "/x/files/"); w.Code != http.StatusForbidden {
		t.Errorf("a viewer: %d", w.Code)
	}
	if w := ask(as(dashboard.Operator), "GET", "/x/files/"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<h1>Files</h1>") || !strings.Contains(w.Body.String(), "</html>") {
		t.Errorf("an operator: %d\n%s", w.Code, w.Body)
	}
	for target, want := range map[string]int{"/x": 404, "/": 405} {
		method := "GET"
		if want == 405 {
			method = "POST"
		}
		if w := ask(file.Page(p.app.App), method, target); w.Code != want {
			t.Errorf("%s %s: %d, want %d", method, target, w.Code, want)
		}
	}
}
