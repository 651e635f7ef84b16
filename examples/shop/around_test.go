package shop

import (
	"errors"
	"image"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wneessen/go-mail"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestMailGoesThroughSMTPAndIsKeptOnce(t *testing.T) {
	server := mailServerIn(t, t.TempDir())
	s := &Shop{Settings: Settings{Mail: server.Address}}
	attachment := []byte("a,b\n\"ü\r\n\x00\xff\",2\n")
	path := filepath.Join(t.TempDir(), "orders-1.csv")
	if err := os.WriteFile(path, attachment, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		m, err := newMail("order-7", "lukasz@example.net", "Zamówienie 7")
		if err != nil {
			t.Fatal(err)
		}
		m.SetBodyString(mail.TypeTextPlain, "Dear Łukasz, 3 × poster\n")
		m.AttachFile(path)
		if err := s.send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}

	mails, err := readMails(server.dir)
	if err != nil || len(mails) != 1 {
		t.Fatalf("readMails = %d mails, %v; want one", len(mails), err)
	}
	got := mails[0]
	if got.id != "order-7" || got.to != "lukasz@example.net" || got.deliveredTo != "lukasz@example.net" || got.subject != "Zamówienie 7" {
		t.Errorf("got %+v", got)
	}
	if !slices.Equal(got.attached["orders-1.csv"], attachment) {
		t.Errorf("attached %q, want %q", got.attached["orders-1.csv"], attachment)
	}
	if got.text != "Dear Łukasz, 3 × poster\r\n" {
		t.Errorf("text %q", got.text)
	}
}

func TestMailNameIsSafe(t *testing.T) {
	for _, id := range []string{"<../../etc/passwd@x>", "", "<@x>", "<A b@x>"} {
		name := mailName([]byte("Message-Id: " + id + "\r\n\r\n"))
		if len(name) != len("00000000-0000-0000-0000-000000000000.eml") {
			t.Errorf("Message-Id %q: named %q, want a random name", id, name)
		}
	}
}

func TestPaymentServiceFailsOneCallInThree(t *testing.T) {
	p, err := startPaymentService()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	s := &Shop{Settings: Settings{Payment: p.Address}, web: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	for order := int64(1); order <= 12; order++ {
		for {
			got, err := s.askPayment(t.Context(), charge{order, 1950})
			if errors.Is(err, errRefused) {
				t.Fatal(err)
			}
			if err == nil {
				if want := (receipt{receiptNumber(order), 1950}); got != want {
					t.Errorf("order %d: receipt %v, want %v", order, got, want)
				}
				break
			}
		}
	}
	if called, failed := p.Counts(); called != 18 || failed != 6 {
		t.Errorf("failed %d of %d calls, want 6 of 18", failed, called)
	}
	if _, err := s.askPayment(t.Context(), charge{Order: 1}); !errors.Is(err, errRefused) {
		t.Errorf("a charge of nothing: %v, want it refused", err)
	}
}

func TestMadePhotosAreMadeOnce(t *testing.T) {
	dir := t.TempDir()
	paths, err := makePhotos(t.Context(), dir, image.Pt(320, 240))
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := makePhotos(t.Context(), dir, image.Pt(320, 240)); err != nil {
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
	if err := writeFile(filepath.Join(dir, "x.csv"), func(io.Writer) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("writeFile = %v, want %v", err, boom)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v; want nothing", left, err)
	}
}

func mailServerIn(t *testing.T, dir string) *mailServer {
	t.Helper()
	server, err := startMailServer(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}
