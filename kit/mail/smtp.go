package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/offloadhq/offload"
)

// idleTime is how long a connection waits for another mail.
const idleTime = 30 * time.Second

// A relay is an open SMTP, and connections to it that wait for the next mail.
type relay struct {
	SMTP
	host string
	port int

	mu     sync.Mutex
	idle   []*line // the one used last at the end
	sweep  *time.Timer
	closed bool
}

func (t SMTP) open() (carrier, error) {
	refuse := func(field string, got any, want string) (carrier, error) {
		return nil, &offload.InputError{Field: "SMTP." + field, Got: got, Want: want}
	}
	host, port, err := net.SplitHostPort(t.Addr)
	number, err2 := strconv.Atoi(port)
	if err != nil || err2 != nil || host == "" || number < 1 || number > 65535 {
		return refuse("Addr", t.Addr, "host:port, such as smtp.example.com:587")
	}
	switch ip := net.ParseIP(host); {
	case t.User == "" && t.Password != "":
		return refuse("User", "nobody", "a name beside the Password")
	case t.User != "" && t.Password == "":
		return refuse("Password", "nothing", "that of User")
	case t.Plain && t.User != "" && host != "localhost" && (ip == nil || !ip.IsLoopback()):
		return refuse("Plain", true, "TLS where a password is sent to another machine")
	}
	trust := &tls.Config{}
	if t.TLS != nil {
		trust = t.TLS.Clone()
	}
	if trust.ServerName == "" {
		trust.ServerName = host
	}
	trust.MinVersion = max(trust.MinVersion, tls.VersionTLS12)
	t.TLS = trust
	return &relay{SMTP: t, host: host, port: number}, nil
}

// carry sends a letter on a connection that waits, or a new one.
func (r *relay) carry(ctx context.Context, l *letter) (Receipt, error) {
	for {
		c, fresh, err := r.take(ctx)
		if err != nil {
			return Receipt{}, fmt.Errorf("mail server %s: %w", r.Addr, err)
		}
		stop := context.AfterFunc(ctx, c.conn.cut)
		said, err := c.send(l)
		whole := stop() // else the connection is cut
		if err == nil {
			r.give(c, whole)
			return Receipt{MessageID: l.id, Via: r.Addr, Response: said}, nil
		}
		if answer := (*SendError)(nil); errors.As(err, &answer) {
			r.give(c, whole && answer.Code != 421 && c.client.Reset() == nil)
			answer.Server = r.Addr
			return Receipt{}, answer
		}
		r.give(c, false)
		if errors.Is(err, errGone) && !fresh && ctx.Err() == nil {
			continue // another, or a new one
		}
		return Receipt{}, fmt.Errorf("mail server %s: %w", r.Addr, err)
	}
}

// take returns a connection, and whether it is new.
func (r *relay) take(ctx context.Context) (c *line, fresh bool, err error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, false, offload.ErrClosed
	}
	if n := len(r.idle); n > 0 {
		c = r.idle[n-1]
		r.idle = r.idle[:n-1]
		r.mu.Unlock()
		return c, false, nil
	}
	r.mu.Unlock()
	c, err = r.dial(ctx)
	return c, true, err
}

// give takes a connection back, or closes one that is of no use any more.
func (r *relay) give(c *line, whole bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !whole || r.closed {
		_ = c.conn.Close()
		return
	}
	c.used = time.Now()
	r.idle = append(r.idle, c)
	if r.sweep == nil {
		r.sweep = time.AfterFunc(idleTime, r.tidy)
	}
}

// tidy closes connections that nobody has used for a while.
func (r *relay) tidy() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.idle) > 0 && time.Since(r.idle[0].used) >= idleTime {
		_ = r.idle[0].conn.Close()
		r.idle = r.idle[1:]
	}
	r.sweep = nil
	if len(r.idle) > 0 {
		r.sweep = time.AfterFunc(time.Until(r.idle[0].used.Add(idleTime)), r.tidy)
	}
}

func (r *relay) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.sweep != nil {
		r.sweep.Stop()
	}
	for _, c := range r.idle {
		_ = c.conn.Close() // between two mails: no server needs a goodbye
	}
	r.idle = nil
	return nil
}
