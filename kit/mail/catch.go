package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/offloadhq/offload"
)

// Catch is a mail server for development: what any program sends to it is kept in a folder, as Keep keeps mails, and goes nowhere. It
// listens at once, and until the app is closed.
//
// It asks nobody who they are. An address that other machines reach is refused.
type Catch struct {
	offload.Part
	Addr string // where it listens, with the port that it got
	box  *box
}

// NewCatch makes one that listens at "127.0.0.1:1025", or port 0 for any, and keeps mails in dir.
func NewCatch(address, dir string) (*Catch, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, &offload.InputError{Field: "address", Got: address, Want: "one of this machine alone, such as 127.0.0.1:1025"}
	}
	b, err := openBox(dir)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mail.Catch: %w", err), b.close())
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &caught{box: b}, nil }))
	server.Domain = "localhost"
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	server.MaxMessageBytes, server.MaxRecipients, server.EnableSMTPUTF8 = mostShown, mostRecipients, true
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) }) // ends with the listener
	end := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err := server.Shutdown(ctx)
		_ = listener.Close() // closed by Shutdown, unless Serve had not yet begun
		serving.Wait()
		return errors.Join(err, b.close())
	}
	return &Catch{offload.OnClose(end), listener.Addr().String(), b}, nil
}

// caught is one conversation. It keeps a mail before it says that it has it.
type caught struct {
	*box
	from string
	to   []string
}

func (c *caught) Reset()        { c.from, c.to = "", nil }
func (c *caught) Logout() error { return nil }

func (c *caught) Mail(from string, _ *smtp.MailOptions) error {
	c.from = from
	return nil
}

func (c *caught) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = append(c.to, to)
	return nil
}

func (c *caught) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return c.keep(fileName(text), c.from, c.to, bytes.NewReader(text))
}
