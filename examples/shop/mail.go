package shop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/offloadhq/offload"
	"github.com/wneessen/go-mail"
)

// Who sends the shop's mails, and who gets its exports.
const (
	shopAddress  = "orders@shop.example"
	ownerAddress = "owner@shop.example"
)

// confirm mails the customer that the order has come in.
func (s *Shop) confirm(ctx context.Context, in OrderRef) error {
	o, err := orderOf(ctx, s.db, in.Order)
	if err != nil {
		return err
	}
	m, err := newMail(fmt.Sprintf("order-%d", o.ID), o.Email, fmt.Sprintf("Your order %d", o.ID))
	if err != nil {
		return err
	}
	m.SetBodyString(mail.TypeTextPlain, fmt.Sprintf(
		"Dear %s,\n\nthank you for order %d: %d × %s, %s in total.\n\nYour print shop\n",
		o.Customer, o.ID, o.Quantity, o.Product, money(o.Cents)))
	return s.send(ctx, m)
}

// newMail begins a mail. Its Message-ID is made of what it is about: a mail that is sent
// again, because a worker died before it could say that it was sent, can be known as the same.
func newMail(id, to, subject string) (*mail.Msg, error) {
	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	m.SetMessageIDWithValue(id + "@shop.example")
	m.SetDate()
	m.Subject(subject)
	if err := errors.Join(m.From(shopAddress), m.To(to)); err != nil {
		return nil, offload.Discard(err) // the address will not become a better one
	}
	return m, nil
}

// send hands a mail to the mail server. What the server refuses for good is not tried again;
// everything else is.
func (s *Shop) send(ctx context.Context, m *mail.Msg) error {
	host, port, err := net.SplitHostPort(s.Mail)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	client, err := mail.NewClient(host, mail.WithPort(number),
		mail.WithTLSPolicy(mail.NoTLS)) // the demo's server is on this machine; leave this out for yours
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, m)
	var refused *mail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() >= 500 {
		return offload.Discard(err)
	}
	return err
}
