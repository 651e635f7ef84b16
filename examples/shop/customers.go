package shop

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/notify"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/sms"
)

// know keeps who has ordered, and how they can be told: those who leave no number have the
// shop's app, whose token a shop of yours gets from the app itself.
func know(ctx context.Context, tx *sql.Tx, o Order) error {
	var device []byte
	if o.Phone == "" {
		var err error
		if device, err = json.Marshal(push.Target{FCM: &push.Registration{Token: "app-of:" + base64.RawURLEncoding.EncodeToString([]byte(o.Email))}}); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO customers (email, name, phone, push) VALUES ($1, $2, $3, $4)
		ON CONFLICT (email) DO UPDATE SET name = excluded.name, phone = excluded.phone, push = excluded.push`,
		o.Email, o.Customer, o.Phone, string(device))
	return err
}

// customer says how somebody wants to be told.
func (s *Shop) customer(ctx context.Context, email string) (notify.Who, error) {
	var phone, device string
	err := s.DB.QueryRowContext(ctx, `SELECT phone, push FROM customers WHERE email = $1`, email).Scan(&phone, &device)
	if errors.Is(err, sql.ErrNoRows) {
		return notify.Who{}, fmt.Errorf("customer %s: %w", email, offload.ErrNotFound)
	} else if err != nil {
		return notify.Who{}, err
	}
	who := notify.Who{Mail: email, Phone: phone}
	if device != "" {
		var target push.Target
		if err := json.Unmarshal([]byte(device), &target); err != nil {
			return notify.Who{}, fmt.Errorf("customer %s: push: %w", email, err)
		}
		who.Push = []push.Target{target}
	}
	return who, nil
}

// forget takes away a device that is no more: the app was removed from it.
func (s *Shop) forget(ctx context.Context, gone *push.GoneError) error {
	device, err := json.Marshal(gone.Target)
	if err != nil {
		return err
	}
	_, err = s.DB.ExecContext(ctx, `UPDATE customers SET push = '' WHERE push = $1`, string(device))
	return err
}

// orderPaid is what customers are told when their money has come. Who has no app, or an app that
// can't be reached, gets a short message.
const orderPaid = "order.paid"

// notices tells customers: in the list behind the bell, by push, and by short message.
func (s *Shop) notices() (offload.Part, error) {
	pushes, err := push.New(push.Via(s.Push), push.OnGone(s.forget))
	if err != nil {
		return nil, err
	}
	if s.Texts, err = sms.New(s.SMS, sms.From("Printshop")); err != nil {
		return nil, err
	}
	kit, err := notify.New(s.customer, []notify.Kind{{
		Name: orderPaid, Channels: []notify.Channel{notify.InApp, notify.Push, notify.SMS},
		Content: notify.Fill(func(_ context.Context, _ notify.Who, p paidOrder) (notify.Content, error) {
			return notify.Content{
				Title: fmt.Sprintf("Order %d is paid", p.Order), Text: fmt.Sprintf("We have got %s, and print it now.", money(p.Cents)),
				URL: fmt.Sprintf("%s/orders/%d", s.Address, p.Order),
			}, nil
		}),
		Otherwise: notify.Otherwise{From: notify.Push, To: notify.SMS, After: time.Minute, Until: notify.Taken},
	}})
	return offload.Parts(pushes, s.Texts, kit), err
}

// A paidOrder is what a notice says of an order.
type paidOrder struct {
	Order int64 `json:"order"`
	Cents int64 `json:"cents"`
}

func paidNotice(o Order, r Receipt) notify.Notice {
	return notify.Notice{To: o.Email, Kind: orderPaid, Data: notify.Data(paidOrder{o.ID, r.Cents}), Key: fmt.Sprint("order ", o.ID)}
}

// sessionCookie says whose browser it is: their mail address, signed. A shop of yours has sessions.
const sessionCookie = "customer"

func (s *Shop) signIn(w http.ResponseWriter, email string) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: base64.RawURLEncoding.EncodeToString([]byte(email)) + "." + s.signed(email),
		Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// customerOf is the customer that a request is from, or "".
func (s *Shop) customerOf(r *http.Request) string {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return ""
	}
	name, mac, _ := strings.Cut(cookie.Value, ".")
	email, err := base64.RawURLEncoding.DecodeString(name)
	if err != nil || !hmac.Equal([]byte(mac), []byte(s.signed(string(email)))) {
		return ""
	}
	return string(email)
}

func (s *Shop) signed(email string) string {
	mac := hmac.New(sha256.New, s.Key)
	fmt.Fprintf(mac, "%s %s", sessionCookie, email)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
