package mail_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/offloadtest"
)

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	return w
}

func TestOutboxShowsMails(t *testing.T) {
	dir := t.TempDir()
	kit, err := mail.New(mail.Keep{Dir: dir}, mail.From("Shop <orders@shop.example>"))
	if err != nil {
		t.Fatal(err)
	}
	app := offloadtest.New(kit)
	defer app.Close()
	h := kit.Outbox()
	if page := get(t, h, "/").Body.String(); !strings.Contains(page, "No mail has been kept") {
		t.Errorf("the empty list is\n%s", page)
	}
	m := letter()
	m.Subject = `<script>alert(1)</script> für Ada`
	m.Text = "<script>alert(2)</script>"
	m.HTML = `<p onclick="x()">Hi</p><img src="cid:logo.png"><script>alert(3)</script>`
	m.Attach = []mail.File{{Name: "<b>.html", Content: []byte("<script>alert(4)</script>")}, {Name: "logo.png", Content: []byte("PNG"), Inline: true}}
	job := sent(t, app, m)
	wantState(t, job, offload.Completed, "")
	list := get(t, h, "/").Body.String()
	at := "/m/" + job.ID.String() + "/"
	if !strings.Contains(list, `href="`+at[1:]+`"`) || strings.Contains(list, "<script") || !strings.Contains(list, "für Ada") {
		t.Errorf("the list is\n%s", list)
	}
	page := get(t, h, at).Body.String()
	if strings.Contains(page, "<script") || !strings.Contains(page, "alert(2)") || !strings.Contains(page, "<iframe") || !strings.Contains(page, "ada@example.com") {
		t.Errorf("the page is\n%s", page)
	}
	framed := get(t, h, at+"html")
	if policy := framed.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "sandbox") {
		t.Errorf("the HTML comes with %v", framed.Header())
	}
	inline := regexp.MustCompile(`src="(part/\d)"`).FindStringSubmatch(framed.Body.String())
	if inline == nil {
		t.Fatalf("the HTML has no picture of its own:\n%s", framed.Body)
	}
	if w := get(t, h, at+inline[1]); w.Body.String() != "PNG" || w.Header().Get("Content-Type") != "image/png" {
		t.Errorf("the picture is %q, %v", w.Body, w.Header())
	}
	attached := regexp.MustCompile(`href="(part/\d)" download><bdi>_b_.html`).FindStringSubmatch(page)
	if attached == nil {
		t.Fatalf("nothing is attached:\n%s", page)
	}
	w := get(t, h, at+attached[1])
	if w.Body.String() != "<script>alert(4)</script>" || w.Header().Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("what is attached comes as %q, %v", w.Body, w.Header())
	}
	if w := get(t, h, at+"source"); !strings.Contains(w.Body.String(), "Message-ID: <"+job.ID.String()) || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("the source is %q, %v", w.Body, w.Header())
	}
	for _, path := range []string{"/m/none/", "/m/..%2f..%2fetc%2fpasswd/source", at + "part/9", at + "part/-1", at + "part/x"} {
		if w := get(t, h, path); w.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, w.Code)
		}
	}
}

// What somebody else has put there is shown as far as it is a mail.
func FuzzOutbox(f *testing.F) {
	f.Add("Subject: a\r\n\r\nb")
	f.Add("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\n???\r\n--x--")
	f.Add("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n--x--")
	f.Add("\x00")
	dir := f.TempDir()
	kit, err := mail.New(mail.Keep{Dir: dir})
	if err != nil {
		f.Fatal(err)
	}
	h := kit.Outbox()
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(dir, "x.eml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/", "/m/x/", "/m/x/source"} {
			if w := get(t, h, path); w.Code != http.StatusOK {
				t.Errorf("GET %s: %d", path, w.Code)
			}
		}
		get(t, h, "/m/x/html")
		get(t, h, "/m/x/part/0")
	})
}

// What stands in a message can't become a header, a recipient or a command.
func FuzzPreview(f *testing.F) {
	f.Add("ada@example.com", "Hello", "text", "X-A", "b")
	f.Add("a@b\r\nBcc: c@d", "s\r\n\r\nbody", ".\r\n.", "X: \n", "\r")
	kit, err := mail.New(mail.Keep{Dir: f.TempDir()}, mail.From("a@shop.example"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, to, subject, text, header, value string) {
		source, err := kit.Preview(mail.Message{To: []string{to}, Subject: subject, Text: text, Headers: map[string]string{header: value}})
		if err != nil {
			return
		}
		head, _, _ := strings.Cut(string(source), "\r\n\r\n")
		seen := map[string]int{}
		for line := range strings.SplitSeq(head, "\r\n") {
			if strings.ContainsAny(line, "\r\n") {
				t.Fatalf("a header has half a line's end: %q", line)
			}
			if line != "" && line[0] != ' ' && line[0] != '\t' {
				name, _, ok := strings.Cut(line, ":")
				if seen[strings.ToLower(name)]++; !ok || seen[strings.ToLower(name)] > 1 {
					t.Fatalf("the head has %q:\n%s", line, head)
				}
			}
		}
		if seen["bcc"] > 0 && !strings.EqualFold(header, "bcc") {
			t.Fatalf("a Bcc came in:\n%s", head)
		}
	})
}
