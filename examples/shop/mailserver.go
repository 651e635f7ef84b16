package shop

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
)

const mailDir = "mail"

// A mailServer is the mail server of the demo: it speaks SMTP, and keeps each mail as a file.
type mailServer struct {
	Address string // "127.0.0.1:…"
	dir     string
	server  *smtp.Server
	listen  net.Listener
	serving sync.WaitGroup
}

// startMailServer starts one on a port of this machine that is free.
func startMailServer(dir string) (*mailServer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("start the mail server: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the mail server: %w", err)
	}
	m := &mailServer{Address: listener.Addr().String(), dir: dir, listen: listener}
	m.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{server: m}, nil }))
	m.server.Domain = "localhost"
	m.server.ReadTimeout, m.server.WriteTimeout = time.Minute, time.Minute
	m.server.MaxMessageBytes, m.server.MaxRecipients = 64<<20, 10
	m.serving.Go(func() { _ = m.server.Serve(listener) }) // ends with Shutdown
	return m, nil
}

// Stop ends the server after the conversations under way, and within 5 s.
func (m *mailServer) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := m.server.Shutdown(ctx)
	_ = m.listen.Close() // closed by Shutdown, unless Serve had not yet begun
	m.serving.Wait()
	return err
}

// A session is one conversation. It keeps a mail before it says that it has it.
type session struct {
	server *mailServer
	from   string
	to     []string
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	envelope := fmt.Sprintf("Return-Path: <%s>\r\nDelivered-To: %s\r\n", s.from, strings.Join(s.to, ", "))
	return writeFile(filepath.Join(s.server.dir, mailName(text)), func(w io.Writer) error {
		_, err := w.Write(append([]byte(envelope), text...))
		return err
	})
}

// mailName names a mail's file by its Message-ID. A mail that comes again has the same, and
// is kept once.
func mailName(text []byte) string {
	name := uuid.NewString()
	if m, err := mail.ReadMessage(strings.NewReader(string(text))); err == nil {
		id, _, _ := strings.Cut(strings.Trim(m.Header.Get("Message-Id"), "<> "), "@")
		if id != "" && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" {
			name = id
		}
	}
	return name + ".eml"
}
