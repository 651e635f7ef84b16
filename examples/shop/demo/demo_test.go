package demo

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"image"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/offloadhq/offload/examples/shop"
	"github.com/offloadhq/offload/examples/shop/world"
)

// small is the size of the tests' photos: quick to make, and of those that are not enlarged.
var small = image.Pt(400, 300)

func TestDemoOnceMakesEverythingThatWasOrdered(t *testing.T) {
	dir := t.TempDir()
	for run := 1; run <= 2; run++ { // the second goes on where the first has ended
		var out bytes.Buffer
		if err := Run(t.Context(), Options{Dir: dir, Once: true, Out: &out, camera: small}); err != nil {
			t.Fatalf("run %d: %v\n%s", run, err, out.String())
		}
		for _, want := range []string{
			"14 orders placed", "Everything came out as ordered", dir,
			"mail         17          17         0           0",
			"export.orders          2           2         0           0",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("run %d: the output lacks %q:\n%s", run, want, out.String())
			}
		}
		wantFiles(t, dir, "mail/*.eml", run*17)
		wantFiles(t, dir, "thumbnails/*.jpg", run*8)
		wantFiles(t, dir, "supplier/*.json", run*14)
	}
}

func TestDemoOnceNamesAPhotoThatIsNone(t *testing.T) {
	photos := t.TempDir()
	for i := range leastPrints {
		if err := world.MakePhoto(t.Context(), filepath.Join(photos, fmt.Sprint(i, ".JPG")), small, uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	bad := filepath.Join(photos, "9.jpeg")
	if err := os.WriteFile(bad, []byte("\xff\xd8 no photo"), 0o600); err != nil {
		t.Fatal(err)
	}

	err := Run(t.Context(), Options{Dir: t.TempDir(), Photos: photos, Once: true, Out: io.Discard})

	if err == nil || !strings.Contains(err.Error(), filepath.Base(bad)) || !strings.Contains(err.Error(), "discarded") {
		t.Errorf("Run = %v; want an error that names %s", err, bad)
	}
}

func TestDemoRefusesWhatItCannotUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"a directory that is a file":  {Dir: file},
		"no such photos":              {Dir: t.TempDir(), Photos: filepath.Join(file, "none")},
		"a directory without a photo": {Dir: t.TempDir(), Photos: t.TempDir()},
		"an address that is none":     {Dir: t.TempDir(), Listen: "nowhere:none", camera: small},
	} {
		o.Out = io.Discard
		if err := Run(t.Context(), o); err == nil {
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
	if err := Run(ctx, Options{Dir: t.TempDir(), Out: out, camera: small}); err != nil {
		t.Errorf("Run = %v, want nil after an interrupt", err)
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	d := newTestDemo(t)
	placed := d.placeAndSettle(t)
	if err := d.check(t.Context(), placed); err != nil {
		t.Fatalf("before anything is broken: %v", err)
	}
	tiny := d.shop.Path("tiny.jpg")
	if err := world.MakePhoto(t.Context(), tiny, image.Pt(40, 30), 0); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		spoil func() error
		want  string
	}{
		{"an export's file is changed", d.onExport(func(path string) error { return appendTo(path, "9,,,,,,\n") }), "its 16 rows are not the 14 orders"},
		{"a mail is lost", d.onMail("Your order 2", os.Remove), `"Your order 2": 0 mails, want 1`},
		{"a mail is there twice", d.onMail("Your order 3", func(path string) error { return copyFile(path, d.shop.Path(mailDir, "again.eml")) }), `"Your order 3": 2 mails`},
		{"a thumbnail is too small", func() error { return copyFile(tiny, d.shop.ThumbnailPath(8)) }, "order 8: thumbnail"},
		{"a thumbnail is cut off", func() error { return os.Truncate(d.shop.ThumbnailPath(9), 500) }, "order 9: thumbnail"},
		{"the supplier was not told", func() error { return os.Remove(d.shop.Path(supplierDir, "order-10-placed.json")) }, "order 10: supplier"},
		{"an audit entry is gone", d.exec(`DELETE FROM offload_audit WHERE action = 'order.reserve' AND entity_id = '4'`), "order 4: audit entries are [order.charge order.place]"},
		{"an audit entry is another", d.exec(`UPDATE offload_audit SET actor = 'eve' WHERE entity_id = '5'`), "audit log: row "},
		{"the supplier was paid twice", d.exec(`UPDATE earnings SET cents = 2 * cents WHERE order_id = 3`), "earnings: "},
		{"a day of delivery was overwritten", d.exec(`UPDATE orders SET deliver_by = '2026-01-01' WHERE id = 4`), "order 4: stored as"},
		{"the stock is off", d.exec(`UPDATE products SET stock = stock - 1 WHERE name = 'frame'`), "stock: "},
		{"a payment is not done", d.exec(`UPDATE orders SET payment = 'retrying' WHERE id = 5`), "order 5: payment is"},
		{"an order is not what was placed", d.exec(`UPDATE orders SET quantity = quantity + 1 WHERE id = 6`), "order 6: stored as"},
		{"a report is off", d.exec(`UPDATE reports SET orders = orders - 1`), "report of "},
	} {
		if err := test.spoil(); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if err := d.check(t.Context(), placed); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: check = %v; want %q in it", test.name, err, test.want)
		}
	}
}

func TestPagesShowHowFarAnOrderIs(t *testing.T) {
	d := newTestDemo(t)
	pages := d.pages(newWorkbench(t.Context(), d))

	wantPage(t, pages, request("GET", "/", nil), 200, "No order yet")
	wantPage(t, pages, request("GET", "/order", nil), 200, d.photos[0])
	wantPage(t, pages, request("POST", "/orders", url.Values{"customer": {"<Ada>"}, "email": {"ada@"}}), 422, "is no mail address", "&lt;Ada&gt;")
	order := url.Values{"customer": {"Ada"}, "email": {"ada@example.com"}, "product": {"poster"}, "quantity": {"2"}, "photo": {d.photos[0]}}
	wantPage(t, pages, request("POST", "/orders", order), 303)
	order.Set("photo", "../key")
	wantPage(t, pages, request("POST", "/orders", order), 422, "we don&#39;t have the photo")
	wantPage(t, pages, request("GET", "/", nil), 200, "2 × poster", "39.00", "queued", "available")
	wantPage(t, pages, request("GET", "/orders/1", nil), 200, "Thank you for order 1", `<progress`)
	wantPage(t, pages, request("GET", "/orders/9", nil), 404)
	wantPage(t, pages, request("GET", "/orders/x", nil), 404)
	wantPage(t, pages, request("POST", "/office/export", url.Values{"orders": {"placed"}, "format": {"csv"}}), 303)
	wantPage(t, pages, request("POST", "/office/report", nil), 303)
	d.settleNow(t)
	wantPage(t, pages, request("GET", "/", nil), 200, "/thumbnails/order-1.jpg", world.ReceiptNumber(1), "done")
	office := wantPage(t, pages, request("GET", "/office", nil), 200, "orders 1 to 1.csv", "1 rows", today(), "39.00")
	_, link, _ := strings.Cut(office, `<a href="`+d.shop.Address)
	link, _, _ = strings.Cut(link, `"`)
	wantPage(t, pages, request("GET", html.UnescapeString(link), nil), 200, `"ada@example.com","poster",2,"39.00"`)
	wantPage(t, pages, request("GET", "/shop.db", nil), 404)
	wantPage(t, pages, request("GET", "/jobs/x/outbox/", nil), 200, "Your order 1")
	wantPage(t, pages, request("GET", "/jobs/x/exports/", nil), 200, "orders 1 to 1.csv")

	foreign := request("POST", "/office/export", nil)
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	wantPage(t, pages, foreign, 403)
}

func TestOrdersWithEverythingInlineComeOutTheSame(t *testing.T) {
	d := newTestDemo(t)
	pages := d.pages(newWorkbench(t.Context(), d))
	wantPage(t, pages, request("POST", inlinePath, url.Values{
		"customer": {"Ada"}, "email": {"ada@example.com"}, "product": {"poster"}, "quantity": {"2"}, "photo": {d.photos[0]},
	}), 303)
	if err := d.check(t.Context(), nil); err != nil {
		t.Error(err)
	}
	wantPage(t, pages, request("GET", "/orders/1", nil), 200, "Thank you for order 1")
}

func TestComparisonMeasuresBothWays(t *testing.T) {
	d := newTestDemo(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	bench := newWorkbench(ctx, d)
	server := &http.Server{Handler: d.pages(bench)}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(d.listener) })
	defer serving.Wait()
	defer server.Close()
	err := d.whileWorking(ctx, func(ctx context.Context) error {
		c, err := compare(ctx, d, func(string) {})
		if err == nil && (c.Inline.Orders.P50 <= 0 || c.Offload.Orders.P50 <= 0 || c.Idle.P99 <= 0 || c.Inline.Answers == 0 || c.Offload.Answers == 0) {
			t.Errorf("measured %+v", c)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.check(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestWorkbenchBreaksTheDatabaseAndThePaymentService(t *testing.T) {
	d := newTestDemo(t)
	ctx, stop := context.WithCancel(t.Context())
	bench := newWorkbench(ctx, d)
	pages := d.pages(bench)
	wantPage(t, pages, request("POST", benchPath+"payment", nil), 303)
	wantPage(t, pages, request("GET", benchPath, nil), 200, "The payment service fails each call")
	wantPage(t, pages, request("POST", benchPath+"worker", nil), 303)
	wantPage(t, pages, request("GET", benchPath, nil), 200, "killing it would end the pages too")
	wantPage(t, pages, request("POST", benchPath+"database", nil), 303)
	wantPage(t, pages, request("GET", benchPath, nil), 200, "The database takes nothing")
	stop()
	bench.wait()
	wantPage(t, pages, request("POST", "/orders", url.Values{"customer": {"Ada"}, "email": {"ada@example.com"}, "product": {"poster"}, "quantity": {"2"}}), 303)
}

// newTestDemo is a shop with the world around it that nobody works for.
func newTestDemo(t *testing.T) *demo {
	t.Helper()
	d := &demo{Options: Options{Dir: t.TempDir(), Out: io.Discard, Once: true, camera: small}}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// settleNow works what is waiting.
func (d *demo) settleNow(t *testing.T) {
	t.Helper()
	if err := d.whileWorking(t.Context(), d.settle); err != nil {
		t.Fatal(err)
	}
}

func (d *demo) placeAndSettle(t *testing.T) []shop.Order {
	t.Helper()
	placed, err := d.placeAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.settleNow(t)
	return placed
}

func (d *demo) exec(statement string) func() error {
	return func() error {
		_, err := d.shop.DB.Exec(statement)
		return err
	}
}

// onMail does something to the file of the mail with a subject.
func (d *demo) onMail(subject string, do func(path string) error) func() error {
	return func() error {
		mails, err := readMails(d.shop.Path(mailDir))
		if err != nil {
			return err
		}
		i := slices.IndexFunc(mails, func(m letter) bool { return m.subject == subject })
		if i < 0 {
			return fmt.Errorf("there is no mail %q", subject)
		}
		return do(mails[i].path)
	}
}

// onExport does something to the file of the export of CSV.
func (d *demo) onExport(do func(path string) error) func() error {
	return func() error {
		paths, err := filepath.Glob(d.shop.Path("exports", "*.csv"))
		if err != nil || len(paths) != 1 {
			return fmt.Errorf("files of CSV: %v, %w", paths, err)
		}
		return do(paths[0])
	}
}

func wantFiles(t *testing.T, dir, pattern string, want int) {
	t.Helper()
	if got, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(got) != want {
		t.Errorf("%s: %d files, want %d", pattern, len(got), want)
	}
}

func wantPage(t *testing.T, pages http.Handler, r *http.Request, status int, texts ...string) (body string) {
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
	return w.Body.String()
}

func request(method, path string, form url.Values) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr, r.Host = "127.0.0.1:9", "localhost"
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
