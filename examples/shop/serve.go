package shop

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// How often an order comes in by itself, and after how many of them an export is asked for.
const (
	orderEvery  = 5 * time.Second
	exportAfter = 6
)

// serve serves the shop's pages, with an order now and then, until ctx ends.
func (d *demo) serve(ctx context.Context) error {
	address := d.Listen
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("serve the shop's pages: %w", err)
	}
	pages := &site{d.shop, d.photos}
	server := &http.Server{Handler: pages.handler(), ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) }) // ends with Shutdown
	d.say("The shop is open at http://%s, its dashboard at http://%[1]s/jobs/; Ctrl-C closes it\n", listener.Addr())

	d.trickle(ctx)

	err = stopServer(server)
	serving.Wait()
	d.say("\nThe shop is closed. What is still to be done waits in %s\n", d.shop.Path("shop.db"))
	return err
}

// trickle places an order now and then until ctx ends. One that fails is only said: the next
// may do.
func (d *demo) trickle(ctx context.Context) {
	list := orderList(d.photos)
	tick := time.NewTicker(orderEvery)
	defer tick.Stop()
	for i := 0; ; i++ {
		if err := d.trickleOne(ctx, list[i%len(list)], i%exportAfter == exportAfter-1); err != nil && ctx.Err() == nil {
			d.say("%v\n", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (d *demo) trickleOne(ctx context.Context, o Order, thenExport bool) error {
	if _, err := d.shop.Place(ctx, o); err != nil || !thenExport {
		return err
	}
	_, err := d.shop.RequestExport(ctx)
	return err
}
