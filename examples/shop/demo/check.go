package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/audit"
	"github.com/offloadhq/offload/kit/notify"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/sms"

	"github.com/offloadhq/offload/examples/shop"
	"github.com/offloadhq/offload/examples/shop/world"
)

// A check compares what came out with what was ordered, and collects what is wrong.
type check struct {
	*demo
	orders []shop.Order // all that the shop has
	mails  []letter     // all that the mail server has
	wrong  []error
}

// check looks at everything that the shop has done so far: the orders of this run, which must
// be stored as they were placed, and those of earlier ones. It returns nil only if all of it is
// as it should be.
func (d *demo) check(ctx context.Context, placed []shop.Order) error {
	orders, err := d.shop.All(ctx)
	if err != nil {
		return err
	}
	mails, err := readMails(d.shop.Path(mailDir))
	if err != nil {
		return err
	}
	c := &check{demo: d, orders: orders, mails: mails}
	c.checkPlaced(placed)
	c.checkThumbnails()
	c.checkPayments()
	c.checkSupplier()
	for _, look := range []func(context.Context) error{
		c.checkMails, c.checkNotices, c.checkAudits, c.checkEarnings, c.checkStock, c.checkReports, c.checkJobs,
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
func (c *check) checkPlaced(placed []shop.Order) {
	stored := map[int64]shop.Order{}
	for _, o := range c.orders {
		stored[o.ID] = o
	}
	for _, want := range placed {
		product, _ := shop.ProductOf(want.Product)
		want.Cents = product.Cents * int64(want.Quantity)
		got := stored[want.ID]
		want.Payment, want.Charged, want.Receipt = got.Payment, got.Charged, got.Receipt // checkPayments looks at these
		want.Phone = ""                                                                  // is kept with the customer
		if want.Deliver == "" && got.Deliver != "" {
			want.Deliver = got.Deliver // filled in, as it should be
		}
		if got != want {
			c.fail("order %d: stored as %+v, ordered was %+v", want.ID, got, want)
		}
	}
}

// checkThumbnails wants a picture that can be seen, of the right size, for each photo.
func (c *check) checkThumbnails() {
	for _, o := range c.orders {
		if o.Photo == "" {
			continue
		}
		if err := checkThumbnail(c.shop.ThumbnailPath(o.ID), c.shop.Path(shop.PhotoDir, o.Photo)); err != nil {
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
	if want := min(shop.ThumbnailSide, max(original.X, original.Y)); max(got.X, got.Y) != want {
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

// checkPayments wants each order paid, once and in full, and its row to say so.
func (c *check) checkPayments() {
	for _, o := range c.orders {
		if o.Payment != "done" || o.Charged != o.Cents || o.Receipt != world.ReceiptNumber(o.ID) {
			c.fail("order %d: payment is %q, %d charged, receipt %q; want it done, with %d and receipt %s",
				o.ID, o.Payment, o.Charged, o.Receipt, o.Cents, world.ReceiptNumber(o.ID))
		}
	}
}

// checkSupplier wants the supplier to have each order, and nothing that nobody has ordered.
func (c *check) checkSupplier() {
	paths, err := filepath.Glob(c.shop.Path(supplierDir, "*.json"))
	if err != nil {
		c.fail("supplier: %w", err)
		return
	}
	told := map[string]string{} // path by name
	for _, path := range paths {
		told[filepath.Base(path)] = path
	}
	for _, o := range c.orders {
		name := fmt.Sprintf("order-%d-placed.json", o.ID)
		if err := checkTold(told[name], o); err != nil {
			c.fail("order %d: supplier: %w", o.ID, err)
		}
		delete(told, name)
	}
	for _, path := range told {
		c.fail("%s: nobody has ordered this", path)
	}
}

func checkTold(path string, o shop.Order) error {
	if path == "" {
		return errors.New("was not told")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var event struct {
		Type string
		Data struct {
			Order    int64
			Product  string
			Quantity int
		}
	}
	if err := json.Unmarshal(text, &event); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if d := event.Data; event.Type != "order.placed" || d.Order != o.ID || d.Product != o.Product || d.Quantity != o.Quantity {
		return fmt.Errorf("%s: says %+v, ordered was %d × %s", path, event, o.Quantity, o.Product)
	}
	return nil
}

// checkNotices wants each customer told once, in the list and on one device, that an order is paid.
func (c *check) checkNotices(ctx context.Context) error {
	told := map[string]int{} // how often, by title
	seen := map[string]bool{}
	var want int
	for _, o := range c.orders {
		if o.ChargeJob.IsZero() {
			continue // one of package before
		}
		want++
		if seen[o.Email] {
			continue
		}
		seen[o.Email] = true
		list, err := notify.Inbox(ctx, c.shop.App, o.Email)
		if err != nil {
			return err
		}
		for _, item := range list.Items {
			told[item.Title]++
		}
	}
	for _, o := range c.orders {
		if n := told[fmt.Sprintf("Order %d is paid", o.ID)]; n != 1 && !o.ChargeJob.IsZero() {
			c.fail("order %d: its customer was told %d times that it is paid, want once", o.ID, n)
		}
	}
	sent, err := c.jobsOf(ctx, offload.Filter{Tasks: []string{push.Send.Name(), sms.Send.Name()}})
	if err == nil && len(sent) != want {
		c.fail("%d pushes and short messages, want %d", len(sent), want)
	}
	return err
}

// checkAudits wants three entries for each order, each once, in a chain that nobody has touched.
func (c *check) checkAudits(ctx context.Context) error {
	if err := c.shop.Trail.Chain(ctx); err != nil {
		return err
	}
	report, err := audit.Verify(ctx, c.shop.DB)
	if err != nil {
		return err
	}
	for _, p := range report.Problems {
		c.fail("audit log: row %d: %s", p.Seq, p.Text)
	}
	want := []string{"order.charge", "order.place", "order.reserve"}
	for _, o := range c.orders {
		rows, err := c.shop.Trail.Search(ctx, audit.Query{Type: "order", ID: strconv.FormatInt(o.ID, 10)})
		if err != nil {
			return err
		}
		var got []string
		for _, r := range rows {
			got = append(got, r.Action)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			c.fail("order %d: audit entries are %v, want %v", o.ID, got, want)
		}
	}
	return nil
}

// checkEarnings wants the supplier to have earned its share of each order.
func (c *check) checkEarnings(ctx context.Context) error {
	var got, want, orders int64
	if err := c.shop.DB.QueryRowContext(ctx, `SELECT coalesce(sum(cents), 0), count(*) FROM earnings`).Scan(&got, &orders); err != nil {
		return err
	}
	for _, o := range c.orders {
		want += o.Cents * 40 / 100
	}
	if got != want || int(orders) != len(c.orders) {
		c.fail("earnings: %d from %d orders, want %d from %d", got, orders, want, len(c.orders))
	}
	return nil
}

// checkStock wants as much gone as was ordered.
func (c *check) checkStock(ctx context.Context) error {
	ordered := map[string]int{}
	for _, o := range c.orders {
		ordered[o.Product] += o.Quantity
	}
	for _, p := range shop.Products {
		var gone int
		if err := c.shop.DB.QueryRowContext(ctx, `SELECT stocked - stock FROM products WHERE name = $1`, p.Name).Scan(&gone); err != nil {
			return err
		}
		if gone != ordered[p.Name] {
			c.fail("stock: %d of %s gone, %d ordered", gone, p.Name, ordered[p.Name])
		}
	}
	return nil
}

// checkReports wants the newest report to be what was sold on its day by then.
func (c *check) checkReports(ctx context.Context) error {
	rows, err := c.shop.DB.QueryContext(ctx, `SELECT day, orders, cents FROM reports`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var day string
		var orders, cents, sold, due int64
		if err := rows.Scan(&day, &orders, &cents); err != nil {
			return err
		}
		for _, o := range c.orders {
			if o.Placed.UTC().Format(time.DateOnly) == day {
				sold, due = sold+1, due+o.Cents
			}
		}
		if orders != sold || cents != due {
			c.fail("report of %s: %d orders of %d cents, want %d of %d", day, orders, cents, sold, due)
		}
	}
	return rows.Err()
}

// checkJobs wants every job of the shop completed.
func (c *check) checkJobs(ctx context.Context) error {
	jobs, err := c.shop.App.Jobs(ctx, offload.Filter{Tasks: shop.TaskNames, States: notCompleted, Max: 1000})
	if err != nil {
		return err
	}
	for _, job := range jobs {
		c.fail("job %s (%s %s) is %s: %s", job.ID, job.Task, job.Input, job.State, job.Error)
	}
	return nil
}

var notCompleted = append(slices.Clone(shop.Unended), offload.Discarded, offload.Cancelled, offload.Expired)

// checkMails wants one confirmation of each order at its customer's, a mail with the link of each
// export and one of each report at the owner's, and no other.
func (c *check) checkMails(ctx context.Context) error {
	bySubject := map[string][]letter{}
	for _, m := range c.mails {
		bySubject[m.subject] = append(bySubject[m.subject], m)
	}
	for _, o := range c.orders {
		c.checkMail(bySubject, fmt.Sprintf("Your order %d", o.ID), o.Email, 1,
			fmt.Sprintf("order %d: %d × %s, %d.%02d in total", o.ID, o.Quantity, o.Product, o.Cents/100, o.Cents%100))
	}
	jobs, err := c.jobsOf(ctx, offload.Filter{Tasks: []string{c.shop.Orders.Name()}})
	if err != nil {
		return err
	}
	asked := map[string]int{} // for, by subject
	for _, job := range jobs {
		subject, err := c.checkExport(ctx, job)
		if err != nil {
			return err
		}
		asked[subject]++
	}
	for _, subject := range slices.Sorted(maps.Keys(asked)) {
		c.checkMail(bySubject, subject, shop.OwnerAddress, asked[subject], "/exports/")
	}
	reports, err := c.jobsOf(ctx, offload.Filter{Tasks: []string{shop.Report.Name()}})
	if err != nil {
		return err
	}
	c.checkMail(bySubject, "What was sold on "+today(), shop.OwnerAddress, len(reports), "orders, ")
	for _, rest := range bySubject {
		c.fail("%s: nobody asked for this mail", rest[0].path)
	}
	return nil
}

// checkMail wants a number of mails with a subject at an address, and takes them out.
func (c *check) checkMail(bySubject map[string][]letter, subject, to string, want int, says string) {
	got := bySubject[subject]
	delete(bySubject, subject)
	if len(got) != want {
		c.fail("%q: %d mails, want %d", subject, len(got), want)
	}
	for _, m := range got {
		if m.to != to || m.deliveredTo != to {
			c.fail("%s: to %s, delivered to %s, want %s", m.path, m.to, m.deliveredTo, to)
		}
		if !strings.Contains(strings.ReplaceAll(m.text, "\r\n", "\n"), says) {
			c.fail("%s: does not say %q", m.path, says)
		}
	}
}
