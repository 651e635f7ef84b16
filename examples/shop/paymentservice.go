package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// A paymentService is somebody else's service, for the demo: of three calls it fails one. It
// knows an order's call by its key, and charges it once.
type paymentService struct {
	Address string // base address, "http://127.0.0.1:…"
	server  *http.Server
	serving sync.WaitGroup

	mu       sync.Mutex         // guards what follows
	calls    map[string]int     // by key
	receipts map[string]receipt // by key
	called   int                // all calls
	failed   int                // those of them that were failed
}

// failures says how many calls of an order fail before one succeeds: of each six orders, two
// fail and one of them twice, so three of nine calls.
var failures = [6]int{0, 1, 0, 2, 0, 0}

// startPaymentService starts one on a port of this machine that is free.
func startPaymentService() (*paymentService, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the payment service: %w", err)
	}
	p := &paymentService{
		Address: "http://" + listener.Addr().String(), calls: map[string]int{}, receipts: map[string]receipt{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /charges", p.charge)
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	p.serving.Go(func() { _ = p.server.Serve(listener) }) // ends with Shutdown
	return p, nil
}

// Stop ends the service after the calls under way.
func (p *paymentService) Stop() error {
	err := stopServer(p.server)
	p.serving.Wait()
	return err
}

// stopServer lets requests under way end, for 2 s. Connections that were opened for a request
// that may never come, as browsers do, are not worth a longer wait.
func stopServer(s *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := s.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return s.Close()
	}
	return err
}

// Counts returns how often the service was called, and how many of these calls it failed.
func (p *paymentService) Counts() (called, failed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.called, p.failed
}

func (p *paymentService) charge(w http.ResponseWriter, r *http.Request) {
	var c charge
	key := r.Header.Get("Idempotency-Key")
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&c); err != nil || key == "" || c.Order < 1 || c.Cents < 1 {
		http.Error(w, "want an order, its cents and an Idempotency-Key", http.StatusBadRequest)
		return
	}
	answer, ok := p.answer(key, c)
	if !ok {
		http.Error(w, "too much to do, please come back", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // a caller who has gone asks again
}

func (p *paymentService) answer(key string, c charge) (receipt, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.called++
	p.calls[key]++
	if p.calls[key] <= failures[c.Order%int64(len(failures))] {
		p.failed++
		return receipt{}, false
	}
	if _, charged := p.receipts[key]; !charged {
		p.receipts[key] = receipt{Number: receiptNumber(c.Order), Cents: c.Cents}
	}
	return p.receipts[key], true
}

func receiptNumber(order int64) string { return fmt.Sprintf("R-%06d", order) }
