package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

const (
	dialTime = 30 * time.Second // to connect, greet, encrypt and sign in
	talkTime = 10 * time.Minute // for a mail: what RFC 5321 allows a server for its last answer; the job's Timeout is shorter
)

// A line is a connection to a mail server, past greeting and sign-in.
type line struct {
	client *smtp.Client
	conn   *cuttable
	used   time.Time
}

// dial makes a connection, as far as ctx and dialTime let it.
func (r *relay) dial(ctx context.Context) (*line, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialTime, fmt.Errorf("it was not ready within %v", dialTime))
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", r.Addr)
	if err != nil {
		return nil, err
	}
	c := &line{conn: &cuttable{Conn: raw}}
	stop := context.AfterFunc(ctx, c.conn.cut) // a server may as well not greet
	err = c.greet(ctx, r)
	if !stop() {
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		_ = c.conn.Close()
		return nil, err
	}
	return c, nil
}

// greet makes a fresh connection ready for mails.
func (c *line) greet(ctx context.Context, r *relay) error {
	var conn net.Conn = c.conn
	opts := []mail.Option{mail.WithPort(r.port), mail.WithTimeout(talkTime), mail.WithTLSConfig(r.TLS)}
	switch {
	case r.Plain:
		opts = append(opts, mail.WithTLSPolicy(mail.NoTLS))
	case r.port == 465:
		opts = append(opts, mail.WithSSL())
		conn = tls.Client(c.conn, r.TLS) // RFC 8314: from the first byte on
	default:
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	opts = append(opts, mail.WithDialContextFunc(func(context.Context, string, string) (net.Conn, error) { return conn, nil }))
	if r.User != "" {
		opts = append(opts, mail.WithSMTPAuthCustom(&signIn{SMTP: &r.SMTP, host: r.host}))
	}
	client, err := mail.NewClient(r.host, opts...)
	if err != nil {
		return err
	}
	c.client, err = client.DialToSMTPClientWithContext(ctx)
	return err
}

var (
	// errGone says that the server has ended a connection before it was asked for anything.
	errGone = errors.New("the server has closed the connection")
	// errNobodyKnows says that the server may have the mail.
	errNobodyKnows = errors.New("the connection was lost before the server could say whether it took the mail")
)

// send asks the server to take a letter, and returns what it says. An answer that is a refusal is a *SendError without Server.
func (c *line) send(l *letter) (said string, err error) {
	if c.client.UpdateDeadline(talkTime) != nil || c.client.Noop() != nil {
		return "", errGone
	}
	if err := c.client.Mail("<" + l.from + ">"); err != nil {
		return "", c.refused("MAIL FROM", err)
	}
	var answer *SendError
	for _, address := range l.to { // all of them, so that the error can name all that are wrong
		err := c.client.Rcpt("<" + address + ">")
		if err == nil {
			continue
		}
		err = c.refused("RCPT TO", err)
		this := (*SendError)(nil)
		if !errors.As(err, &this) {
			return "", err
		}
		this.Text += ", for " + address
		if answer != nil {
			this.Text = answer.Text + "; " + this.Text
		}
		if answer != nil && answer.permanent() && !this.permanent() {
			this.Code, this.Status = answer.Code, answer.Status // the mail will never be taken
		}
		answer = this
	}
	if answer != nil {
		return "", answer
	}
	w, err := c.client.Data()
	if err != nil {
		return "", c.refused("DATA", err)
	}
	if _, err := io.Copy(w, l.reader()); err != nil {
		return "", fmt.Errorf("send the text: %w", err) // not closed: what was sent must not pass for whole
	}
	if err := w.Close(); err != nil {
		err = c.refused("the text", err)
		if answer := (*SendError)(nil); !errors.As(err, &answer) {
			return "", fmt.Errorf("%w: %w", errNobodyKnows, err)
		}
		return "", err
	}
	if d, is := w.(*smtp.DataCloser); is {
		said = strings.TrimSpace(d.ServerResponse())
	}
	return said, nil
}

// refused is what an answer other than the wanted one means.
func (c *line) refused(to string, err error) error {
	answer := (*textproto.Error)(nil)
	if !errors.As(err, &answer) {
		return fmt.Errorf("%s: %w", to, err)
	}
	e := &SendError{Code: answer.Code, Text: fmt.Sprintf("%s: %d %s", to, answer.Code, answer.Msg)}
	if says, _ := c.client.Extension("ENHANCEDSTATUSCODES"); says {
		e.Status = enhanced.FindString(answer.Msg)
	}
	return e
}

// enhanced is a status of RFC 3463 at the beginning of an answer.
var enhanced = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// A cuttable is a connection that can be ended while others set deadlines for it.
type cuttable struct {
	net.Conn
	mu  sync.Mutex
	end bool
}

// cut ends whatever waits for the connection.
func (c *cuttable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end = true
	_ = c.Conn.SetDeadline(time.Unix(1, 0))
}

// SetDeadline is that of net.Conn, until the connection is cut.
func (c *cuttable) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end {
		t = time.Unix(1, 0)
	}
	return c.Conn.SetDeadline(t)
}

// signIn proves who the client is, by the best way that the server offers.
type signIn struct {
	*SMTP
	host string
	way  smtp.Auth
}

// Start chooses the way. The library's choice takes TLS for missing where it did not begin it.
func (s *signIn) Start(server *smtp.ServerInfo) (string, []byte, error) {
	for _, way := range []struct {
		name string
		auth smtp.Auth
	}{
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(s.User, s.Password)},
		{"PLAIN", smtp.PlainAuth("", s.User, s.Password, s.host, s.Plain)},
		{"LOGIN", smtp.LoginAuth(s.User, s.Password, s.host, s.Plain)},
		{"CRAM-MD5", smtp.CRAMMD5Auth(s.User, s.Password)},
	} {
		if slices.Contains(server.Auth, way.name) {
			s.way = way.auth
			return s.way.Start(server)
		}
	}
	return "", nil, fmt.Errorf("nobody can sign in: it offers %q, and SCRAM-SHA-256, PLAIN, LOGIN and CRAM-MD5 are known here", server.Auth)
}

// Next answers what the server asks.
func (s *signIn) Next(said []byte, more bool) ([]byte, error) { return s.way.Next(said, more) }
