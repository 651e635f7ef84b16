package demo

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/offloadhq/offload/dashboard"
	"github.com/offloadhq/offload/dashboard/access"
	"github.com/offloadhq/offload/kit/export"
	"github.com/offloadhq/offload/kit/image"
	"github.com/offloadhq/offload/kit/push"

	"github.com/offloadhq/offload/examples/shop"
	"github.com/offloadhq/offload/examples/shop/world"
)

// How often an order comes in by itself, and after how many of them an export is asked for.
const (
	orderEvery  = 5 * time.Second
	exportAfter = 6
)

// serve serves the shop's pages, with an order now and then, until ctx ends.
func (d *demo) serve(ctx context.Context) error {
	bench := newWorkbench(ctx, d)
	server := &http.Server{Handler: d.pages(bench), ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(d.listener) }) // ends with Shutdown
	d.say("The shop is open at http://%s, its dashboard at http://%[1]s/jobs/; Ctrl-C closes it\n", d.listener.Addr())

	d.trickle(ctx, bench)

	err := world.Shutdown(server)
	serving.Wait()
	bench.wait()
	d.say("\nThe shop is closed. What is still to be done waits in %s\n", d.Dir)
	return err
}

// pages are the shop's, the dashboard and what people break things with.
func (d *demo) pages(bench *workbench) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", d.shop.Site(shop.Link{Title: "Break and measure", Path: benchPath}, shop.Link{Title: "Dashboard", Path: "/jobs/"}))
	mux.Handle(benchPath, bench.handler())
	mux.Handle("/jobs/", dashboard.New(d.shop.App, dashboard.Auth(access.Local("demo")), dashboard.Title("shop"),
		dashboard.Page("Outbox", d.mails.Outbox()), dashboard.Page("Pushes", push.Inbox(d.shop.App)),
		dashboard.Page("Messages", d.shop.Texts.Outbox(d.shop.App)), dashboard.Page("Webhooks", d.shop.Hooks.For(d.shop.App).Deliveries()),
		dashboard.Page("Pictures", image.Page(d.shop.App)),
		dashboard.Page("Exports", export.Page(d.shop.App, d.shop.Orders.Name())), dashboard.Page("Audit log", d.shop.Trail.Page()), dashboard.Page("Events", d.shop.Events.Page(d.shop.App)),
		dashboard.Page("Alerts", d.shop.Alerts.For(d.shop.App).Page())))
	return mux
}

// trickle places an order now and then until ctx ends, unless something is being measured. One
// that fails is only said: the next may do.
func (d *demo) trickle(ctx context.Context, bench *workbench) {
	list := orderList(d.photos)
	tick := time.NewTicker(orderEvery)
	defer tick.Stop()
	for i := 0; ; i++ {
		if !bench.busy() {
			if err := d.trickleOne(ctx, list[i%len(list)], i%exportAfter == exportAfter-1); err != nil && ctx.Err() == nil {
				d.say("%v\n", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (d *demo) trickleOne(ctx context.Context, o shop.Order, thenExport bool) error {
	if _, err := d.shop.Place(ctx, o); err != nil || !thenExport {
		return err
	}
	_, err := d.shop.RequestExport(ctx, false, "")
	return err
}
