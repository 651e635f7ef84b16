package shop

import (
	"errors"
	"maps"
	"os"
	"strings"
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
	want := map[string]offload.State{"confirm": offload.Available, "reserve": offload.Available, "charge": offload.Available, "thumbnail": offload.Available}
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

func TestThumbnailGivesUpOnWhatIsNoPhoto(t *testing.T) {
	s := newTestShop(t)
	for _, test := range []struct{ name, path, want string }{
		{"no file", s.Path("none.jpg"), "no such file"},
		{"no picture", s.Path("shop.db"), "JPEG"},
		{"more than is taken", hugePhoto(t), "65000 × 65000 pixels"},
	} {
		if err := s.thumbnail(t.Context(), Print{1, test.path}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: thumbnail = %v, want %q in it", test.name, err, test.want)
		}
	}
	if err := s.thumbnail(t.Context(), Print{1, s.photos[0]}); err != nil {
		t.Errorf("a photo: %v", err)
	}
	if err := checkThumbnail(s.thumbnailPath(1), s.photos[0]); err != nil {
		t.Error(err)
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

// hugePhoto is a file that says of itself that it is a JPEG of 65,000 × 65,000 pixels.
func hugePhoto(t *testing.T) string {
	t.Helper()
	path := t.TempDir() + "/huge.jpg"
	header := []byte{0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8, 0xFD, 0xE8, 0xFD, 0xE8, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1}
	scan := []byte{0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0}
	if err := os.WriteFile(path, append(header, scan...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
