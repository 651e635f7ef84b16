package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/notify"
	"github.com/offloadhq/offload/store/memory"
)

// A person sees on their page what has happened, as it happens, and reads it, under a policy that lets nothing inline run.
func TestBell(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED GROUP browser: chromium is not installed")
	}
	type order struct{ ID int }
	kit, err := notify.New(func(context.Context, string) (notify.Who, error) { return notify.Who{}, nil }, []notify.Kind{{
		Name: "order.shipped", Channels: []notify.Channel{notify.InApp},
		Content: notify.Fill(func(_ context.Context, _ notify.Who, o order) (notify.Content, error) {
			c := notify.Content{Title: fmt.Sprintf("Order %d has shipped", o.ID), Text: "It comes at three.\n<b>Please be there.</b>"}
			if o.ID == 8 {
				c.URL = "https://shop.example/orders/8"
			}
			return c, nil
		}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	app, err := offload.New(t.Context(), memory.New(), kit)
	if err != nil {
		t.Fatal(err)
	}
	bell, err := notify.NewHandler(app, "/notices/", func(*http.Request) string { return "ada" })
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/notices/", bell)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'")
		piece, err := bell.Piece(r.Context(), "ada")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, `<!doctype html><html lang=en><meta name="color-scheme" content="light dark"><title>Shop</title><main id=main><h1>Hello Ada</h1>%s</main>`, piece)
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
	tell := func(id int) {
		t.Helper()
		if _, err := notify.Notify.Enqueue(t.Context(), app, notify.Notice{To: "ada", Kind: "order.shipped", Data: notify.Data(order{id})}); err != nil {
			t.Fatal(err)
		}
	}
	at, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), Options(chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()))...)
	t.Cleanup(cancel)
	at, cancel = chromedp.NewContext(at)
	t.Cleanup(cancel)
	v := &visit{T: t, ctx: at, app: app, base: server.URL}
	v.complaints()
	v.do(chromedp.EmulateViewport(narrow.width, narrow.height), chromedp.Navigate(v.base+"/"), chromedp.WaitReady("#main"))
	has := func(unread string) {
		t.Helper()
		v.do(chromedp.WaitReady(`.offload-bell[data-unread="` + unread + `"]`))
	}
	has("0")
	tell(7)
	has("1")
	tell(8)
	has("2")
	v.do(chromedp.Click("summary"), chromedp.WaitVisible(".offload-bell-list"))
	v.sees("Order 8 has shipped")
	v.sees("<b>Please be there.</b>") // as text
	for _, scheme := range []string{"light", "dark"} {
		if err := Scheme(v.ctx, scheme); err != nil {
			t.Fatal(err)
		}
		v.do(chromedp.Evaluate[chromedp.Void](axe))
		for _, found := range get(v, chromedp.Evaluate[[]string](fmt.Sprintf(violations, `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]`), chromedp.EvalAwaitPromise)) {
			t.Error(scheme, found)
		}
		if dir := os.Getenv("BELL_SHOTS"); dir != "" {
			picture := get(v, chromedp.FullScreenshot(100))
			if err := os.WriteFile(dir+"/bell-"+scheme+".png", picture, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	v.do(chromedp.Click("ol li:last-child"))
	has("1")
	if read := get(v, chromedp.Evaluate[string]("document.querySelector('ol li.read b').textContent")); read != "Order 7 has shipped" {
		t.Errorf("what is read is %q", read)
	}
	v.do(chromedp.Click(".offload-bell-list button"))
	has("0")
	list, err := notify.Inbox(t.Context(), app, "ada")
	if err != nil || list.Unread != 0 || len(list.Items) != 2 {
		t.Errorf("the list is %+v, %v", list, err)
	}
}
