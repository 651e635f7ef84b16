package shop

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/export"
	"github.com/offloadhq/offload/kit/table"
	"github.com/offloadhq/offload/kit/table/parquet"
	"github.com/offloadhq/offload/kit/table/xlsx"
)

const (
	exportDir  = "exports" // below the shop's directory
	exportTask = "export.orders"
	exportKept = 48 * time.Hour
)

// MostAttached is up to how many bytes of a file the mail itself brings it.
const MostAttached = 1 << 20

// An ExportWish says which orders shall be in a file, and in which format.
type ExportWish struct {
	Past   bool   `json:"past"`             // those of former years
	UpTo   int64  `json:"up_to"`            // the last order that is in it
	Format string `json:"format,omitempty"` // csv, xlsx, jsonl or parquet
}

// An ExportRow is an order as exports have it.
type ExportRow struct {
	Order    int64  `table:"order"`
	Placed   string `table:"placed"`
	Customer string `table:"customer"`
	Email    string `table:"email"`
	Product  string `table:"product"`
	Quantity int64  `table:"quantity"`
	Total    string `table:"total"`
}

// Exports makes files of orders, and gives them to those who have a link.
type Exports struct {
	*export.Export[ExportWish]
	Files blob.Store
	links *export.Links
}

func (s *Shop) exports() (*Exports, error) {
	files, err := blob.Dir(s.Path(exportDir))
	if err != nil {
		return nil, err
	}
	links, err := export.NewLinks(files, s.Address+"/exports/", nil, s.Key)
	if err != nil {
		return nil, err
	}
	task, err := export.New(exportTask, export.Pages(s.exportPage), export.To(files), export.Folder(""), export.Attach(MostAttached), export.Keep(exportKept), export.Link(links),
		export.As(table.CSV{}, xlsx.Format{}, table.JSONLines{}, parquet.Format{}), export.Choose(func(w ExportWish) string { return w.Format }),
		export.Name(ExportWish.name), export.Total(s.exportTotal),
		export.MailTo(func(w ExportWish) (address, subject string) { return OwnerAddress, "Export of " + w.name() }),
		export.Task(offload.Queue("export")))
	if err != nil {
		return nil, err
	}
	return &Exports{task, files, links}, nil
}

// ServeHTTP gives out the files.
func (e *Exports) ServeHTTP(w http.ResponseWriter, r *http.Request) { e.links.ServeHTTP(w, r) }

// RequestExport asks for an export of the orders placed so far, or of those of former years.
// The file comes by mail, if it is not too large, and the link to it.
func (s *Shop) RequestExport(ctx context.Context, past bool, format string) (*offload.Job, error) {
	w := ExportWish{Past: past, Format: format}
	if err := s.DB.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM `+w.table()).Scan(&w.UpTo); err != nil {
		return nil, err
	}
	return s.Orders.Enqueue(ctx, s.App, w)
}

func (w ExportWish) table() string {
	if w.Past {
		return "past_orders"
	}
	return "orders"
}

func (w ExportWish) name() string {
	if w.Past {
		return "orders of former years"
	}
	return fmt.Sprintf("orders 1 to %d", w.UpTo)
}

// exportPage reads a page of orders behind the last one. The database finds the place by the
// primary key, so that the millionth page is as quick as the first.
func (s *Shop) exportPage(ctx context.Context, w ExportWish, after *ExportRow) ([]ExportRow, error) {
	var last int64
	if after != nil {
		last = after.Order
	}
	rows, err := s.DB.QueryContext(ctx, `SELECT id, placed, customer, email, product, quantity, cents FROM `+w.table()+`
		WHERE id > $1 AND id <= $2 ORDER BY id LIMIT 5000`, last, w.UpTo)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var page []ExportRow
	for rows.Next() {
		var r ExportRow
		var cents int64
		if err := rows.Scan(&r.Order, &r.Placed, &r.Customer, &r.Email, &r.Product, &r.Quantity, &cents); err != nil {
			return nil, err
		}
		r.Total = money(cents)
		page = append(page, r)
	}
	return page, rows.Err()
}

// exportTotal is what the bar is measured by.
func (s *Shop) exportTotal(ctx context.Context, w ExportWish) (n int, err error) {
	err = s.DB.QueryRowContext(ctx, `SELECT count(*) FROM `+w.table()+` WHERE id <= $1`, w.UpTo).Scan(&n)
	return n, err
}
