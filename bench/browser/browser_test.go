package browser

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/dashboard"
	"github.com/offloadhq/offload/internal/madeup"
)

// A visit is somebody who looks at the dashboard of a shop, mounted at /jobs/.
type visit struct {
	*testing.T
	ctx  context.Context
	app  *offload.App
	base string
}

// A size is that of a window.
type size struct{ width, height int64 }

var (
	wide   = size{1440, 900}
	middle = size{1024, 800}
	narrow = size{390, 844}
)

// browse opens a shop and a browser window. What the browser complains of, such as what a page's policy keeps it from,
// fails the test.
func browse(t *testing.T, s size, steps ...chromedp.Action[chromedp.Void]) *visit {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED GROUP browser: chromium is not installed")
	}
	shop, err := madeup.Open(t.Context(), "memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shop.Close(); err != nil {
			t.Error(err)
		}
	})
	mux := http.NewServeMux()
	who := func(*http.Request) (string, dashboard.Role) { return "ada", dashboard.Admin }
	mux.Handle("/jobs/", dashboard.New(shop.App, dashboard.Title("shop"), dashboard.Auth(who)))
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.CloseClientConnections() // live pages
		server.Close()
	})
	ctx, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), Options(chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()))...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	v := &visit{T: t, ctx: ctx, app: shop.App, base: server.URL + "/jobs"}
	v.complaints()
	v.do(append([]chromedp.Action[chromedp.Void]{chromedp.EmulateViewport(s.width, s.height)}, steps...)...)
	return v
}

// complaints fails the test for each error that the browser shows to developers.
func (v *visit) complaints() {
	ctx, cancel := context.WithCancel(v.ctx)
	messages := chromedp.Console(ctx)
	var reading sync.WaitGroup
	reading.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			refused := m.Source == "network" && strings.Contains(m.Text, "status of 4") // what was asked for can't be
			if m.IsException() || m.Type == "error" && !refused {
				v.Errorf("the browser complains: %s (%s)", m.Text, m.URL)
			}
		}
	})
	v.Cleanup(func() {
		cancel()
		reading.Wait()
	})
}

// patience is how long the browser may take for one thing.
const patience = time.Minute

func (v *visit) do(steps ...chromedp.Action[chromedp.Void]) {
	v.Helper()
	for _, step := range steps {
		if _, err := ask(v, step); err != nil {
			v.Fatalf("%v\n%s", err, v.text())
		}
	}
}

// ask does one thing in the browser, and returns what comes of it. The first one starts it, and must have no limit.
func ask[T any](v *visit, step chromedp.Action[T]) (T, error) {
	timer := time.AfterFunc(patience, func() { _ = chromedp.Cancel(v.ctx) })
	defer timer.Stop()
	return chromedp.Run(v.ctx, step)
}

// get is ask for what must not fail.
func get[T any](v *visit, step chromedp.Action[T]) T {
	v.Helper()
	value, err := ask(v, step)
	if err != nil {
		v.Fatal(err)
	}
	return value
}

// text is all that can be read on the page.
func (v *visit) text() string {
	text, err := ask(v, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return text
}

func (v *visit) open(path string) {
	v.Helper()
	v.do(chromedp.Navigate(v.base+path), chromedp.WaitReady("#main"))
}

// sees waits until a text can be read on the page.
func (v *visit) sees(text string) {
	v.Helper()
	found := "document.body && document.body.innerText.includes(" + strconv.Quote(text) + ")"
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if ok, err := ask(v, chromedp.Evaluate[bool](found)); err == nil && ok {
			return
		}
		<-time.After(100 * time.Millisecond)
	}
	v.Fatalf("the page does not say %q:\n%s", text, v.text())
}

// press presses what bears a label in the main part of the page.
func (v *visit) press(label string) {
	v.Helper()
	v.click(`//main//*[self::button or self::summary or self::a][normalize-space()=` + strconv.Quote(label) + `]`)
}

// click clicks what is there; where a live page has just renewed it, what is there instead.
func (v *visit) click(what string) {
	v.Helper()
	var err error
	for range 6 {
		if _, err = ask(v, chromedp.Click(what)); err == nil || !strings.Contains(err.Error(), "Could not find node") {
			break
		}
	}
	if err != nil {
		v.Fatalf("click %s: %v\n%s", what, err, v.text())
	}
}

// keys presses keys until something is there: what is pressed while a page loads is lost.
func (v *visit) keys(there string, keys ...chromedp.Action[chromedp.Void]) {
	v.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		v.do(keys...)
		for range 10 {
			if get(v, chromedp.Evaluate[bool]("document.querySelector("+strconv.Quote(there)+") !== null")) {
				return
			}
			<-time.After(50 * time.Millisecond)
		}
	}
	v.Fatalf("no keys bring %s:\n%s", there, v.text())
}

// job returns a job that a filter selects.
func (v *visit) job(f offload.Filter) *offload.Job {
	v.Helper()
	jobs, err := v.app.Jobs(v.Context(), f)
	if err != nil || len(jobs) == 0 {
		v.Fatalf("no job: %v", err)
	}
	return jobs[0]
}

// noScripts has the browser run none.
func noScripts() chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		_, err = chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return none, err
	}
}
