// Package world is what a shop has around it, for the demo: a payment service that fails one
// call in three, a supplier, and photos as a camera makes them. The services listen on this
// machine only.
package world

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/offloadhq/offload/examples/shop"
)

// A Payment is a payment service: it takes its time, and of three calls it fails one. It knows
// an order's call by its key, and charges it once.
type Payment struct {
	Address string // base address, "http://127.0.0.1:…"
	server  *server
	takes   time.Duration

	mu        sync.Mutex              // guards what follows
	calls     map[string]int          // by key
	receipts  map[string]shop.Receipt // by key
	called    int                     // all calls
	failed    int                     // those of them that were failed
	downUntil time.Time
}

// failures says how many calls of an order fail before one succeeds: of each six orders, two
// fail and one of them twice, so three of nine calls.
var failures = [6]int{0, 1, 0, 2, 0, 0}

// StartPayment starts one on a port of this machine that is free. Each call takes as long as said.
func StartPayment(takes time.Duration) (*Payment, error) {
	p := &Payment{takes: takes, calls: map[string]int{}, receipts: map[string]shop.Receipt{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /charges", p.charge)
	var err error
	if p.server, err = serve(mux); err != nil {
		return nil, fmt.Errorf("start the payment service: %w", err)
	}
	p.Address = p.server.address
	return p, nil
}

// Stop ends the service after the calls under way.
func (p *Payment) Stop() error { return p.server.stop() }

// Fail makes the service fail each call for a while.
func (p *Payment) Fail(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.downUntil = time.Now().Add(d)
}

// Counts returns how often the service was called, and how many of these calls it failed.
func (p *Payment) Counts() (called, failed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.called, p.failed
}

func (p *Payment) charge(w http.ResponseWriter, r *http.Request) {
	var b shop.Bill
	key := r.Header.Get("Idempotency-Key")
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&b); err != nil || key == "" || b.Order < 1 || b.Cents < 1 {
		http.Error(w, "want an order, its cents and an Idempotency-Key", http.StatusBadRequest)
		return
	}
	select {
	case <-time.After(p.takes):
	case <-r.Context().Done():
		return
	}
	answer, ok := p.answer(key, b)
	if !ok {
		http.Error(w, "too much to do, please come back", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // a caller who has gone asks again
}

func (p *Payment) answer(key string, b shop.Bill) (shop.Receipt, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.called++
	if time.Now().Before(p.downUntil) {
		p.failed++
		return shop.Receipt{}, false
	}
	p.calls[key]++
	if p.calls[key] <= failures[b.Order%int64(len(failures))] {
		p.failed++
		return shop.Receipt{}, false
	}
	if _, charged := p.receipts[key]; !charged {
		p.receipts[key] = shop.Receipt{Number: ReceiptNumber(b.Order), Cents: b.Cents}
	}
	return p.receipts[key], true
}

// ReceiptNumber is the number that an order's receipt has.
func ReceiptNumber(order int64) string { return fmt.Sprintf("R-%06d", order) }
