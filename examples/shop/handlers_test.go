package shop

import (
	"errors"
	"maps"
	"testing"

	"github.com/offloadhq/offload"
)

// A handler is a plain function: these tests call it as one, without a worker.

var poster = Order{Customer: "Ada", Email: "ada@example.com", Product: "poster", Quantity: 2}

func TestPlaceStoresTheOrderWithAllThatFollows(t *testing.T) {
	s := newTestShop(t)
	o := poster
	o.Photo = s.photos[0]
	o = s.place(t, o)

	if o.ID != 1 || o.Cents != 3900 {
		t.Errorf("placed %+v, want order 1 for 39.00", o)
	}
	want := map[string]offload.State{"confirm": offload.Available, "reserve": offload.Available, "charge": offload.Available, "image": offload.Available}
	if got := s.states(t); !maps.Equal(got, want) {
		t.Errorf("jobs are %v, want %v", got, want)
	}
	entries, err := (&check{Shop: s.Shop}).audits(t.Context())
	if err != nil || len(entries[1]) != 1 {
		t.Errorf("audit entries are %v, %v; want one", entries, err)
	}
	if p, err := s.paymentOf(t.Context(), 1); err != nil || p != (payment{Status: "queued"}) {
		t.Errorf("payment is %+v, %v; want it queued", p, err)
	}
}

func TestPlaceRefusesWithASentence(t *testing.T) {
	s := newTestShop(t)
	for name, change := range map[string]func(*Order){
		"no name":             func(o *Order) { o.Customer = " " },
		"a name of two lines": func(o *Order) { o.Customer = "Ada\r\nBcc: all@example.com" },
		"no address":          func(o *Order) { o.Email = "ada" },
		"two addresses":       func(o *Order) { o.Email = "ada@example.com, eve@example.com" },
		"nothing":             func(o *Order) { o.Quantity = 0 },
		"too much":            func(o *Order) { o.Quantity = 100 },
		"an unknown product":  func(o *Order) { o.Product = "yacht" },
	} {
		o := poster
		change(&o)
		if _, err := s.Place(t.Context(), o); !errors.Is(err, ErrOrder) {
			t.Errorf("%s: Place = %v, want ErrOrder", name, err)
		}
	}
	if states := s.states(t); len(states) != 0 {
		t.Errorf("refused orders left jobs: %v", states)
	}
}

func TestChargeKeepsTheStatusRow(t *testing.T) {
	s := newTestShop(t)
	o := s.place(t, poster) // order 1: its first call fails

	if err := s.charge(t.Context(), OrderRef{o.ID}); err == nil {
		t.Error("the first call: no error, so it would not be tried again")
	}
	if p, err := s.paymentOf(t.Context(), o.ID); err != nil || p.Status != "retrying" || p.Calls != 1 || p.Note == "" {
		t.Errorf("after the first call: %+v, %v", p, err)
	}
	if err := s.charge(t.Context(), OrderRef{o.ID}); err != nil {
		t.Errorf("the second call: %v", err)
	}
	want := payment{Status: "done", Calls: 2, Cents: 3900, Note: receiptNumber(o.ID)}
	if p, err := s.paymentOf(t.Context(), o.ID); err != nil || p != want {
		t.Errorf("after the second call: %+v, %v; want %+v", p, err, want)
	}
}

func TestReserveTakesFromTheStock(t *testing.T) {
	s := newTestShop(t)
	o := s.place(t, poster)
	if err := s.reserve(t.Context(), OrderRef{o.ID}); err != nil {
		t.Fatal(err)
	}
	if err := s.exec(`UPDATE products SET stock = 1 WHERE name = 'poster'`)(); err != nil {
		t.Fatal(err)
	}
	if err := s.reserve(t.Context(), OrderRef{o.ID}); err == nil {
		t.Error("2 of 1 poster reserved")
	}
}
