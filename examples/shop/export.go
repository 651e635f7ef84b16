package shop

import (
	"context"
	"database/sql"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/offloadhq/offload"
	"github.com/wneessen/go-mail"
)

const exportDir = "exports"

// exportHeader is the first row of an export.
var exportHeader = []string{"order", "placed", "customer", "email", "product", "quantity", "total"}

// RequestExport asks for an export of all orders placed so far, and returns its number. The
// file comes by mail.
func (s *Shop) RequestExport(ctx context.Context) (id int64, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		const insert = `INSERT INTO exports (last_order, status)
			SELECT coalesce(max(id), 0), 'queued' FROM orders RETURNING id`
		if err := tx.QueryRowContext(ctx, insert).Scan(&id); err != nil {
			return err
		}
		_, err := Export.Enqueue(ctx, s.app.Tx(tx), ExportRef{id})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("request export: %w", err)
	}
	return id, nil
}

// export writes the file, and then completes in the transaction that enqueues the mail: the
// mail is on its way exactly once, and only when the file is there.
func (s *Shop) export(ctx context.Context, in ExportRef) error {
	var last int64
	if err := s.db.QueryRowContext(ctx, `SELECT last_order FROM exports WHERE id = ?`, in.Export).Scan(&last); err != nil {
		return err
	}
	orders, err := ordersOf(ctx, s.db, selectOrders+`WHERE id <= ? ORDER BY id`, last)
	if err != nil {
		return err
	}
	err = writeFile(s.exportPath(in.Export), func(w io.Writer) error { return writeOrders(ctx, w, orders) })
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if err := setExport(ctx, tx, in.Export, "written"); err != nil {
			return err
		}
		inTx := s.app.Tx(tx)
		if _, err := MailExport.Enqueue(ctx, inTx, in); err != nil {
			return err
		}
		return inTx.Complete(ctx)
	})
}

func writeOrders(ctx context.Context, w io.Writer, orders []Order) error {
	out := csv.NewWriter(w)
	if err := out.Write(exportHeader); err != nil {
		return err
	}
	for i, o := range orders {
		if err := out.Write(exportRow(o)); err != nil {
			return err
		}
		offload.Progress(ctx, i+1, len(orders), "orders")
	}
	out.Flush()
	return out.Error()
}

func exportRow(o Order) []string {
	return []string{
		strconv.FormatInt(o.ID, 10), timeText(o.Placed), o.Customer, o.Email,
		o.Product, strconv.Itoa(o.Quantity), money(o.Cents),
	}
}

// mailExport sends the file of an export to the owner.
func (s *Shop) mailExport(ctx context.Context, in ExportRef) error {
	m, err := newMail(fmt.Sprintf("export-%d", in.Export), ownerAddress, fmt.Sprintf("Export %d of all orders", in.Export))
	if err != nil {
		return err
	}
	file, err := os.Open(s.exportPath(in.Export))
	if err != nil {
		return err
	}
	defer file.Close()
	m.SetBodyString(mail.TypeTextPlain, "Here are all orders placed so far.\n\nYour print shop\n")
	m.AttachReadSeeker(exportName(in.Export), file, mail.WithFileContentType("text/csv"))
	if err := s.send(ctx, m); err != nil {
		return err
	}
	return setExport(ctx, s.db, in.Export, "mailed")
}

// An execer is a *sql.DB or a *sql.Tx.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func setExport(ctx context.Context, to execer, id int64, status string) error {
	_, err := to.ExecContext(ctx, `UPDATE exports SET status = ? WHERE id = ?`, status, id)
	return err
}

// An export is a file of all orders up to its last one.
type export struct {
	ID        int64
	LastOrder int64
	Status    string // queued, written or mailed
}

// exports reads what has been asked for, the newest first.
func (s *Shop) exports(ctx context.Context) ([]export, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, last_order, status FROM exports ORDER BY id DESC`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var exports []export
	for rows.Next() {
		var e export
		if err := rows.Scan(&e.ID, &e.LastOrder, &e.Status); err != nil {
			return nil, err
		}
		exports = append(exports, e)
	}
	return exports, rows.Err()
}

func exportName(id int64) string { return fmt.Sprintf("orders-%d.csv", id) }

func (s *Shop) exportPath(id int64) string { return s.Path(exportDir, exportName(id)) }
