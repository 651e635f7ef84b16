// Package notify is another package of the program.
package notify

import (
	"context"
	"net/http"
	"net/smtp"
)

type Client struct{ HTTP *http.Client }

func (c *Client) Tell(ctx context.Context, text string) error { // want Tell:`http by notify.Client.send → http.Client.Do`
	return c.send(ctx, text)
}

func (c *Client) send(ctx context.Context, text string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://chat.example", nil)
	if err != nil {
		return err
	}
	_, err = c.HTTP.Do(req)
	return err
}

func Mail(to, text string) error { // want Mail:`mail by smtp.SendMail`
	return smtp.SendMail("mail.example:25", nil, "shop@example.com", []string{to}, []byte(text))
}

func Later(to string) { // want Later:`goroutine by go Mail`
	go Mail(to, "later")
}

//offload:inline the code is needed to log in
func Code(to string) error {
	return Mail(to, "1234")
}

func Generic[T any](v T) { // want Generic:`mail by notify.Mail → smtp.SendMail`
	Mail("ada@example.com", "")
}

func Nothing() int { return 7 }

func Beside(f func()) { // want Beside:`starts what it is handed`
	go func() {
		defer func() { recover() }()
		f()
	}()
}

// A Sender is an interface with a type in its own package.
type Sender interface {
	Send(to string) error // want Send:`mail by notify.byMail.Send → notify.Mail → smtp.SendMail`
}

type byMail struct{}

func (byMail) Send(to string) error { return Mail(to, "") } // want Send:`mail by notify.Mail → smtp.SendMail`
