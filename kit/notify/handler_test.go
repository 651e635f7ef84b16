package notify_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/kit/notify"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

func newHandler(t *testing.T, app *offload.App) *notify.Handler {
	t.Helper()
	h, err := notify.NewHandler(app, "/notices/", func(r *http.Request) string { return r.Header.Get("X-Person") })
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(t *testing.T, h http.Handler, method, path, person string, form url.Values, more ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(form.Encode()))
	r.Header.Set("X-Person", person)
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func unread(t *testing.T, h http.Handler, person string) int {
	t.Helper()
	w := ask(t, h, "GET", "/notices/", person, nil)
	var list notify.List
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != 200 {
		t.Fatalf("the list of %s is %d %s, %v", person, w.Code, w.Body, err)
	}
	return list.Unread
}

func TestHandlerShowsEachTheirOwn(t *testing.T) {
	w := newTown(t, []notify.Kind{shipped(func(k *notify.Kind) { k.Channels = []notify.Channel{notify.InApp} })})
	w.people["bob"] = notify.Who{}
	h := newHandler(t, w.app.App)
	if text := ask(t, h, "GET", "/notices/", "ada", nil).Body.String(); text != `{"unread":0,"items":[]}` {
		t.Errorf("the empty list is %s", text)
	}
	first := w.tell(notify.Notice{})
	w.tell(notify.Notice{})
	bobs := w.tell(notify.Notice{To: "bob"})
	if ada, bob := unread(t, h, "ada"), unread(t, h, "bob"); ada != 2 || bob != 1 {
		t.Errorf("%d and %d are unread, want 2 and 1", ada, bob)
	}
	for _, test := range []struct {
		name, method, path, person string
		form                       url.Values
		more                       []string
		want                       int
		left                       int // unread of ada
	}{
		{"nobody", "GET", "/notices/", "", nil, nil, 401, 2},
		{"older than what is none", "GET", "/notices/?older-than=x", "ada", nil, nil, 400, 2},
		{"older than another", "GET", "/notices/?older-than=" + first.String(), "ada", nil, nil, 200, 2},
		{"nobody reads", "POST", "/notices/read", "", nil, nil, 401, 2},
		{"nobody is a text with lines", "GET", "/notices/", "a\nb", nil, nil, 401, 2},
		{"another origin", "POST", "/notices/read", "ada", nil, []string{"Sec-Fetch-Site", "cross-site"}, 403, 2},
		{"no id", "POST", "/notices/read", "ada", url.Values{"id": {"7"}}, nil, 400, 2},
		{"too long", "POST", "/notices/read", "ada", url.Values{"id": {strings.Repeat("x", 20_000)}}, nil, 400, 2},
		{"that of bob", "POST", "/notices/read", "ada", url.Values{"id": {bobs.String()}}, nil, 204, 2},
		{"bob sees hers", "POST", "/notices/seen", "bob", url.Values{"id": {first.String()}}, nil, 204, 2},
		{"nothing seen", "POST", "/notices/seen", "ada", nil, nil, 400, 2},
		{"one", "POST", "/notices/read", "ada", url.Values{"id": {first.String()}}, nil, 204, 1},
		{"one again", "POST", "/notices/seen", "ada", url.Values{"id": {first.String()}}, nil, 204, 1},
		{"all", "POST", "/notices/read", "ada", nil, nil, 204, 0},
		{"by GET", "GET", "/notices/read", "ada", nil, nil, 405, 0},
		{"a script", "GET", "/notices/piece/bell.js", "", nil, nil, 200, 0},
		{"another file", "GET", "/notices/piece/bell.txt", "", nil, nil, 404, 0},
	} {
		if w := ask(t, h, test.method, test.path, test.person, test.form, test.more...); w.Code != test.want {
			t.Errorf("%s: answered %d %s, want %d", test.name, w.Code, w.Body, test.want)
		}
		if left := unread(t, h, "ada"); left != test.left {
			t.Errorf("%s: %d are left, want %d", test.name, left, test.left)
		}
	}
	if bob := unread(t, h, "bob"); bob != 1 {
		t.Errorf("bob has %d unread, want 1", bob)
	}
}

func TestPieceIsSafe(t *testing.T) {
	w := newTown(t, []notify.Kind{shipped(func(k *notify.Kind) {
		k.Channels = []notify.Channel{notify.InApp}
		k.Content = notify.Fill(func(context.Context, notify.Who, order) (notify.Content, error) {
			return notify.Content{Title: `<script>alert(1)</script>`, Text: `"><img src=x>`, URL: "https://shop.example/?a=1&b=%22"}, nil
		})
	})})
	w.tell(notify.Notice{})
	h := newHandler(t, w.app.App)
	piece, err := h.Piece(t.Context(), "ada")
	if text := string(piece); err != nil || strings.Contains(text, "<script>alert") || strings.Contains(text, "<img") || !strings.Contains(text, `data-unread="1"`) || !strings.Contains(text, `href="https://shop.example/?a=1&amp;b=%22"`) {
		t.Errorf("the piece is %v\n%s", err, piece)
	}
	if _, err := h.Piece(t.Context(), ""); err == nil {
		t.Error("there is a piece for nobody")
	}
}

func TestStreamTellsWhatIsNew(t *testing.T) {
	w := newTown(t, []notify.Kind{shipped(func(k *notify.Kind) { k.Channels = []notify.Channel{notify.InApp} })})
	server := httptest.NewServer(newHandler(t, w.app.App))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/notices/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Person", "ada")
	r.Header.Set("Accept", "text/event-stream")
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	next := func() (list notify.List) {
		for lines.Scan() {
			if data, is := strings.CutPrefix(lines.Text(), "data: "); is {
				if err := json.Unmarshal([]byte(data), &list); err != nil {
					t.Error(err)
				}
				return list
			}
		}
		t.Fatal("the stream has ended", lines.Err())
		return list
	}
	if list := next(); list.Unread != 0 {
		t.Errorf("it begins with %+v", list)
	}
	id := w.tell(notify.Notice{})
	if list := next(); list.Unread != 1 || list.Items[0].ID != id {
		t.Errorf("then it has %+v", list)
	}
	if err := notify.MarkRead(t.Context(), w.app.App, "ada", id); err != nil {
		t.Error(err)
	}
	if list := next(); list.Unread != 0 || !list.Items[0].Read {
		t.Errorf("then it has %+v", list)
	}
}

func TestListIsBounded(t *testing.T) {
	w := newTown(t, []notify.Kind{shipped(func(k *notify.Kind) { k.Channels = []notify.Channel{notify.InApp} })})
	for i := range 105 {
		w.tell(notify.Notice{Data: notify.Data(order{i})})
	}
	if list := w.wantUnread(100); list.Items[0].Title != "Order 104 has shipped" || list.Items[99].Title != "Order 5 has shipped" {
		t.Errorf("the list is %+v", list)
	}
	if err := notify.Forget(t.Context(), w.app.App, "ada"); err != nil {
		t.Error(err)
	}
	w.wantUnread(0)
}

// TestManyAtOnce lets a real app tell one person much at the same time, while they read.
func TestManyAtOnce(t *testing.T) {
	for name, address := range map[string]func() string{
		"sqlite":   func() string { return filepath.Join(t.TempDir(), "notices.db") },
		"postgres": func() string { return testpg.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			kit, err := notify.New(func(context.Context, string) (notify.Who, error) { return notify.Who{}, nil },
				[]notify.Kind{shipped(func(k *notify.Kind) { k.Channels = []notify.Channel{notify.InApp} })})
			if err != nil {
				t.Fatal(err)
			}
			app, err := offload.Open(t.Context(), address(), kit)
			if err != nil {
				t.Fatal(err)
			}
			defer app.Close()
			ctx, stop := context.WithCancel(t.Context())
			var run sync.WaitGroup
			run.Go(func() { _ = app.Run(ctx) })
			defer run.Wait()
			defer stop()
			var notices []notify.Notice
			for i := range 40 {
				notices = append(notices, notify.Notice{To: "ada", Kind: "order.shipped", Data: notify.Data(order{i}), Key: fmt.Sprint(i / 2)})
			}
			jobs, err := notify.Notify.EnqueueMany(t.Context(), app, notices)
			if err != nil {
				t.Fatal(err)
			}
			for _, job := range jobs {
				if _, err := notify.Notify.Wait(t.Context(), app, job.ID); err != nil {
					t.Error(err)
				}
				if err := notify.MarkRead(t.Context(), app, "ada"); err != nil {
					t.Error(err)
				}
			}
			list, err := notify.Inbox(t.Context(), app, "ada")
			if err != nil || len(list.Items) != 20 || list.Unread != 0 {
				t.Errorf("the list has %d items, %d unread, %v; want 20, all read", len(list.Items), list.Unread, err)
			}
		})
	}
}
