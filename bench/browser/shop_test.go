package browser

import (
	"context"
	"fmt"
	"image"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/offloadhq/offload/examples/shop/demo"
	"github.com/offloadhq/offload/examples/shop/world"
)

// A customer orders in the example shop, watches the payment and is told that it has come; the office asks for an export. All pages are good for
// people who see them by other means.
func TestShop(t *testing.T) {
	t.Parallel()
	v := visitShop(t)
	v.open("/order")
	v.do(
		chromedp.SendKeys(`[name=customer]`, "Ada Lovelace"), chromedp.SendKeys(`[name=email]`, "ada.lovelace@example.com"),
		chromedp.SetValue(`[name=product]`, "poster"), chromedp.SetValue(`[name=photo]`, "lake.jpg"),
	)
	v.press("Order")
	v.sees("Thank you for order")
	v.sees("19.50 in total")
	v.do(chromedp.WaitReady(`[data-state=done]`)) // the bar, without a reload
	v.do(chromedp.WaitReady(`.offload-bell[data-unread="1"]`))
	v.do(chromedp.WaitReady(`img.photo`))
	thanks := get(v, chromedp.Location())

	v.open("/office")
	v.press("Export")
	v.sees("rows,") // of the file, once it is there
	for _, page := range []string{"/", "/order", thanks[len(v.base):], "/office", "/bench/"} {
		v.open(page)
		for _, scheme := range []string{"light", "dark"} {
			if err := Scheme(v.ctx, scheme); err != nil {
				t.Fatal(err)
			}
			v.do(chromedp.Evaluate[chromedp.Void](axe))
			for _, found := range get(v, chromedp.Evaluate[[]string](fmt.Sprintf(violations, `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]`), chromedp.EvalAwaitPromise)) {
				t.Error(page, scheme, found)
			}
		}
	}
}

// visitShop starts the example shop, and opens a window.
func visitShop(t *testing.T) *visit {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED GROUP browser: chromium is not installed")
	}
	photos := t.TempDir()
	if err := world.MakePhoto(t.Context(), filepath.Join(photos, "lake.jpg"), image.Pt(400, 300), 1); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	said := make(chan string, 1)
	dir := t.TempDir()
	var running sync.WaitGroup
	running.Go(func() {
		defer close(said)
		if err := demo.Run(ctx, demo.Options{Dir: dir, Photos: photos, Out: AddressIn(said)}); err != nil {
			t.Error(err)
		}
	})
	base, ok := <-said
	if !ok {
		t.Fatal("the shop did not open")
	}
	at, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), Options(chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()))...)
	t.Cleanup(func() {
		cancel() // live pages first
		stop()
		running.Wait()
	})
	at, cancelWindow := chromedp.NewContext(at)
	t.Cleanup(cancelWindow)
	v := &visit{T: t, ctx: at, base: base}
	v.complaints()
	v.do(chromedp.EmulateViewport(middle.width, middle.height))
	return v
}
