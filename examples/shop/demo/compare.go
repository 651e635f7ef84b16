package demo

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/offloadhq/offload/examples/shop"
)

// How much is measured.
const (
	comparedOrders = 16 // placed in each way
	customersAtOne = 2  // how many order at a time
	idlePages      = 600
)

// A comparison is the same orders taken in two ways.
type comparison struct {
	Idle    spread // of a plain page while nothing else happens
	Inline  way
	Offload way
}

// A way is how orders went that were taken in one way.
type way struct {
	Orders  spread
	PerS    float64       // orders taken in a second
	Pages   spread        // of a plain page meanwhile, and until all that follows was done
	Slowed  float64       // p99 of those, as multiples of idle
	Answers int           // of plain pages
	Done    time.Duration // from the first order until all that follows was done
}

// A spread is how long answers took.
type spread struct{ P50, P99 time.Duration }

func spreadOf(took []time.Duration) spread {
	slices.SortFunc(took, cmp.Compare)
	return spread{quantile(took, 0.50), quantile(took, 0.99)}
}

// compare places the same orders in both ways, as customers do, and asks for a plain page
// all the while, as those do who only look.
func compare(ctx context.Context, d *demo, step func(string)) (*comparison, error) {
	c := &customers{demo: d, base: "http://" + d.listener.Addr().String(), client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 8},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	defer c.client.CloseIdleConnections()
	result := &comparison{}

	step("waiting until nothing is to be done")
	if err := d.settle(ctx); err != nil {
		return nil, err
	}
	step("a plain page, with nothing else going on")
	idle, err := c.look(ctx, func(i int) bool { return i < idlePages })
	if err != nil {
		return nil, err
	}
	result.Idle = spreadOf(idle)

	step("orders with everything inline")
	if result.Inline, err = c.way(ctx, inlinePath, nil); err != nil {
		return nil, err
	}
	step("orders with offload, and an export")
	if _, err := d.shop.RequestExport(ctx, true, ""); err != nil {
		return nil, err
	}
	if result.Offload, err = c.way(ctx, "/orders", d.settle); err != nil {
		return nil, err
	}
	for _, w := range []*way{&result.Inline, &result.Offload} {
		w.Slowed = float64(w.Pages.P99) / float64(result.Idle.P99)
	}
	return result, nil
}

// customers are those who order and those who look.

type customers struct {
	*demo
	base   string
	client *http.Client
}

// way places the orders at a path, and looks at a plain page until that and what follows is done.
func (c *customers) way(ctx context.Context, path string, follows func(context.Context) error) (w way, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var looking sync.WaitGroup
	done := make(chan struct{})
	var pages []time.Duration
	var lookErr error
	looking.Go(func() {
		pages, lookErr = c.look(ctx, func(int) bool {
			select {
			case <-done:
				return false
			default:
				return true
			}
		})
	})
	began := time.Now()
	orders, err := c.order(ctx, path)
	w.Orders, w.PerS = spreadOf(orders), float64(len(orders))/time.Since(began).Seconds()
	if err == nil && follows != nil {
		err = follows(ctx)
	}
	w.Done = time.Since(began)
	close(done)
	looking.Wait()
	w.Pages, w.Answers = spreadOf(pages), len(pages)
	return w, cmp.Or(err, lookErr)
}

// order places the orders, a few at a time, and returns how long each took to be answered.
func (c *customers) order(ctx context.Context, path string) (took []time.Duration, err error) {
	var mu sync.Mutex
	var ordering sync.WaitGroup
	next := make(chan int)
	for range customersAtOne {
		ordering.Go(func() {
			for i := range next {
				d, failed := c.orderOne(ctx, path, i)
				mu.Lock()
				took, err = append(took, d), cmp.Or(err, failed)
				mu.Unlock()
			}
		})
	}
	for i := range comparedOrders {
		next <- i
	}
	close(next)
	ordering.Wait()
	return took, err
}

func (c *customers) orderOne(ctx context.Context, path string, i int) (time.Duration, error) {
	form := url.Values{
		"customer": {"Ada Lovelace"}, "email": {"ada@example.com"}, "product": {shop.Products[i%len(shop.Products)].Name},
		"quantity": {"1"}, "photo": {c.photos[i%len(c.photos)]},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.timed(request, http.StatusSeeOther)
}

// look asks for a plain page again and again while more says so, as fast as a person who clicks
// all the time.
func (c *customers) look(ctx context.Context, more func(i int) bool) (took []time.Duration, err error) {
	for i := 0; more(i); i++ {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/order", nil)
		if err != nil {
			return nil, err
		}
		d, err := c.timed(request, http.StatusOK)
		if err != nil {
			return nil, err
		}
		took = append(took, d)
		time.Sleep(5 * time.Millisecond)
	}
	return took, nil
}

// timed makes a request, and returns how long it took to be answered as it should.
func (c *customers) timed(request *http.Request, status int) (time.Duration, error) {
	began := time.Now()
	response, err := c.client.Do(request)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	took := time.Since(began)
	_ = response.Body.Close()
	if err == nil && response.StatusCode != status {
		err = fmt.Errorf("%s %s: %s: %s", request.Method, request.URL.Path, response.Status, text)
	}
	return took, err
}
