package kits

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/wneessen/go-mail"

	kitmail "github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/offloadtest"
)

// taker is a mail server that takes everything.
type taker struct{}

func (taker) Reset()                               {}
func (taker) Logout() error                        { return nil }
func (taker) Mail(string, *smtp.MailOptions) error { return nil }
func (taker) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (taker) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// Mails to a server on this machine: by the library alone, on one connection, and by the kit, from enqueue to end, in a store in memory. The kit shall send 500 a second.
func BenchmarkMail(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return taker{}, nil }))
	server.Domain = "localhost"
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	defer func() {
		_ = server.Close()
		_ = listener.Close()
		serving.Wait()
	}()
	perSecond := func(b *testing.B) { b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s") }
	b.Run("bare", func(b *testing.B) {
		address := listener.Addr().(*net.TCPAddr)
		client, err := mail.NewClient("127.0.0.1", mail.WithPort(address.Port), mail.WithTLSPolicy(mail.NoTLS))
		if err != nil {
			b.Fatal(err)
		}
		if err := client.DialWithContext(b.Context()); err != nil {
			b.Fatal(err)
		}
		defer client.Close()
		for b.Loop() {
			m := mail.NewMsg()
			m.Subject("Your order")
			m.SetBodyString(mail.TypeTextPlain, "It is on its way.")
			if m.From("orders@shop.example") != nil || m.To("ada@example.com") != nil {
				b.Fatal("an address")
			}
			if err := client.Send(m); err != nil {
				b.Fatal(err)
			}
		}
		perSecond(b)
	})
	b.Run("kit", func(b *testing.B) {
		kit, err := kitmail.New(kitmail.SMTP{Addr: listener.Addr().String(), Plain: true}, kitmail.From("orders@shop.example"))
		if err != nil {
			b.Fatal(err)
		}
		app := offloadtest.New(kit)
		defer app.Close()
		for b.Loop() {
			if _, err := kitmail.Send.Enqueue(b.Context(), app, kitmail.Message{To: []string{"ada@example.com"}, Subject: "Your order", Text: "It is on its way."}); err != nil {
				b.Fatal(err)
			}
			app.Drain()
		}
		perSecond(b)
	})
}
