// Shots takes pictures of the dashboard's pages with a made-up shop: wide, middle and narrow, light and dark. With
// -readme it renews those of the documents instead.
//
//	go run ./shots -out pictures
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/chromedp/chromedp"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/bench/browser"
	"github.com/offloadhq/offload/dashboard"
	"github.com/offloadhq/offload/internal/madeup"
	"github.com/offloadhq/offload/operate"
)

func main() {
	out := flag.String("out", "pictures", "`folder` for the pictures")
	readme := flag.Bool("readme", false, "renew the pictures of the documents, from a shop with an hour behind it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out, *readme); err != nil {
		fmt.Fprintln(os.Stderr, "shots:", err)
		os.Exit(1)
	}
}

// A shot is one picture.
type shot struct {
	name, path    string
	width, height int64
	scheme        string // light or dark
}

func run(ctx context.Context, out string, readme bool) (err error) {
	open := func(ctx context.Context) (*madeup.Shop, error) { return madeup.Open(ctx, "memory:") }
	if readme {
		open, out = madeup.Hour, filepath.Join("..", "docs", "pictures")
	}
	shop, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shop.Close()) }()
	auth := dashboard.Auth(func(*http.Request) (string, dashboard.Role) { return "ada", dashboard.Admin })
	server := httptest.NewServer(dashboard.New(shop.App, auth, dashboard.Title("shop")))
	defer server.Close()
	defer server.CloseClientConnections() // live pages
	paths, err := pages(ctx, shop.App)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if !readme {
		return take(ctx, server.URL, out, all(paths))
	}
	if err := take(ctx, server.URL, out, documents(paths)); err != nil {
		return err
	}
	return shopShots(ctx, out)
}

// pages are the paths of all pages by name.
func pages(ctx context.Context, app *offload.App) (map[string]string, error) {
	paths := map[string]string{"overview": "/"}
	for _, name := range []string{"jobs", "retries", "scheduled", "discarded", "errors", "queues", "limits", "schedules", "workflows", "processes", "operations", "settings", "find"} {
		paths[name] = "/" + name
	}
	o := operate.As(app, "ada")
	groups, err := madeup.Errors(ctx, app, 1)
	if err != nil {
		return nil, err
	}
	paths["error"] = "/errors/" + groups[0].Group
	for name, f := range map[string]offload.Filter{
		"job-running": {States: []offload.State{offload.Running}}, "job-retried": {States: []offload.State{offload.Retryable}},
		"job-discarded": {States: []offload.State{offload.Discarded}}, "job-completed": {States: []offload.State{offload.Completed}, Tasks: []string{"mail"}},
	} {
		f.Max = 1
		jobs, err := app.Jobs(ctx, f)
		if err != nil {
			return nil, err
		}
		if len(jobs) > 0 {
			paths[name] = "/jobs/" + jobs[0].ID.String()
			paths["new-job"] = "/jobs/new?from=" + jobs[0].ID.String()
		}
	}
	flows, err := o.Flows(ctx, offload.ID{}, 1)
	if err == nil && len(flows) > 0 {
		paths["workflow"] = "/workflows/" + flows[0].String()
	}
	return paths, err
}

// all are pictures of all pages in all ways.
func all(paths map[string]string) (shots []shot) {
	for name, path := range paths {
		for _, width := range []int64{1440, 1024, 390} {
			for _, scheme := range []string{"light", "dark"} {
				shots = append(shots, shot{fmt.Sprintf("%s-%d-%s", name, width, scheme), path, width, 900, scheme})
			}
		}
	}
	return shots
}

// documents are the pictures that stand in the documents.
func documents(paths map[string]string) []shot {
	return []shot{
		{"overview", paths["overview"], 1440, 930, "light"},
		{"job", paths["job-retried"], 1280, 900, "light"},
		{"errors", paths["errors"], 1280, 480, "dark"},
		{"workflow", paths["workflow"], 1280, 620, "dark"},
		{"jobs-narrow", "/jobs?state=retryable", 390, 844, "light"},
	}
}

// take takes pictures, each of a window that has just been opened at a page.
func take(ctx context.Context, base, out string, shots []shot) error {
	ctx, cancel := chromedp.NewExecAllocator(ctx, browser.Options(chromedp.Flag("hide-scrollbars", true))...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	for _, s := range shots {
		if _, err := chromedp.Run(ctx, chromedp.EmulateViewport(s.width, s.height)); err != nil {
			return err
		}
		if err := browser.Scheme(ctx, s.scheme); err != nil {
			return err
		}
		if _, err := chromedp.Run(ctx, chromedp.Navigate(base+s.path)); err != nil {
			return err
		}
		if _, err := chromedp.Run(ctx, chromedp.WaitReady("#main")); err != nil {
			return err
		}
		picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			return err
		}
		file := filepath.Join(out, s.name+".png")
		if err := os.WriteFile(file, picture, 0o644); err != nil {
			return err
		}
		fmt.Println(file)
	}
	return nil
}
