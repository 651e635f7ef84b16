package mail_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http/httptest"
	netmail "net/mail"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// A mailbox is a mail server that does as it is told.
type mailbox struct {
	addr   string
	trust  *tls.Config
	server *smtp.Server
	listen net.Listener

	mu      sync.Mutex
	got     []arrived
	conns   map[string]bool
	signed  int // conversations in which somebody signed in
	onMail  func(n int) error
	onRcpt  func(to string, n int) error
	onData  func(c *smtp.Conn, r io.Reader, n int) error
	stalled chan struct{}
	n       int // conversations about a mail so far
}

type arrived struct {
	from string
	to   []string
	text []byte
}

func (a arrived) header(t *testing.T, name string) string {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(a.text))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header.Get(name)
}

const (
	user, password = "shop", "correct horse"
	host           = "127.0.0.1"
)

type how int

const (
	starttls how = iota
	implicit
	noTLS
)

// startServer starts a mail server with a certificate of its own.
func startServer(t *testing.T, with how, shape func(*mailbox)) *mailbox {
	t.Helper()
	https := httptest.NewTLSServer(nil) // has a certificate for this machine
	defer https.Close()
	roots := x509.NewCertPool()
	roots.AddCert(https.Certificate())
	listener, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailbox{addr: listener.Addr().String(), trust: &tls.Config{RootCAs: roots}, stalled: make(chan struct{}), conns: map[string]bool{}}
	if shape != nil {
		shape(m)
	}
	m.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.conns[c.Conn().RemoteAddr().String()] = true // twice with STARTTLS
		return &conversation{box: m, conn: c}, nil
	}))
	m.server.Domain, m.server.ErrorLog = "mail.example", log.New(io.Discard, "", 0)
	m.server.AllowInsecureAuth = with == noTLS
	if with == starttls {
		m.server.TLSConfig = &tls.Config{Certificates: https.TLS.Certificates}
	}
	if with == implicit {
		listener = tls.NewListener(listener, &tls.Config{Certificates: https.TLS.Certificates})
	}
	m.listen = listener
	var serving sync.WaitGroup
	serving.Go(func() { _ = m.server.Serve(listener) })
	t.Cleanup(func() {
		close(m.stalled)
		m.goAway()
		serving.Wait()
	})
	return m
}

// goAway ends the server, also one that has not yet begun to serve.
func (m *mailbox) goAway() {
	_ = m.server.Close()
	_ = m.listen.Close()
}

func (m *mailbox) mails() []arrived {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.got
}

type conversation struct {
	box  *mailbox
	conn *smtp.Conn
	auth bool
	arrived
}

func (c *conversation) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *conversation) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, name, secret string) error {
		if name != user || secret != password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "who are you"}
		}
		c.box.mu.Lock()
		defer c.box.mu.Unlock()
		c.box.signed++
		c.auth = true
		return nil
	}), nil
}

func (c *conversation) Reset()        { c.from, c.to = "", nil }
func (c *conversation) Logout() error { return nil }

func (c *conversation) Mail(from string, _ *smtp.MailOptions) error {
	c.box.mu.Lock()
	c.box.n++
	n := c.box.n
	c.box.mu.Unlock()
	c.from = from
	if c.box.onMail != nil {
		return c.box.onMail(n)
	}
	return nil
}

func (c *conversation) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = append(c.to, to)
	if c.box.onRcpt != nil {
		return c.box.onRcpt(to, c.box.n)
	}
	return nil
}

func (c *conversation) Data(r io.Reader) error {
	if c.box.onData != nil {
		if err := c.box.onData(c.conn, r, c.box.n); err != nil {
			return err
		}
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c.box.mu.Lock()
	defer c.box.mu.Unlock()
	c.box.got = append(c.box.got, arrived{c.from, c.to, text})
	return nil
}

// answer is one of a server.
func answer(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: text}
}

var errHangUp = errors.New("hangs up")
