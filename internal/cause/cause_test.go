package cause_test

import (
	"fmt"
	"runtime/debug"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/offloadhq/offload/internal/cause"
	"github.com/offloadhq/offload/internal/seal"
)

func TestNormal(t *testing.T) {
	for _, test := range []struct{ message, want string }{
		{"", ""},
		{"connection refused", "connection refused"},
		{"order 4711 not found", "order <n> not found"},
		{"took 1.5s of 30s", "took <n>.<n>s of <n>s"},
		{`no such user "ada": can't go on`, `no such user "…": can't go on`},
		{`field 'name' isn't set`, `field "…" isn't set`},
		{`say "a \" b" twice`, `say "…" twice`},
		{`it said "no end`, `it said "no end`},
		{"dial tcp 10.0.0.7:5432: connect: connection refused", "dial tcp <addr>: connect: connection refused"},
		{"dial tcp [::1]:80: refused", "dial tcp <addr>: refused"},
		{"lookup db.example.com:5432: no such host", "lookup <addr>: no such host"},
		{"mail to ada@example.com bounced", "mail to <email> bounced"},
		{"GET https://example.com/a?token=xyz: 404", "GET <url>: <n>"},
		{"job 0195f2a0-5a3c-7def-8000-000000000001 is gone", "job <id> is gone"},
		{"commit 9f86d081884c7d65 (deadbeef01)", "commit <id> (<id>)"},
		{"at 0xc000123456", "at <n>"},
		{"since 2026-11-26T17:44:37Z", "since <time>"},
		{"key 01JDKQ8Z0V3X5Y7A9BCDEFGHJK", "key <id>"},
		{"main.go:17: broken", "main.go:<n>: broken"},
		{"two\n\n  lines\t1", "two lines <n>"},
		{"a\x00b \xff", "a\ufffdb \ufffd"},
		{"secret •••", "secret •••"},
		{"user=42 [7]", "user=<n> [<n>]"},
	} {
		if got := cause.Normal(test.message); got != test.want {
			t.Errorf("Normal(%q) = %q, want %q", test.message, got, test.want)
		}
	}
}

func TestNormalIsShort(t *testing.T) {
	got := cause.Normal(strings.Repeat("wörd ", 2000))
	if len(got) > 300 || !utf8.ValidString(got) || !strings.HasPrefix(got, "wörd wörd") {
		t.Errorf("10 kB became %d bytes: %q", len(got), got)
	}
}

//go:noinline
func fails(i int) int { return []int{}[i] }

// caught is the stack of a panic of f, as the app keeps it.
func caught(f func()) (stack string) {
	defer func() {
		_ = recover()
		stack = string(debug.Stack())
	}()
	f()
	return ""
}

func TestTopFrame(t *testing.T) {
	for _, test := range []struct {
		name  string
		stack string
		want  string
	}{
		{"of an index", caught(func() { fails(3) }), "github.com/offloadhq/offload/internal/cause_test.fails"},
		{"without a stack", "", ""},
		{"of something else", "goroutine 1 [running]:\nmain.main()\n", ""},
		{"in a library", "goroutine 7 [running]:\nruntime/debug.Stack()\n\t/go/src/runtime/debug/stack.go:26 +0x5e\n" +
			"github.com/offloadhq/offload.run.func1()\n\t/x/task.go:246 +0x1\npanic({0x1, 0x2})\n\t/go/src/runtime/panic.go:787 +0x1\n" +
			"runtime.panicmem(...)\n\t/go/src/runtime/panic.go:262\nstrings.Repeat({0x1, 0x2}, 0x3)\n\t/go/src/strings/strings.go:1 +0x1\n" +
			"shop.(*Mailer).Send(0xc000012345, {0x1, 0x2})\n\t/shop/mail.go:17 +0x25\n", "shop.(*Mailer).Send"},
	} {
		if got := cause.TopFrame(test.stack); got != test.want {
			t.Errorf("%s: TopFrame = %q, want %q", test.name, got, test.want)
		}
	}
}

func TestOf(t *testing.T) {
	a := cause.Failure{Task: "mail", Kind: "*net.OpError", Error: "order 1 failed"}
	alike := func(name string, want bool, change func(*cause.Failure)) {
		b := a
		change(&b)
		if got := cause.Of(a).Group == cause.Of(b).Group; got != want {
			t.Errorf("%s: alike %v, want %v", name, got, want)
		}
	}
	alike("another number", true, func(f *cause.Failure) { f.Error = "order 27 failed" })
	alike("another message", false, func(f *cause.Failure) { f.Error = "order 1 was lost" })
	alike("another task", false, func(f *cause.Failure) { f.Task = "draw" })
	alike("another kind", false, func(f *cause.Failure) { f.Kind = "panic" })
	alike("another frame", false, func(f *cause.Failure) { f.Stack = "x\npanic(1)\n\tfile\nmain.f(0x1)\n\tfile\n" })
	alike("parts that run together", false, func(f *cause.Failure) { f.Task, f.Kind = "mail*", "net.OpError" })
	if got := cause.Of(a).Group; got != "72d711658927de56" {
		t.Errorf("group is %s: it has changed, so that all groups begin anew", got)
	}
	if g := cause.Of(a).Group; !cause.IsGroup(g) || cause.IsGroup(g+"0") || cause.IsGroup(strings.ToUpper(g[:15])+"G") {
		t.Errorf("IsGroup is wrong of %s", g)
	}
}

func TestOfSealedTellsNothing(t *testing.T) {
	for i, f := range []cause.Failure{
		{Task: "mail", Kind: "test", Error: "ada owes much", Input: seal.JSON("v1.job.k.AAAA" + strings.Repeat("A", 5000))[:cause.InputHead]},
		{Task: "mail", Kind: "test", Error: "bob owes less", Input: []byte(` { "offload:sealed": "v1` + "\"}")},
		{Task: "mail", Kind: "test", Error: seal.Text("v1.job.k.AAAA")},
	} {
		c := cause.Of(f)
		if !c.Sealed || c.Title != "" || c.Group != cause.Of(cause.Failure{Task: "mail", Kind: "test", Error: seal.Text("x")}).Group {
			t.Errorf("%d: cause of a sealed text is %+v", i, c)
		}
	}
}

func FuzzOf(f *testing.F) {
	for _, s := range []string{"", "order 4711", `a "b" 'c' d's`, "0x1f [::1]:80 a@b.c", "\x00\xff", "v1.2.3-rc4", "http://x/1", "…\"…"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, message, stack string) {
		c := cause.Of(cause.Failure{Task: "t", Kind: "k", Error: message, Stack: stack})
		if c != cause.Of(cause.Failure{Task: "t", Kind: "k", Error: message, Stack: stack}) {
			t.Error("not the same twice")
		}
		if !cause.IsGroup(c.Group) || !utf8.ValidString(c.Title) || len(c.Title) > 300 || strings.ContainsFunc(c.Title, unicode.IsControl) {
			t.Errorf("cause of %q is %+v", message, c)
		}
		if strings.ContainsFunc(c.Title, unicode.IsDigit) && !c.Sealed {
			t.Errorf("%q still has digits: %q", message, c.Title)
		}
		for n := range 3 { // numbers do not matter
			a, b := fmt.Sprintf("job %d %s", n, message), fmt.Sprintf("job %d %s", 77+n, message)
			if len(a) < 4000 && cause.Normal(a) != cause.Normal(b) {
				t.Errorf("%q and %q differ", cause.Normal(a), cause.Normal(b))
			}
		}
	})
}
