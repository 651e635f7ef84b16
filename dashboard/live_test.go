package dashboard

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

// counting is a store that counts how often errors are listed.
type counting struct {
	store.Store
	errors atomic.Int64
}

func (c *counting) ErrorGroups(ctx context.Context, q store.GroupQuery) ([]store.ErrorGroup, error) {
	c.errors.Add(1)
	return c.Store.ErrorGroups(ctx, q)
}

// watch opens live pages for so long, each asked for by the name of who looks, and returns what each was sent.
func watch(h http.Handler, length time.Duration, path string, names ...string) []string {
	ctx, cancel := context.WithCancel(context.Background())
	sent := make([]string, len(names))
	var open sync.WaitGroup
	for i, name := range names {
		open.Go(func() {
			time.Sleep(time.Duration(i) * 70 * time.Millisecond) // they come one after the other
			r := httptest.NewRequestWithContext(ctx, "GET", path, nil)
			r.Header.Set("Accept", "text/event-stream")
			r.Header.Set("Name", name)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			sent[i] = w.Body.String()
		})
	}
	time.Sleep(length)
	cancel()
	open.Wait()
	return sent
}

// byName lets in whoever gives a name.
func byName(role Role) Option {
	return Auth(func(r *http.Request) (string, Role) { return r.Header.Get("Name"), role })
}

// open returns an app on a store in memory that counts.
func open(t *testing.T) (*offload.App, *counting) {
	t.Helper()
	s := &counting{Store: memory.New()}
	app, err := offload.New(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() })
	return app, s
}

func TestPageIsReadOnceForAllWhoLookAtIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, s := open(t)
		names := []string{"ada", "eve", "bob", "kim", "lea", "max", "tom", "una", "vic", "zoe"}
		sent := watch(New(app, byName(Operator)), 20*time.Second, "/errors?status=all", names...)
		if n := s.errors.Load(); n < 20 || n > 33 {
			t.Errorf("errors were listed %d times in 20 s; want about once a second for the page, and each 2 s for the head", n)
		}
		for i, name := range names {
			head, main, _ := strings.Cut(sent[i], "event: main")
			if !strings.Contains(head, ">"+name+"<") || main == "" {
				t.Errorf("%s was sent %q", name, sent[i])
			}
			for _, other := range names {
				if other != name && strings.Contains(sent[i], ">"+other+"<") {
					t.Errorf("%s was shown the name of %s", name, other)
				}
			}
		}
	})
}

func TestPageIsMadeForEachRoleAndZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := open(t)
		h := New(app, Auth(func(r *http.Request) (string, Role) { return "ada", Role(r.Header.Get("Name")) }))
		if err := operate.As(app, "eve").PauseQueue(t.Context(), "mail"); err != nil {
			t.Fatal(err)
		}
		sent := watch(h, 3*time.Second, "/queues", string(Viewer), string(Operator))
		if strings.Contains(sent[0], "/queues/resume") || !strings.Contains(sent[1], "/queues/resume") {
			t.Errorf("a viewer was sent %q, an operator %q; want the button for the operator only", sent[0], sent[1])
		}
	})
}

func TestPageThatHasNotChangedIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := open(t)
		if err := operate.As(app, "eve").PauseQueue(t.Context(), "mail"); err != nil {
			t.Fatal(err)
		}
		h := New(app, byName(Operator))
		before := ask(h, "GET", "/operations", nil, "Name", "ada").Body.String()
		sent := watch(h, 20*time.Second, "/operations", "ada")[0]
		if after := ask(h, "GET", "/operations", nil, "Name", "ada").Body.String(); after == before {
			t.Error("the page says nothing of how long ago it was")
		}
		if n := strings.Count(sent, "event: main"); n != 1 {
			t.Errorf("a page on which nothing but time went on was sent %d times; want once", n)
		}
	})
}

func TestLivePageGoesOnWhenAnotherLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := open(t)
		h := New(app, byName(Operator))
		var both sync.WaitGroup
		both.Go(func() { watch(h, 2500*time.Millisecond, "/queues", "ada") })
		var sent string
		both.Go(func() { sent = watch(h, 10*time.Second, "/queues", "eve")[0] })
		time.Sleep(5 * time.Second)
		if err := operate.As(app, "bob").PauseQueue(t.Context(), "mail"); err != nil {
			t.Fatal(err)
		}
		both.Wait()
		if !strings.Contains(sent, "paused") {
			t.Errorf("was sent %q, and not that the queue is paused", sent)
		}
	})
}
