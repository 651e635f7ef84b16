package browser

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "renew the outlines in testdata/stories")

// Each page has the structure that it had: elements, classes, roles and names of fields, without texts and what time
// changes, and what is alike beside each other once. make golden renews what differs.
func TestStories(t *testing.T) {
	t.Parallel()
	v := browse(t, wide, noScripts())
	ids := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16}`)
	const dir = "testdata/stories"
	for i, path := range v.pages() {
		name := strings.Trim(regexp.MustCompile(`[^a-z0-9-]+`).ReplaceAllString(ids.ReplaceAllString(path, "id"), "-"), "-")
		if name == "" {
			name = "overview"
		}
		if strings.HasPrefix(name, "jobs-id") {
			name += "-" + string(rune('a'+i%26)) // one for each kind of job
		}
		v.open(path)
		got := get(v, chromedp.Evaluate[string](outline))
		file := filepath.Join(dir, name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		} else if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s has another structure (-want +got); make golden renews it:\n%s", path, diff)
		}
	}
}

// outline is the structure of the page's main part. In rows and lists, what differs is sorted, as their order is chance.
const outline = `(() => {
  const states = ["scheduled", "available", "blocked", "running", "retryable", "completed", "discarded", "cancelled", "expired", "busy", "bad"];
  const shown = (e) => {
    let text = e.localName;
    if (e.id && !/[0-9]|^[a-z]-/.test(e.id)) text += "#" + e.id;
    for (const c of [...e.classList].filter((c) => !states.includes(c)).sort()) text += "." + c;
    for (const name of ["type", "name", "role", "scope"]) {
      const value = e.getAttribute(name);
      if (value !== null) text += "[" + name + "=" + value + "]";
    }
    return text;
  };
  const of = (e, depth) => {
    const line = "  ".repeat(depth) + shown(e) + "\n";
    if (e.matches(".tree, .log, datalist, table td .acts, figure")) return line;
    let parts = [...e.children].filter((c) => !c.matches("svg, time, small, a:has(.state), .none, .soft, .n, .when, .wrong, .tag")).map((c) => of(c, depth + 1));
    if (e.matches("tbody, ul, ol, dl, .cards, .found, select")) parts = [...new Set(parts)].sort();
    else parts = parts.filter((p, i) => p !== parts[i - 1]);
    return line + parts.join("");
  };
  return of(document.getElementById("main"), 0);
})()`
