package browser

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/offloadhq/offload/internal/docs"
)

// pushWorld is what a service worker and its page have around them, as far as the scripts of docs/push.md need it. It runs them, and says what they
// have shown, opened and sent.
const pushWorld = `async (worker, page) => {
	const listens = {}, done = [], waits = [];
	const self = {
		addEventListener: (name, f) => { listens[name] = f },
		registration: { showNotification: async (title, options) => { done.push("shows " + title + ", " + options.body + ", " + options.tag); self.shown = options } },
	};
	const clients = { openWindow: async (url) => { done.push("opens " + url) } };
	const navigator = {
		setAppBadge: (n) => { done.push("badge " + n) },
		serviceWorker: { register: async (path) => ({ pushManager: { subscribe: async (o) => ({ endpoint: path + " " + o.applicationServerKey, visible: o.userVisibleOnly }) } }) },
	};
	const fetch = async (path, o) => { done.push(o.method + " " + path + " " + o.body) };
	const event = (more) => ({ waitUntil: (p) => waits.push(p), ...more });
	const AsyncFunction = (async () => {}).constructor;
	await new AsyncFunction("navigator", "fetch", "PUBLIC_KEY", page)(navigator, fetch, "KEY");
	new Function("self", "clients", "navigator", worker)(self, clients, navigator);
	listens.push(event({ data: { json: () => ({ web_push: 8030, app_badge: 3, notification: { title: "Your order", body: "It is on its way.", tag: "order-7", navigate: "https://shop.example/orders/7" } }) } }));
	listens.push(event({ data: { json: () => ({ data: { order: "7" } }) } }));
	await Promise.all(waits);
	listens.notificationclick(event({ notification: { close: () => done.push("closes"), data: { url: "https://shop.example/orders/7" } } }));
	await Promise.all(waits);
	return done;
}`

// The scripts of the guides run in a browser.
func TestScriptsOfTheGuides(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED GROUP browser: chromium is not installed")
	}
	found := map[string][]string{}
	guides, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, guide := range guides {
		text, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		blocks, _ := docs.Blocks("docs/"+filepath.Base(guide), string(text))
		for _, b := range blocks {
			if b.Lang == "js" {
				found[b.File] = append(found[b.File], b.Text)
			}
		}
	}
	if len(found) != 1 || len(found["docs/push.md"]) != 2 {
		t.Fatalf("scripts are in %v; this test knows the two of docs/push.md", found)
	}

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<!doctype html><title>Guides</title><main id=main></main>"))
	}))
	t.Cleanup(server.Close)
	at, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), Options(chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()))...)
	t.Cleanup(cancel)
	at, cancel = chromedp.NewContext(at)
	t.Cleanup(cancel)
	v := &visit{T: t, ctx: at, base: server.URL}
	v.complaints()
	v.do(chromedp.EmulateViewport(narrow.width, narrow.height))
	v.open("/")
	page, worker := found["docs/push.md"][0], found["docs/push.md"][1]
	done := get(v, chromedp.Evaluate[[]string]("("+pushWorld+")("+quoted(worker)+","+quoted(page)+")", chromedp.EvalAwaitPromise))
	want := []string{
		`POST /devices {"endpoint":"/worker.js KEY","visible":true}`, "badge 3", "shows Your order, It is on its way., order-7", "shows News, undefined, undefined",
		"closes", "opens https://shop.example/orders/7",
	}
	if got := strings.Join(done, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("the scripts did\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// quoted is a text as JavaScript has it.
func quoted(text string) string {
	b, _ := json.Marshal(text) // of a string
	return string(b)
}
