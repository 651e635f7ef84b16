package world

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload/examples/shop"
	"github.com/offloadhq/offload/kit/webhook"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestPaymentFailsOneCallInThree(t *testing.T) {
	p, err := StartPayment(0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	for order := int64(1); order <= 12; order++ {
		for {
			status, got := ask(t, p, shop.Bill{Order: order, Cents: 1950})
			if status == http.StatusServiceUnavailable {
				continue
			}
			if want := (shop.Receipt{Number: ReceiptNumber(order), Cents: 1950}); status != http.StatusOK || got != want {
				t.Errorf("order %d: status %d, receipt %v, want %v", order, status, got, want)
			}
			break
		}
	}
	if called, failed := p.Counts(); called != 18 || failed != 6 {
		t.Errorf("failed %d of %d calls, want 6 of 18", failed, called)
	}
	if status, _ := ask(t, p, shop.Bill{Order: 1}); status != http.StatusBadRequest {
		t.Errorf("a charge of nothing: status %d, want 400", status)
	}
	p.Fail(time.Hour)
	if status, _ := ask(t, p, shop.Bill{Order: 6, Cents: 1}); status != http.StatusServiceUnavailable {
		t.Errorf("while it is down: status %d, want 503", status)
	}
}

func ask(t *testing.T, p *Payment, b shop.Bill) (status int, r shop.Receipt) {
	t.Helper()
	body, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), "POST", p.Address+"/charges", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Idempotency-Key", ReceiptNumber(b.Order))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		if err := json.NewDecoder(response.Body).Decode(&r); err != nil {
			t.Fatal(err)
		}
	}
	return response.StatusCode, r
}

func TestSupplierTakesNothingThatTheShopHasNotSigned(t *testing.T) {
	dir := t.TempDir()
	s, err := StartSupplier(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	for _, trusts := range []bool{false, true} {
		if trusts {
			s.Trust(webhook.NewSecret())
		}
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := client.Post(s.Address, "application/json", strings.NewReader(`{"type":"order.placed"}`))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode/100 == 2 {
			t.Errorf("trusts %v: status %d", trusts, response.StatusCode)
		}
	}
	if kept, err := os.ReadDir(dir); err != nil || len(kept) != 0 {
		t.Errorf("kept %v, %v; want nothing", kept, err)
	}
}

func TestMadePhotosAreMadeOnce(t *testing.T) {
	dir := t.TempDir()
	paths, err := MakePhotos(t.Context(), dir, image.Pt(320, 240))
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := MakePhotos(t.Context(), dir, image.Pt(320, 240)); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(paths[0])
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the photo was made again (%v)", err)
	}
	found, err := findPhotos(dir)
	if err != nil || !slices.Equal(found, paths) {
		t.Errorf("findPhotos = %v, %v; want %v", found, err, paths)
	}
	if _, err := findPhotos(t.TempDir()); err == nil {
		t.Error("findPhotos in an empty directory: no error")
	}
}

func TestAFileThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	boom := errors.New("disk full")
	if err := WriteFile(filepath.Join(dir, "x.csv"), func(io.Writer) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("WriteFile = %v, want %v", err, boom)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v; want nothing", left, err)
	}
}
