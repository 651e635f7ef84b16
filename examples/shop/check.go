package shop

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"slices"
	"strings"

	"github.com/offloadhq/offload"
)

// A check compares what came out with what was ordered, and collects what is wrong.
type check struct {
	*Shop
	orders []Order  // all that the shop has
	mails  []letter // all that the mail server has
	wrong  []error
}

// check looks at everything that the shop has done so far: the orders of this run, which must
// be stored as they were placed, and those of earlier ones. It returns nil only if all of it is
// as it should be.
func (s *Shop) check(ctx context.Context, placed []Order) error {
	orders, err := ordersOf(ctx, s.db, selectOrders+`ORDER BY id`)
	if err != nil {
		return err
	}
	mails, err := readMails(s.Path(mailDir))
	if err != nil {
		return err
	}
	c := &check{Shop: s, orders: orders, mails: mails}
	c.checkPlaced(placed)
	c.checkMails()
	c.checkThumbnails()
	for _, look := range []func(context.Context) error{
		c.checkPayments, c.checkAudits, c.checkStock, c.checkExports, c.checkJobs,
	} {
		if err := look(ctx); err != nil {
			return errors.Join(append(c.wrong, err)...)
		}
	}
	return errors.Join(c.wrong...)
}

func (c *check) fail(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Errorf(format, args...))
}

// checkPlaced wants each placed order stored as it was placed, at the catalogue's price.
func (c *check) checkPlaced(placed []Order) {
	stored := map[int64]Order{}
	for _, o := range c.orders {
		stored[o.ID] = o
	}
	for _, want := range placed {
		product, _ := productOf(want.Product)
		want.Cents = product.Cents * int64(want.Quantity)
		if got := stored[want.ID]; got != want {
			c.fail("order %d: stored as %+v, ordered was %+v", want.ID, got, want)
		}
	}
}

// checkMails wants one confirmation of each order, at its customer's, and no mail else but
// those of the exports.
func (c *check) checkMails() {
	byID := c.mailsByID()
	for _, o := range c.orders {
		id := fmt.Sprintf("order-%d", o.ID)
		got := byID[id]
		delete(byID, id)
		if len(got) != 1 {
			c.fail("order %d: %d confirmations, want one", o.ID, len(got))
			continue
		}
		c.checkAddress(got[0], o.Email, fmt.Sprintf("Your order %d", o.ID))
		if want := fmt.Sprintf("order %d: %d × %s, %s in total", o.ID, o.Quantity, o.Product, money(o.Cents)); !strings.Contains(got[0].text, want) {
			c.fail("%s: does not say %q", got[0].path, want)
		}
	}
	for id, rest := range byID {
		if !strings.HasPrefix(id, "export-") {
			c.fail("%s: nobody asked for this mail", rest[0].path)
		}
	}
}

func (c *check) mailsByID() map[string][]letter {
	byID := map[string][]letter{}
	for _, m := range c.mails {
		byID[m.id] = append(byID[m.id], m)
	}
	return byID
}

func (c *check) checkAddress(m letter, to, subject string) {
	if m.to != to || m.deliveredTo != to {
		c.fail("%s: to %s, delivered to %s, want %s", m.path, m.to, m.deliveredTo, to)
	}
	if m.subject != subject {
		c.fail("%s: subject %q, want %q", m.path, m.subject, subject)
	}
}

// checkThumbnails wants a picture that can be seen, of the right size, for each photo.
func (c *check) checkThumbnails() {
	for _, o := range c.orders {
		if o.Photo == "" {
			continue
		}
		if err := checkThumbnail(c.thumbnailPath(o.ID), o.Photo); err != nil {
			c.fail("order %d: thumbnail: %w", o.ID, err)
		}
	}
}

func checkThumbnail(path, photo string) error {
	original, err := sizeOf(photo)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	small, err := jpeg.Decode(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	got := small.Bounds().Size()
	if want := min(thumbnailSide, max(original.X, original.Y)); max(got.X, got.Y) != want {
		return fmt.Errorf("%s: %v pixels, want %d on the longer side", path, got, want)
	}
	return nil
}

// sizeOf is the size of a photo as it is stored.
func sizeOf(path string) (image.Point, error) {
	file, err := os.Open(path)
	if err != nil {
		return image.Point{}, err
	}
	defer file.Close()
	config, err := jpeg.DecodeConfig(file)
	return image.Pt(config.Width, config.Height), err
}

// checkPayments wants each order paid, once and in full.
func (c *check) checkPayments(ctx context.Context) error {
	for _, o := range c.orders {
		p, err := c.paymentOf(ctx, o.ID)
		if err != nil {
			return err
		}
		if p.Status != "done" || p.Cents != o.Cents || p.Note != receiptNumber(o.ID) || p.Calls < 1 {
			c.fail("order %d: payment is %+v, want it done, with %s and receipt %s", o.ID, p, money(o.Cents), receiptNumber(o.ID))
		}
	}
	return nil
}

// checkAudits wants two entries for each order, each once.
func (c *check) checkAudits(ctx context.Context) error {
	entries, err := c.audits(ctx)
	if err != nil {
		return err
	}
	want := []string{"placed", "reserved"}
	for _, o := range c.orders {
		if got := entries[o.ID]; !slices.Equal(got, want) {
			c.fail("order %d: audit entries are %v, want %v", o.ID, got, want)
		}
		delete(entries, o.ID)
	}
	for order, events := range entries {
		c.fail("audit entries %v of order %d, which nobody placed", events, order)
	}
	return nil
}

func (c *check) audits(ctx context.Context) (map[int64][]string, error) {
	rows, err := c.db.QueryContext(ctx, `SELECT order_id, event FROM audits ORDER BY order_id, event`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	entries := map[int64][]string{}
	for rows.Next() {
		var order int64
		var event string
		if err := rows.Scan(&order, &event); err != nil {
			return nil, err
		}
		entries[order] = append(entries[order], event)
	}
	return entries, rows.Err()
}

// checkStock wants as much gone as was ordered.
func (c *check) checkStock(ctx context.Context) error {
	ordered := map[string]int{}
	for _, o := range c.orders {
		ordered[o.Product] += o.Quantity
	}
	for _, p := range Products {
		var gone int
		if err := c.db.QueryRowContext(ctx, `SELECT stocked - stock FROM products WHERE name = ?`, p.Name).Scan(&gone); err != nil {
			return err
		}
		if gone != ordered[p.Name] {
			c.fail("stock: %d of %s gone, %d ordered", gone, p.Name, ordered[p.Name])
		}
	}
	return nil
}

// checkExports wants in each export's file exactly the orders up to its last, and the same
// bytes in the owner's mail.
func (c *check) checkExports(ctx context.Context) error {
	exports, err := c.exports(ctx)
	if err != nil {
		return err
	}
	byID := c.mailsByID()
	for _, e := range exports {
		if e.Status != "mailed" {
			c.fail("export %d: is %s, want it mailed", e.ID, e.Status)
		}
		file, err := os.ReadFile(c.exportPath(e.ID))
		if err != nil {
			c.fail("export %d: %w", e.ID, err)
			continue
		}
		c.checkExport(e, file)
		id := fmt.Sprintf("export-%d", e.ID)
		got := byID[id]
		delete(byID, id)
		if len(got) != 1 {
			c.fail("export %d: %d mails, want one", e.ID, len(got))
			continue
		}
		c.checkAddress(got[0], ownerAddress, fmt.Sprintf("Export %d of all orders", e.ID))
		if attached, ok := got[0].attached[exportName(e.ID)]; !ok || !bytes.Equal(attached, file) {
			c.fail("%s: does not carry the %d bytes of %s", got[0].path, len(file), exportName(e.ID))
		}
	}
	for id, rest := range byID {
		if strings.HasPrefix(id, "export-") {
			c.fail("%s: nobody asked for this export", rest[0].path)
		}
	}
	return nil
}

func (c *check) checkExport(e export, file []byte) {
	got, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		c.fail("export %d: %w", e.ID, err)
		return
	}
	want := [][]string{exportHeader}
	for _, o := range c.orders {
		if o.ID <= e.LastOrder {
			want = append(want, exportRow(o))
		}
	}
	if !slices.EqualFunc(got, want, slices.Equal) {
		c.fail("export %d: its %d rows are not the %d orders up to %d, and a header", e.ID, len(got), len(want)-1, e.LastOrder)
	}
}

// checkJobs wants every job of the shop completed.
func (c *check) checkJobs(ctx context.Context) error {
	jobs, err := c.app.Jobs(ctx, offload.Filter{Tasks: taskNames, States: notCompleted, Max: 1000})
	if err != nil {
		return err
	}
	for _, job := range jobs {
		c.fail("job %s (%s %s) is %s: %s", job.ID, job.Task, job.Input, job.State, job.Error)
	}
	return nil
}

var (
	unended      = []offload.State{offload.Scheduled, offload.Available, offload.Blocked, offload.Running, offload.Retryable}
	notCompleted = append(slices.Clone(unended), offload.Discarded, offload.Cancelled, offload.Expired)
)
