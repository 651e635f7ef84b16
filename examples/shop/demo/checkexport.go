package demo

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/offloadhq/offload"

	"github.com/offloadhq/offload/examples/shop"
)

// checkExport wants in the file of an export exactly the orders up to its last, and returns the
// subject of its mail. Of formats that only programs read it wants the number of rows.
func (c *check) checkExport(ctx context.Context, job *offload.Job) (subject string, err error) {
	var wish shop.ExportWish
	if err := json.Unmarshal(job.Input, &wish); err != nil {
		return "", err
	}
	subject = fmt.Sprintf("Export of orders 1 to %d", wish.UpTo)
	if wish.Past {
		subject = "Export of orders of former years"
	}
	if job.State != offload.Completed {
		return subject, nil // checkJobs says so
	}
	file, err := c.shop.Orders.Wait(ctx, c.shop.App, job.ID)
	if err != nil {
		return "", err
	}
	want := c.exported(wish)
	if !wish.Past && file.Rows != len(want) {
		c.fail("%s: %d rows, want %d", file.Name, file.Rows, len(want))
	}
	if wish.Past {
		return subject, nil
	}
	content, err := c.contentOf(ctx, file.Key)
	if err != nil {
		c.fail("%s: %w", file.Name, err)
		return subject, nil
	}
	if wish.Format == "csv" {
		c.checkCSV(file.Name, bytes.NewReader(content), want)
	}
	if len(content) <= shop.MostAttached && !slices.ContainsFunc(c.mails, func(m letter) bool { return m.subject == subject && bytes.Equal(m.files[file.Name], content) }) {
		c.fail("%s: no mail %q brings it as it is", file.Name, subject)
	}
	return subject, nil
}

func (c *check) contentOf(ctx context.Context, key string) ([]byte, error) {
	file, _, err := c.shop.Orders.Files.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

func (c *check) checkCSV(name string, text io.Reader, want [][]string) {
	got, err := csv.NewReader(text).ReadAll()
	if err != nil {
		c.fail("%s: %w", name, err)
		return
	}
	want = append([][]string{{"order", "placed", "customer", "email", "product", "quantity", "total"}}, want...)
	if !slices.EqualFunc(got, want, slices.Equal) {
		c.fail("%s: its %d rows are not the %d orders that were placed, and a header", name, len(got), len(want)-1)
	}
}

// exported are the rows that an export should have.
func (c *check) exported(wish shop.ExportWish) (rows [][]string) {
	for _, o := range c.orders {
		if o.ID <= wish.UpTo {
			rows = append(rows, []string{
				strconv.FormatInt(o.ID, 10), o.Placed.UTC().Format(time.RFC3339Nano), o.Customer, o.Email,
				o.Product, strconv.Itoa(o.Quantity), fmt.Sprintf("%d.%02d", o.Cents/100, o.Cents%100),
			})
		}
	}
	return rows
}
