package browser

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/madeup"
	"github.com/offloadhq/offload/operate"
)

// axe is axe-core 4.14.1 (https://github.com/dequelabs/axe-core), MPL-2.0: see testdata/axe-license.txt.
//
//go:embed testdata/axe.min.js
var axe string

// pages are the addresses of all kinds of pages.
func (v *visit) pages() []string {
	v.Helper()
	all := []string{
		"/", "/?within=7d", "/jobs", "/jobs?q=task:pay&queue=payments", "/jobs?state=expired&key=none", "/retries", "/scheduled", "/discarded", "/jobs/new", "/jobs?state=gone",
		"/workflows", "/queues", "/limits", "/schedules", "/schedules/of/nightly", "/schedules/set?name=by-hand", "/processes", "/operations", "/settings", "/find", "/errors", "/jobs/new?task=thumbnail", "/nowhere",
	}
	for _, f := range []offload.Filter{
		{Tasks: []string{"export"}},
		{Tasks: []string{"pay"}, Search: "nil pointer"},
		{Tasks: []string{"strange"}, States: []offload.State{offload.Retryable}},
		{Tasks: []string{"strange"}, States: []offload.State{offload.Completed}},
		{Tasks: []string{"mail"}, States: []offload.State{offload.Blocked}},
		{States: []offload.State{offload.Scheduled}},
	} {
		id := v.job(f).ID.String()
		all = append(all, "/jobs/"+id)
		if f.Search != "" {
			all = append(all, "/jobs/new?from="+id)
		}
	}
	o := operate.As(v.app, "test")
	flows, err := o.Flows(v.Context(), offload.ID{}, 1)
	if err != nil {
		v.Fatal(err)
	}
	processes, err := o.Processes(v.Context())
	if err != nil {
		v.Fatal(err)
	}
	groups, err := madeup.Errors(v.Context(), v.app, 5)
	if err != nil {
		v.Fatal(err)
	}
	slices.SortFunc(groups, func(a, b operate.ErrorGroup) int { return cmp.Compare(a.Title, b.Title) })
	return append(all, "/errors/"+groups[0].Group, "/workflows/"+flows[0].String(), "/processes/"+processes[0].ID.String())
}

// No page is wider than the window, at any width.
func TestPagesFit(t *testing.T) {
	t.Parallel()
	v := browse(t, wide)
	for _, s := range []size{{360, 800}, middle} {
		v.do(chromedp.EmulateViewport(s.width, s.height))
		for _, path := range v.pages() {
			v.open(path)
			if n := get(v, chromedp.Evaluate[int64]("document.documentElement.scrollWidth")); n > s.width {
				t.Errorf("%s is %d wide in a window of %d: %s", path, n, s.width, get(v, chromedp.Evaluate[string](widest)))
			}
		}
	}
}

// widest names what reaches farthest out of the window.
const widest = `(() => {
  let far = document.body, most = 0;
  for (const e of document.body.querySelectorAll("*")) {
    if (e.closest(".scroll, .figures, pre, .log") && !e.matches(".scroll, .figures, pre, .log")) continue;
    const right = e.getBoundingClientRect().right;
    if (right > most) [far, most] = [e, right];
  }
  return far.outerHTML.slice(0, 200);
})()`

// What a browser with nothing kept loads for a page stays under 150 kB, whether or not something compresses it on the way.
func TestPagesAreLight(t *testing.T) {
	t.Parallel()
	v := browse(t, wide)
	const most = 150_000
	for _, path := range v.pages()[:12] {
		if _, err := chromedp.Call(v.ctx, network.ClearBrowserCache, cdp.Empty{}); err != nil {
			t.Fatal(err)
		}
		v.open(path)
		got := get(v, chromedp.Evaluate[[]float64](loaded, chromedp.EvalAwaitPromise))
		t.Logf("%s: %.0f bytes in %.0f answers, first paint after %.0f ms", path, got[0], got[1], got[2])
		if got[0] > most {
			t.Errorf("%s loads %.0f bytes, more than %d", path, got[0], most)
		}
	}
}

// loaded is how much was loaded for a page, in how many answers, and when it was first painted.
const loaded = `(async () => {
  const paint = await new Promise((done) => new PerformanceObserver((list) => done(list.getEntries()[0])).observe({type: "paint", buffered: true}));
  const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return [all.reduce((sum, e) => sum + e.transferSize, 0), all.length, paint.startTime];
})()`

// Everybody can use the pages: WCAG 2.2 AA as far as a program can tell.
func TestPagesAreAccessible(t *testing.T) {
	rules := map[string]string{ // what differs in the dark are colours
		"light": `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`,
		"dark":  `{type: "rule", values: ["color-contrast"]}`,
	}
	for scheme, only := range rules {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			v := browse(t, wide)
			if err := Scheme(v.ctx, scheme); err != nil {
				t.Fatal(err)
			}
			for _, path := range v.pages() {
				v.open(path)
				v.do(chromedp.Evaluate[chromedp.Void](axe))
				for _, wrong := range get(v, chromedp.Evaluate[[]string](fmt.Sprintf(violations, only), chromedp.EvalAwaitPromise)) {
					t.Errorf("%s: %s", path, wrong)
				}
			}
		})
	}
}

const violations = `axe.run(document, {runOnly: %s}).then((r) =>
  r.violations.map((v) => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200) + " " + n.failureSummary).join(" | ")))`

// What names and texts have in them is shown, and never done.
func TestTextsDoNothing(t *testing.T) {
	t.Parallel()
	v := browse(t, wide)
	for _, path := range v.pages() {
		v.open(path)
		title := get(v, chromedp.Title())
		if strings.Contains(title, "broken") || !strings.HasSuffix(title, "offload") {
			t.Errorf("%s: the title is %q", path, title)
		}
		if n := get(v, chromedp.Evaluate[int](`document.querySelectorAll("main script, main iframe, main [style], main [onclick]").length`)); n > 0 {
			t.Errorf("%s has %d elements that no page has", path, n)
		}
	}
}

// The dashboard is dark by the system's choice, and by a person's.
func TestDark(t *testing.T) {
	t.Parallel()
	v := browse(t, wide)
	paper := func() string {
		return get(v, chromedp.Evaluate[string]("getComputedStyle(document.documentElement).backgroundColor"))
	}
	v.open("/settings")
	light := paper()
	v.click(`input[name=theme][value=dark]`)
	v.press("Save for this browser")
	v.sees("Saved for this browser.")
	if dark := paper(); dark == light {
		t.Errorf("the page is %s still", dark)
	}
}
