package shop

import (
	"embed"
	"fmt"
	"io/fs"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/alert"
	"github.com/offloadhq/offload/kit/mail"
)

// Who sends the shop's mails, and who gets its exports and reports.
const (
	shopAddress  = "Print shop <orders@shop.example>"
	OwnerAddress = "owner@shop.example"
)

//go:embed letters
var letterFiles embed.FS

// letters sends the shop's mails, made of the templates in letters/.
func (s *Shop) letters() (*mail.Kit, error) {
	templates, err := fs.Sub(letterFiles, "letters")
	if err != nil {
		return nil, err
	}
	return mail.New(s.Mail, mail.From(shopAddress), mail.Templates(templates), mail.Blobs(s.Orders.Files), mail.Tasks(mail.Send, alert.Mails))
}

// confirmation is the job that mails the customer that the order has come in.
func (s *Shop) confirmation(o Order, opts ...offload.EnqueueOption) *offload.Call {
	return mail.Send.Call(mail.Message{
		To: []string{o.Email}, Template: "confirmation",
		Data: mail.Fill(map[string]any{
			"customer": o.Customer, "order": o.ID, "quantity": o.Quantity, "product": o.Product, "total": money(o.Cents),
			"page": fmt.Sprintf("%s/orders/%d", s.Address, o.ID),
		}),
	}, opts...)
}
