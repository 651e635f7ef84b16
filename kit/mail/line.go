package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
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
	*mail.Client
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
	c.Client = client
	c.client, err = client.DialToSMTPClientWithContext(ctx)
	return err
}

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
