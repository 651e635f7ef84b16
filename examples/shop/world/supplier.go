package world

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload/kit/webhook"
)

// A Supplier prints what the shop has sold. It takes orders by webhook, and keeps each as a
// file that is named by its id: an order that comes twice is one.
type Supplier struct {
	Address string // where orders are sent to, "http://127.0.0.1:…/orders"
	server  *server
	dir     string
	takes   time.Duration
	secret  atomic.Pointer[webhook.Secret]
}

// StartSupplier starts one on a port of this machine that is free. Each order takes it as long as said.
func StartSupplier(dir string, takes time.Duration) (*Supplier, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("start the supplier: %w", err)
	}
	s := &Supplier{dir: dir, takes: takes}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", s.receive)
	var err error
	if s.server, err = serve(mux); err != nil {
		return nil, fmt.Errorf("start the supplier: %w", err)
	}
	s.Address = s.server.address + "/orders"
	return s, nil
}

// Stop ends it after the calls under way.
func (s *Supplier) Stop() error { return s.server.stop() }

// Trust tells it the secret by which it knows the shop. Until then it takes no orders.
func (s *Supplier) Trust(secret webhook.Secret) { s.secret.Store(&secret) }

// receive takes an order that the shop has signed, and nothing else.
func (s *Supplier) receive(w http.ResponseWriter, r *http.Request) {
	secret := s.secret.Load()
	if secret == nil {
		http.Error(w, "not open yet", http.StatusServiceUnavailable)
		return
	}
	select {
	case <-time.After(s.takes):
	case <-r.Context().Done():
		return
	}
	webhook.Receiver(s.keep, string(*secret)).ServeHTTP(w, r)
}

func (s *Supplier) keep(_ context.Context, m webhook.Message) error {
	if m.ID != filepath.Base(m.ID) || strings.HasPrefix(m.ID, ".") {
		return fmt.Errorf("%q is no id", m.ID)
	}
	return WriteFile(filepath.Join(s.dir, m.ID+".json"), func(w io.Writer) error {
		_, err := w.Write(m.Body)
		return err
	})
}
