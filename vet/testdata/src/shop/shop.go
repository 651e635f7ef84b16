// Package shop is a shop that does everything while its customer waits.
package shop

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"net/http"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

type order struct {
	ID       int64
	Email    string
	Photo    string
	Quantity int
}

type shop struct {
	db  *sql.DB
	dir string
}

func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", s.placeOrder)
	mux.HandleFunc("GET /orders.csv", s.exportOrders)
	return mux
}

// placeOrder is the page that takes as long as the slowest of all this.
func (s *shop) placeOrder(w http.ResponseWriter, r *http.Request) {
	quantity, _ := strconv.Atoi(r.PostFormValue("quantity"))
	o := order{ID: 7, Email: r.PostFormValue("email"), Photo: r.PostFormValue("photo"), Quantity: quantity}
	for _, step := range []func(context.Context, order) error{s.audit, s.thumbnails, s.supply, s.invoice, s.confirm} {
		if err := step(r.Context(), o); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	fmt.Fprintln(w, "thank you")
}

// audit writes a row for each item.
func (s *shop) audit(ctx context.Context, o order) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for n := range o.Quantity {
		if _, err := tx.ExecContext(ctx, `INSERT INTO audit (order_id, item) VALUES (?, ?)`, o.ID, n); err != nil { // want `writes rows in a loop while the user waits: shop.placeOrder → shop.audit → tx.ExecContext; a task of your own takes it over`
			return err
		}
	}
	return tx.Commit()
}

// thumbnails makes the small pictures.
func (s *shop) thumbnails(ctx context.Context, o order) error {
	f, err := os.Open(filepath.Join(s.dir, o.Photo))
	if err != nil {
		return err
	}
	defer f.Close()
	picture, _, err := image.Decode(f) // want `works on pictures while the user waits: shop.placeOrder → shop.thumbnails → image.Decode; kit/image takes it over`
	if err != nil {
		return err
	}
	for _, width := range []int{160, 640} {
		if err := s.thumbnail(o, picture, width); err != nil {
			return err
		}
	}
	return nil
}

func (s *shop) thumbnail(o order, picture image.Image, width int) error {
	out, err := os.Create(filepath.Join(s.dir, fmt.Sprintf("%d-%d.jpg", o.ID, width)))
	if err != nil {
		return err
	}
	defer out.Close()
	return jpeg.Encode(out, smaller(picture, width), nil) // want `works on pictures while the user waits: shop.placeOrder → shop.thumbnails → shop.thumbnail → jpeg.Encode; kit/image takes it over`
}

func smaller(picture image.Image, width int) image.Image {
	b := picture.Bounds()
	height := b.Dy() * width / b.Dx()
	small := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			small.Set(x, y, picture.At(b.Min.X+x*b.Dx()/width, b.Min.Y+y*b.Dy()/height))
		}
	}
	return small
}

// supply tells the supplier what to send.
func (s *shop) supply(ctx context.Context, o order) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	answer, err := http.Post("https://supplier.example/orders", "application/json", bytes.NewReader(body)) // want `calls another server while the user waits: shop.placeOrder → shop.supply → http.Post; kit/httpcall takes it over`
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// invoice makes a PDF of the order's page.
func (s *shop) invoice(ctx context.Context, o order) error {
	in := filepath.Join(s.dir, fmt.Sprintf("%d.html", o.ID))
	cmd := exec.CommandContext(ctx, "weasyprint", in, in+".pdf")
	cmd.Stderr = os.Stderr
	return cmd.Run() // want `runs a program while the user waits: shop.placeOrder → shop.invoice → exec.Cmd.Run; kit/command takes it over`
}

// confirm sends the confirmation.
func (s *shop) confirm(_ context.Context, o order) error {
	text := fmt.Appendf(nil, "Subject: Your order %d\r\n\r\nThank you.\r\n", o.ID)
	return smtp.SendMail("mail.example:25", nil, "shop@example.com", []string{o.Email}, text) // want `sends mail while the user waits: shop.placeOrder → shop.confirm → smtp.SendMail; kit/mail takes it over`
}

// exportOrders writes all orders into the answer.
func (s *shop) exportOrders(w http.ResponseWriter, r *http.Request) {
	rows, err := s.db.QueryContext(r.Context(), `SELECT id, email FROM orders`)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer rows.Close()
	out := csv.NewWriter(w)
	for rows.Next() {
		var o order
		if err := rows.Scan(&o.ID, &o.Email); err != nil {
			return
		}
		out.Write([]string{strconv.FormatInt(o.ID, 10), o.Email}) // want `writes a table while the user waits: shop.exportOrders → csv.Writer.Write; kit/export takes it over`
	}
	out.Flush()
}
