package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/offloadhq/offload/examples/shop"
)

// buyers order in turn. Their names are what shops meet.
var buyers = []shop.Order{
	{Customer: "Ada Lovelace", Email: "ada@example.com"},
	{Customer: `Grace "Amazing" Hopper`, Email: "grace@example.org", Phone: "+12025550143"},
	{Customer: "Łukasz Żak, Gdańsk", Email: "lukasz@example.net"},
	{Customer: "O'Brien & Søn", Email: "obrien+prints@example.com", Deliver: "2030-12-24"},
	{Customer: "山田 花子", Email: "hanako@example.jp"},
	{Customer: "Zoë Müller", Email: "zoe@example.com"},
}

// plainOrders is how many orders of the list come without a photo, and leastPrints how many
// with one at least.
const (
	plainOrders = 6
	leastPrints = 8
)

// orderList is what --once works through: a print of each photo, and some orders without.
func orderList(photos []string) []shop.Order {
	var list []shop.Order
	for i := range max(len(photos), leastPrints) + plainOrders {
		o := buyers[i%len(buyers)]
		o.Product, o.Quantity = shop.Products[i%len(shop.Products)].Name, 1+i*7%12
		if i >= plainOrders {
			o.Photo = photos[(i-plainOrders)%len(photos)]
		}
		list = append(list, o)
	}
	return list
}

// onceLimit ends a list that does not come to its end. It takes seconds, not minutes.
const onceLimit = 5 * time.Minute

// once works through the list, and checks what came out.
func (d *demo) once(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, onceLimit)
	defer cancel()
	began := time.Now()
	placed, err := d.placeAll(ctx)
	if err != nil {
		return err
	}
	d.say("%d orders placed in %.2f s; the rest happens in the background\n", len(placed), time.Since(began).Seconds())
	if err := d.settle(ctx); err != nil {
		return err
	}
	took := time.Since(began)
	if err := d.report(ctx, began, took); err != nil {
		return err
	}
	if err := d.check(ctx, placed); err != nil {
		return fmt.Errorf("not everything came out as it should:\n%w", err)
	}
	d.say("\nEverything came out as ordered: checked mails, thumbnails, payments,\nwebhooks, pushes and short messages, earnings, days of delivery, stock, audit log,\nexports and the report.\n")
	return nil
}

func (d *demo) placeAll(ctx context.Context) ([]shop.Order, error) {
	var placed []shop.Order
	for _, o := range orderList(d.photos) {
		o, err := d.shop.Place(ctx, o)
		if err != nil {
			return nil, err
		}
		placed = append(placed, o)
	}
	for _, format := range []string{"csv", "xlsx"} {
		if _, err := d.shop.RequestExport(ctx, false, format); err != nil {
			return nil, err
		}
	}
	_, err := shop.Report.Enqueue(ctx, d.shop.App, shop.Day{Day: today()})
	return placed, err
}

// today is the day that orders placed now are of.
func today() string { return time.Now().UTC().Format(time.DateOnly) }

// settle waits until nothing is left to be done, and shows how much is.
func (d *demo) settle(ctx context.Context) error {
	defer d.line("")
	for {
		left, err := d.shop.Unfinished(ctx)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("ended before all was done; go on with --dir %s: %w", d.Dir, context.Cause(ctx))
		case err != nil:
			return err
		case left == 0:
			return nil
		}
		d.line(fmt.Sprintf("%d things left", left))
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// line writes over the last line of a terminal.
func (d *demo) line(text string) {
	if d.Terminal {
		d.say("\r\x1b[K%s", text)
	}
}

// report writes what became of the jobs, and where the files are.
func (d *demo) report(ctx context.Context, began time.Time, took time.Duration) error {
	figures, err := d.figures(ctx, began.Truncate(time.Millisecond)) // ids, which say when, have no finer time
	if err != nil {
		return err
	}
	d.say("All done after %.1f s\n\n", took.Seconds())
	if err := writeFigures(d.Out, figures); err != nil {
		return err
	}
	called, failed := d.payment.Counts()
	d.say("\nThe payment service failed %d of %d calls.\n", failed, called)
	d.say("\nMails        %s\nThumbnails   %s\nSupplier     %s\nLogs         %s\n",
		d.shop.Path(mailDir), d.shop.Path("thumbnails"), d.shop.Path(supplierDir), d.shop.Path(logDir))
	return nil
}
