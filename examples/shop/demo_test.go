package shop

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
)

// small is the size of the tests' photos: quick to make, and of those that are not enlarged.
var small = image.Pt(400, 300)

func TestDemoOnceMakesEverythingThatWasOrdered(t *testing.T) {
	dir := t.TempDir()
	for run := 1; run <= 2; run++ { // the second goes on where the first has ended
		var out bytes.Buffer
		if err := Demo(t.Context(), DemoOptions{Dir: dir, Once: true, Out: &out, camera: small}); err != nil {
			t.Fatalf("run %d: %v\n%s", run, err, out.String())
		}
		for _, want := range []string{
			"14 orders placed", "Everything came out as ordered", dir,
			"confirm         14          14         0           0",
			"mail-export          1           1         0           0",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("run %d: the output lacks %q:\n%s", run, want, out.String())
			}
		}
		wantFiles(t, dir, "mail/*.eml", run*15)
		wantFiles(t, dir, "thumbnails/*.jpg", run*8)
		wantFiles(t, dir, "exports/*.csv", run)
	}
}

func TestDemoOnceNamesAPhotoThatIsNone(t *testing.T) {
	photos := t.TempDir()
	for i := range leastPrints {
		if err := makePhoto(t.Context(), filepath.Join(photos, fmt.Sprint(i, ".JPG")), small, uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	bad := filepath.Join(photos, "9.jpeg")
	if err := os.WriteFile(bad, []byte("\xff\xd8 no photo"), 0o600); err != nil {
		t.Fatal(err)
	}

	err := Demo(t.Context(), DemoOptions{Dir: t.TempDir(), Photos: photos, Once: true, Out: io.Discard})

	if err == nil || !strings.Contains(err.Error(), filepath.Base(bad)) || !strings.Contains(err.Error(), "discarded") {
		t.Errorf("Demo = %v; want an error that names %s", err, bad)
	}
}

func TestDemoRefusesWhatItCannotUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]DemoOptions{
		"a directory that is a file":  {Dir: file},
		"no such photos":              {Dir: t.TempDir(), Photos: filepath.Join(file, "none")},
		"a directory without a photo": {Dir: t.TempDir(), Photos: t.TempDir()},
		"an address that is none":     {Dir: t.TempDir(), Listen: "nowhere:none", camera: small},
	} {
		o.Out = io.Discard
		if err := Demo(t.Context(), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDemoServesUntilItIsInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out := writerFunc(func(text []byte) {
		if bytes.Contains(text, []byte("The shop is open at http://127.0.0.1:")) {
			interrupt()
		}
	})
	if err := Demo(ctx, DemoOptions{Dir: t.TempDir(), Out: out, camera: small}); err != nil {
		t.Errorf("Demo = %v, want nil after an interrupt", err)
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	s := newTestShop(t)
	placed := s.placeAndSettle(t)
	if err := s.check(t.Context(), placed); err != nil {
		t.Fatalf("before anything is broken: %v", err)
	}
	tiny := s.Path("tiny.jpg")
	if err := makePhoto(t.Context(), tiny, image.Pt(40, 30), 0); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		spoil func() error
		want  string
	}{
		{"an export's file is changed", func() error { return appendTo(s.exportPath(1), "9,,,,,,\n") }, "export-1.eml: does not carry"},
		{"a mail is lost", func() error { return os.Remove(s.Path(mailDir, "order-2.eml")) }, "order 2: 0 confirmations"},
		{"a mail is there twice", func() error { return copyFile(s.Path(mailDir, "order-3.eml"), s.Path(mailDir, "again.eml")) }, "order 3: 2 confirmations"},
		{"a thumbnail is too small", func() error { return copyFile(tiny, s.thumbnailPath(8)) }, "order 8: thumbnail"},
		{"a thumbnail is cut off", func() error { return os.Truncate(s.thumbnailPath(9), 500) }, "order 9: thumbnail"},
		{"an audit entry is doubled", s.exec(`INSERT INTO audits SELECT * FROM audits WHERE order_id = 4 AND event = 'reserved'`), "order 4: audit entries are [placed reserved reserved]"},
		{"the stock is off", s.exec(`UPDATE products SET stock = stock - 1 WHERE name = 'frame'`), "stock: "},
		{"a payment is not done", s.exec(`UPDATE payments SET status = 'retrying' WHERE order_id = 5`), "order 5: payment is"},
		{"an order is not what was placed", s.exec(`UPDATE orders SET quantity = quantity + 1 WHERE id = 6`), "order 6: stored as"},
	} {
		if err := test.spoil(); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if err := s.check(t.Context(), placed); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: check = %v; want %q in it", test.name, err, test.want)
		}
	}
}

func TestPagesShowHowFarAnOrderIs(t *testing.T) {
	s := newTestShop(t)
	pages := (&site{s.Shop, s.photos}).handler()

	wantPage(t, pages, request("GET", "/", nil), 200, "No order yet")
	wantPage(t, pages, request("GET", "/order", nil), 200, filepath.Base(s.photos[0]))
	wantPage(t, pages, request("POST", "/orders", url.Values{"customer": {"<Ada>"}, "email": {"ada@"}}), 422, "is no mail address", "&lt;Ada&gt;")
	wantPage(t, pages, request("POST", "/orders", url.Values{
		"customer": {"Ada"}, "email": {"ada@example.com"}, "product": {"poster"}, "quantity": {"2"}, "photo": {filepath.Base(s.photos[0])},
	}), 303)
	wantPage(t, pages, request("GET", "/", nil), 200, "2 × poster", "39.00", "queued", "available")
	wantPage(t, pages, request("POST", "/exports", nil), 303)
	s.settle(t)
	wantPage(t, pages, request("GET", "/", nil), 200, "/mail/order-1.eml", "/thumbnails/order-1.jpg", receiptNumber(1), "/exports/orders-1.csv")
	wantPage(t, pages, request("GET", "/mail/order-1.eml", nil), 200, "Delivered-To: ada@example.com")
	wantPage(t, pages, request("GET", "/exports/orders-1.csv", nil), 200, "ada@example.com,poster,2,39.00")
	wantPage(t, pages, request("GET", "/shop.db", nil), 404)

	foreign := request("POST", "/exports", nil)
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	wantPage(t, pages, foreign, 403)
}

// A testShop is a shop with the world around it, and with photos.
type testShop struct {
	*Shop
	photos []string
}

func newTestShop(t *testing.T) *testShop {
	t.Helper()
	d := &demo{DemoOptions: DemoOptions{Dir: t.TempDir(), Out: io.Discard, camera: small}}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &testShop{d.shop, d.photos}
}

// settle works what is waiting.
func (s *testShop) settle(t *testing.T) {
	t.Helper()
	d := &demo{DemoOptions: DemoOptions{Out: io.Discard}, shop: s.Shop}
	if err := d.whileRunning(t.Context(), d.settle); err != nil {
		t.Fatal(err)
	}
}

func (s *testShop) placeAndSettle(t *testing.T) []Order {
	t.Helper()
	d := &demo{DemoOptions: DemoOptions{Out: io.Discard}, shop: s.Shop, photos: s.photos}
	placed, err := d.placeAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.settle(t)
	return placed
}

func (s *testShop) exec(statement string) func() error {
	return func() error {
		_, err := s.db.Exec(statement)
		return err
	}
}

func (s *testShop) place(t *testing.T, o Order) Order {
	t.Helper()
	placed, err := s.Place(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return placed
}

func (s *testShop) states(t *testing.T) map[string]offload.State {
	t.Helper()
	jobs, err := s.app.Jobs(t.Context(), offload.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]offload.State{}
	for _, job := range jobs {
		states[job.Task] = job.State
	}
	return states
}

func wantFiles(t *testing.T, dir, pattern string, want int) {
	t.Helper()
	if got, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(got) != want {
		t.Errorf("%s: %d files, want %d", pattern, len(got), want)
	}
}

func wantPage(t *testing.T, pages http.Handler, r *http.Request, status int, texts ...string) {
	t.Helper()
	w := httptest.NewRecorder()
	pages.ServeHTTP(w, r)
	if w.Code != status {
		t.Errorf("%s %s: status %d, want %d: %s", r.Method, r.URL, w.Code, status, w.Body)
	}
	for _, text := range texts {
		if !strings.Contains(w.Body.String(), text) {
			t.Errorf("%s %s: lacks %q:\n%s", r.Method, r.URL, text, w.Body)
		}
	}
}

func request(method, path string, form url.Values) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

type writerFunc func([]byte)

func (f writerFunc) Write(text []byte) (int, error) {
	f(text)
	return len(text), nil
}

func appendTo(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(old, text...), 0o600)
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}
