package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// workIn makes this test binary a worker of a demo in a directory.
const workIn = "OFFLOAD_TEST_WORK_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(workIn); dir != "" {
		if err := Work(context.Background(), dir, os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func TestAnOrderSurvivesTheDeathOfTheWorker(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	addresses := make(chan string, 1)
	out := writerFunc(func(text []byte) {
		if _, after, found := bytes.Cut(text, []byte("The shop is open at ")); found {
			address, _, _ := bytes.Cut(after, []byte(","))
			addresses <- string(address)
		}
	})
	worker := func(dir string) *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), workIn+"="+dir)
		return cmd
	}
	dir := t.TempDir()
	var running sync.WaitGroup
	running.Go(func() {
		defer close(addresses)
		if err := Run(ctx, Options{Dir: dir, Out: out, Worker: worker, camera: small}); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	defer running.Wait()
	defer stop()
	base, ok := <-addresses
	if !ok {
		t.Fatal("the shop did not open")
	}

	page := &browser{T: t, base: base, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	page.until("/", `class="state done"`) // the first order has come in by itself: a worker is there
	page.post(benchPath+"worker", nil)
	page.until(benchPath, "The worker was killed")
	order := page.post("/orders", url.Values{"customer": {"Ada"}, "email": {"ada@example.com"}, "product": {"poster"}, "quantity": {"2"}})
	page.until(order, "Receipt R-")
}

// A browser looks at pages.
type browser struct {
	*testing.T
	base   string
	client *http.Client
}

// until asks for a page until it says something.
func (b *browser) until(path, says string) {
	b.Helper()
	for {
		response, err := b.client.Get(b.base + path)
		if err != nil {
			b.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			b.Fatal(err)
		}
		if strings.Contains(string(text), says) {
			return
		}
		select {
		case <-b.Context().Done():
			b.Fatalf("%s does not say %q", path, says)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// post sends a form, and returns the path of the page that it leads to.
func (b *browser) post(path string, form url.Values) string {
	b.Helper()
	response, err := b.client.PostForm(b.base+path, form)
	if err != nil {
		b.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		b.Fatalf("POST %s: status %d", path, response.StatusCode)
	}
	return response.Request.URL.Path
}
