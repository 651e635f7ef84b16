// Package before is an order of the shop with everything done while the customer waits, as it is
// done where there are no background jobs. The demo measures it beside the shop's own. Don't copy
// it: a mail server that is away loses the order its mail, and a click on "stop" all that was
// still to come.
package before

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"net/smtp"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/image/draw"

	"github.com/offloadhq/offload/examples/shop"
	"github.com/offloadhq/offload/kit/audit"
)

// A Shop takes orders, and does all that follows before it answers.
type Shop struct {
	DB       *sql.DB
	Dir      string // with photos/ and thumbnails/
	SMTP     string // "host:port"
	Payment  string // base address of the payment service
	Supplier string // where the supplier takes orders
	Secret   string // that the supplier knows the shop by
	Check    func(o *shop.Order) error
	Trail    *audit.Log
}

// PlaceOrder answers a form as the shop's own page does, but seconds later.
func (s *Shop) PlaceOrder(w http.ResponseWriter, r *http.Request) {
	o := shop.OrderOf(r)
	if err := s.Check(&o); err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	if err := s.place(r.Context(), &o); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, fmt.Sprintf("/orders/%d", o.ID), http.StatusSeeOther)
}

func (s *Shop) place(ctx context.Context, o *shop.Order) error {
	if o.Deliver == "" {
		o.Deliver = o.Placed.AddDate(0, 0, 3).Format(time.DateOnly)
	}
	const insert = `INSERT INTO orders (placed, customer, email, product, quantity, cents, photo, deliver_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`
	err := s.DB.QueryRowContext(ctx, insert, o.Placed.Format(time.RFC3339Nano), o.Customer, o.Email, o.Product, o.Quantity, o.Cents, o.Photo, o.Deliver).Scan(&o.ID)
	if err != nil {
		return err
	}
	if err := s.reserve(ctx, o); err != nil {
		return err
	}
	if err := s.charge(ctx, o); err != nil {
		return err
	}
	if err := s.confirm(o); err != nil {
		return err
	}
	if o.Photo != "" {
		if err := s.thumbnail(o); err != nil {
			return err
		}
	}
	return s.tellSupplier(ctx, o)
}

func (s *Shop) reserve(ctx context.Context, o *shop.Order) error {
	tx, err := s.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, `UPDATE products SET stock = stock - $1 WHERE name = $2`, o.Quantity, o.Product); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO earnings (order_id, cents) VALUES ($1, $2)`, o.ID, o.Cents*40/100); err != nil {
		return err
	}
	for _, action := range []string{"order.place", "order.reserve", "order.charge"} {
		entry := audit.Entry{Actor: o.Email, Action: action, Entity: audit.Entity{Type: "order", ID: strconv.FormatInt(o.ID, 10)}}
		if err := s.Trail.Write(ctx, tx, entry); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// charge asks again while the customer waits, since nobody else will.
func (s *Shop) charge(ctx context.Context, o *shop.Order) error {
	for attempt := 1; ; attempt++ {
		paid, err := s.askPayment(ctx, o)
		if err == nil {
			const keep = `UPDATE orders SET charged = $1, receipt = $2, payment = 'done' WHERE id = $3`
			_, err = s.DB.ExecContext(ctx, keep, paid.Cents, paid.Number, o.ID)
			return err
		}
		if attempt == 5 {
			return err
		}
	}
}

func (s *Shop) askPayment(ctx context.Context, o *shop.Order) (paid shop.Receipt, err error) {
	err = post(ctx, s.Payment+"/charges", shop.Bill{Order: o.ID, Cents: o.Cents}, &paid, func(h http.Header, _ []byte) {
		h.Set("Idempotency-Key", "order-"+strconv.FormatInt(o.ID, 10))
	})
	return paid, err
}

func (s *Shop) confirm(o *shop.Order) error {
	text := fmt.Sprintf("From: orders@shop.example\r\nTo: %s\r\nSubject: Your order %d\r\n\r\nThank you for order %[2]d: %d × %s, %d.%02d in total.\r\n",
		o.Email, o.ID, o.Quantity, o.Product, o.Cents/100, o.Cents%100)
	return smtp.SendMail(s.SMTP, nil, "orders@shop.example", []string{o.Email}, []byte(text))
}

func (s *Shop) thumbnail(o *shop.Order) error {
	file, err := os.Open(filepath.Join(s.Dir, shop.PhotoDir, o.Photo))
	if err != nil {
		return err
	}
	defer file.Close()
	photo, err := jpeg.Decode(file)
	if err != nil {
		return err
	}
	size := photo.Bounds().Size()
	scale := min(1, float64(shop.ThumbnailSide)/float64(max(size.X, size.Y)))
	small := image.NewRGBA(image.Rect(0, 0, int(float64(size.X)*scale), int(float64(size.Y)*scale)))
	draw.CatmullRom.Scale(small, small.Bounds(), photo, photo.Bounds(), draw.Src, nil)
	var out bytes.Buffer
	if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: 82}); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.Dir, "thumbnails", fmt.Sprintf("order-%d.jpg", o.ID)), out.Bytes(), 0o644)
}

func (s *Shop) tellSupplier(ctx context.Context, o *shop.Order) error {
	data := map[string]any{"type": "order.placed", "data": map[string]any{"order": o.ID, "product": o.Product, "quantity": o.Quantity}}
	return post(ctx, s.Supplier, data, nil, func(h http.Header, body []byte) {
		id, at := fmt.Sprintf("order-%d-placed", o.ID), strconv.FormatInt(time.Now().Unix(), 10)
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Secret, "whsec_")) // the shop has made it
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
		h.Set("webhook-id", id)
		h.Set("webhook-timestamp", at)
		h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	})
}

// post sends JSON, and reads the answer into one.
func post(ctx context.Context, url string, in, out any, sign func(h http.Header, body []byte)) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	sign(request.Header, body)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	if out == nil {
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	return json.NewDecoder(response.Body).Decode(out)
}
