package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/status"
	"github.com/offloadhq/offload/store/memory"
)

// Whoever waits for a job sees the bar go on by itself, under a policy that lets nothing inline run; without scripts there is the status of when the page was made.
func TestStatusPiece(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED GROUP browser: chromium is not installed")
	}
	steps, began := make(chan int), make(chan struct{})
	slow := offload.NewTask("slow", func(ctx context.Context, _ int) error {
		close(began)
		for step := range steps {
			offload.Progress(ctx, step, 4, "packing")
		}
		return nil
	})
	app, err := offload.New(t.Context(), memory.New(), slow)
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := status.NewHandler(app, "/status/", []byte("a key for this one test"))
	if err != nil {
		t.Fatal(err)
	}
	job, err := slow.Enqueue(t.Context(), app, 1)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/status/", waiting)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
		bar, err := waiting.Piece(r.Context(), job.ID, time.Hour)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "<!doctype html><html lang=en><title>Order</title><main id=main><h1>Thank you</h1>%s</main>", bar)
	})
	server := httptest.NewServer(mux)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := app.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		stop()
		running.Wait()
		app.Close()
	})
	<-began
	at, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), Options(chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()))...)
	t.Cleanup(cancel)
	at, cancel = chromedp.NewContext(at)
	t.Cleanup(cancel)
	v := &visit{T: t, ctx: at, app: app, base: server.URL}
	v.complaints()
	v.do(chromedp.EmulateViewport(narrow.width, narrow.height), chromedp.Navigate(v.base+"/"), chromedp.WaitReady("#main"))
	bar := func() string {
		return get(v, chromedp.Evaluate[string]("document.querySelector('progress').value + ' ' + document.querySelector('[data-state]').dataset.state"))
	}
	v.sees("running")
	steps <- 1
	v.sees("running (25 %, packing)")
	if got := bar(); got != "25 running" {
		t.Errorf("the bar is %q", got)
	}
	v.do(chromedp.Evaluate[chromedp.Void](axe))
	for _, found := range get(v, chromedp.Evaluate[[]string](fmt.Sprintf(violations, `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]`), chromedp.EvalAwaitPromise)) {
		t.Error(found)
	}
	close(steps)
	v.sees("done")
	if got := bar(); got != "100 done" {
		t.Errorf("the bar is %q", got)
	}
	if text := v.text(); !strings.Contains(text, "Thank you") {
		t.Errorf("the page is %q", text)
	}
}
