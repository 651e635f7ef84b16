package shop

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/jpeg"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/kit/audit"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/notify"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/sms"
	"github.com/offloadhq/offload/kit/webhook"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// A handler is a plain function: most of these tests call it as one, without a worker.

var poster = Order{Customer: "Ada", Email: "ada@example.com", Product: "poster", Quantity: 2}

func TestPlaceStoresTheOrderWithAllThatFollows(t *testing.T) {
	onBoth(t, func(t *testing.T, s *testShop) {
		o := poster
		o.Photo = "lake.jpg"
		o = s.place(t, o)

		if o.ID != 1 || o.Cents != 3900 {
			t.Errorf("placed %+v, want order 1 for 39.00", o)
		}
		want := map[string]offload.State{
			"mail": offload.Available, "reserve": offload.Available, "charge": offload.Available, "image": offload.Available,
			"webhook.deliver": offload.Available,
		}
		if got := s.states(t); !maps.Equal(got, want) {
			t.Errorf("jobs are %v, want %v", got, want)
		}
		if events := s.events(t); events != "order.place" {
			t.Errorf("audit entries are %q, want that it was placed", events)
		}
		if o, err := s.order(t.Context(), 1); err != nil || o.Payment != "queued" {
			t.Errorf("payment is %q, %v; want it queued", o.Payment, err)
		}
	})
}

func TestPlaceRefusesWithASentence(t *testing.T) {
	onBoth(t, func(t *testing.T, s *testShop) {
		for name, change := range map[string]func(*Order){
			"no name":             func(o *Order) { o.Customer = " " },
			"a name of two lines": func(o *Order) { o.Customer = "Ada\r\nBcc: all@example.com" },
			"no address":          func(o *Order) { o.Email = "ada" },
			"two addresses":       func(o *Order) { o.Email = "ada@example.com, eve@example.com" },
			"nothing":             func(o *Order) { o.Quantity = 0 },
			"too much":            func(o *Order) { o.Quantity = 100 },
			"an unknown product":  func(o *Order) { o.Product = "yacht" },
			"a photo elsewhere":   func(o *Order) { o.Photo = "../shop.db" },
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
	})
}

func TestPaymentThatIsRefusedIsNotTriedAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *testShop) {
		for status, again := range map[int]bool{http.StatusPaymentRequired: false, http.StatusTooManyRequests: true, http.StatusBadGateway: true} {
			s.answer = status
			_, err := s.askPayment(t.Context(), Bill{1, 100})
			if err == nil || errors.Is(err, errRefused) == again {
				t.Errorf("status %d: %v; want that it is tried again: %v", status, err, again)
			}
		}
	})
}

func TestAnOrderIsWorkedToItsEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, s *testShop) {
		o := poster
		o.Photo = "lake.jpg"
		s.place(t, o)
		if _, err := s.RequestExport(t.Context(), false, "parquet"); err != nil {
			t.Fatal(err)
		}
		if _, err := ImportPast.Enqueue(t.Context(), s.App, Past{12_345}); err != nil {
			t.Fatal(err)
		}
		if _, err := Report.Enqueue(t.Context(), s.App, Day{time.Now().UTC().Format(time.DateOnly)}); err != nil {
			t.Fatal(err)
		}
		s.work(t)
		past, err := s.RequestExport(t.Context(), true, "csv")
		if err != nil {
			t.Fatal(err)
		}
		s.work(t)

		if file, err := s.Orders.Wait(t.Context(), s.App, past.ID); err != nil || file.Rows != 12_345 {
			t.Errorf("the export of former years has %d rows, %v; want 12,345", file.Rows, err)
		}
		if o, err := s.order(t.Context(), 1); err != nil || o.Payment != "done" || o.Charged != 3900 || o.Receipt != "R-1" {
			t.Errorf("the order is %+v, %v; want it paid", o, err)
		}
		if events := s.events(t); events != "order.charge order.place order.reserve" {
			t.Errorf("audit entries are %q", events)
		}
		if _, err := os.Stat(s.ThumbnailPath(1)); err != nil {
			t.Error(err)
		}
		var earned int64
		if err := s.DB.QueryRow(`SELECT cents FROM earnings WHERE order_id = 1`).Scan(&earned); err != nil || earned != 1560 {
			t.Errorf("the supplier has earned %d, %v; want 40 %% of 3900", earned, err)
		}
		if list, err := notify.Inbox(t.Context(), s.App, poster.Email); err != nil || len(list.Items) != 1 || list.Items[0].Title != "Order 1 is paid" {
			t.Errorf("the customer was told %+v, %v; want that it is paid", list, err)
		}
		var orders, cents int64
		if err := s.DB.QueryRow(`SELECT orders, cents FROM reports`).Scan(&orders, &cents); err != nil || orders != 1 || cents != 3900 {
			t.Errorf("the report has %d orders of %d cents, %v", orders, cents, err)
		}
		if mails, err := os.ReadDir(s.Path("mail")); err != nil || len(mails) != 4 {
			t.Errorf("%d mails, %v; want a confirmation, a report and two exports", len(mails), err)
		}
	})
}

func TestADayOfDeliveryThatTheCustomerWantsStays(t *testing.T) {
	onBoth(t, func(t *testing.T, s *testShop) {
		s.place(t, poster)
		o := poster
		o.Deliver = "2030-12-24"
		s.place(t, o)
		s.work(t)
		if o, err := s.order(t.Context(), 1); err != nil || o.Deliver == "" {
			t.Errorf("a day that was left to the shop is %q, %v", o.Deliver, err)
		}
		if o, err := s.order(t.Context(), 2); err != nil || o.Deliver != "2030-12-24" {
			t.Errorf("the day that was asked for is %q, %v now", o.Deliver, err)
		}
	})
}

func TestASessionCanNotBeMadeUp(t *testing.T) {
	s := newTestShop(t, "")
	w := httptest.NewRecorder()
	s.signIn(w, "ada@example.com")
	good := w.Result().Cookies()[0]
	for _, test := range []struct{ value, want string }{
		{good.Value, "ada@example.com"}, {"", ""}, {".", ""}, {"!." + good.Value, ""}, {"YQ" + good.Value, ""}, {good.Value + "x", ""}, {strings.Split(good.Value, ".")[0], ""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: test.value})
		if got := s.customerOf(r); got != test.want {
			t.Errorf("cookie %q is that of %q, want %q", test.value, got, test.want)
		}
	}
}

func TestReserveTakesFromTheStock(t *testing.T) {
	onBoth(t, func(t *testing.T, s *testShop) {
		if _, err := s.DB.Exec(`UPDATE products SET stock = 3 WHERE name = 'poster'`); err != nil {
			t.Fatal(err)
		}
		s.place(t, poster)
		s.place(t, poster)
		s.work(t)
		var stock int
		if err := s.DB.QueryRow(`SELECT stock FROM products WHERE name = 'poster'`).Scan(&stock); err != nil || stock != 1 {
			t.Errorf("stock is %d, %v; want 1, since 2 of 3 posters were there", stock, err)
		}
		refused, err := s.App.Jobs(t.Context(), offload.Filter{Tasks: []string{"reserve"}, States: []offload.State{offload.Discarded}})
		if err != nil || len(refused) != 1 || !strings.Contains(refused[0].Error, "fewer than 2 of poster") {
			t.Errorf("refused are %v, %v; want one, with the reason", refused, err)
		}
	})
}

// A testShop is a shop whose services answer in this process.
type testShop struct {
	*Shop
	answer int // of the payment service
}

func onBoth(t *testing.T, f func(t *testing.T, s *testShop)) {
	t.Run("sqlite", func(t *testing.T) { f(t, newTestShop(t, "")) })
	t.Run("postgres", func(t *testing.T) { f(t, newTestShop(t, testpg.URL(t))) })
}

func newTestShop(t *testing.T, database string) *testShop {
	t.Helper()
	s := &testShop{answer: http.StatusOK}
	services := http.NewServeMux()
	services.HandleFunc("POST /charges", func(w http.ResponseWriter, r *http.Request) {
		var b Bill
		if err := json.NewDecoder(r.Body).Decode(&b); err != nil || r.Header.Get("Idempotency-Key") == "" {
			t.Errorf("charged %+v, %v, key %q", b, err, r.Header.Get("Idempotency-Key"))
		}
		w.WriteHeader(s.answer)
		_ = json.NewEncoder(w).Encode(Receipt{"R-1", b.Cents})
	})
	services.HandleFunc("POST /orders", func(http.ResponseWriter, *http.Request) {})
	server := httptest.NewServer(services)
	t.Cleanup(server.Close)

	dir := t.TempDir()
	writePhoto(t, dir)
	var err error
	s.Shop, err = Open(t.Context(), Settings{
		Dir: dir, Database: database, Address: "http://shop.example", Key: make([]byte, 32),
		Mail: mail.Keep{Dir: dir + "/mail"}, Payment: server.URL, Hooks: webhook.New(webhook.AllowPrivate(), webhook.Ports()),
		Push: push.Keep{}, SMS: sms.Keep{},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.SetSupplier(t.Context(), server.URL+"/orders"); err != nil {
		t.Fatal(err)
	}
	return s
}

func writePhoto(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir+"/photos", 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(dir + "/photos/lake.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(jpeg.Encode(file, image.NewGray(image.Rect(0, 0, 80, 60)), nil), file.Close()); err != nil {
		t.Fatal(err)
	}
}

func (s *testShop) place(t *testing.T, o Order) Order {
	t.Helper()
	placed, err := s.Place(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return placed
}

// work works the shop's jobs until none is left.
func (s *testShop) work(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var working sync.WaitGroup
	working.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer working.Wait()
	defer stop()
	for {
		left, err := s.Unfinished(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("%d things are left", left)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *testShop) states(t *testing.T) map[string]offload.State {
	t.Helper()
	jobs, err := s.App.Jobs(t.Context(), offload.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]offload.State{}
	for _, job := range jobs {
		states[job.Task] = job.State
	}
	return states
}

// events are the audit entries of order 1.
func (s *testShop) events(t *testing.T) string {
	t.Helper()
	rows, err := s.Trail.Search(t.Context(), audit.Query{Type: "order", ID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	for _, r := range rows {
		events = append(events, r.Action)
	}
	slices.Sort(events)
	return strings.Join(events, " ")
}
