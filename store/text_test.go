package store

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCleanText(t *testing.T) {
	for _, test := range []struct {
		name, text string
		max        int
		want       string
	}{
		{"clean text stays", "grüße, 世界", 100, "grüße, 世界"},
		{"NUL is replaced", "a\x00b", 100, "a\uFFFDb"},
		{"each bad byte is replaced", "a\xff\xfeb", 100, "a\uFFFD\uFFFDb"},
		{"a replacement character stays one", "a\uFFFDb", 100, "a\uFFFDb"},
		{"long text is cut", "abcdef", 3, "abc"},
		{"no character is cut in two", "ab世", 4, "ab"},
		{"no replacement is cut in two", "ab\x00", 4, "ab"},
		{"nothing fits in nothing", "abc", 0, ""},
		{"nor in less", "abc", -1, ""},
		{"nothing stays nothing", "", 10, ""},
	} {
		if got := CleanText(test.text, test.max); got != test.want {
			t.Errorf("%s: CleanText(%q, %d) = %q, want %q", test.name, test.text, test.max, got, test.want)
		}
	}
}

func FuzzCleanText(f *testing.F) {
	f.Add("plain", 3)
	f.Add("a\x00b\xffc\xed\xa0\x80", 100)
	f.Add("世界\xe4\xb8", 5)
	f.Add(strings.Repeat("\x00", 50), 20)
	f.Fuzz(func(t *testing.T, text string, max int) {
		got := CleanText(text, max)

		if len(got) > max && got != "" {
			t.Errorf("CleanText(%q, %d) has %d bytes", text, max, len(got))
		}
		if !utf8.ValidString(got) || strings.Contains(got, "\x00") {
			t.Errorf("CleanText(%q, %d) = %q is not clean", text, max, got)
		}
		if again := CleanText(got, max); again != got {
			t.Errorf("CleanText(%q, %d) = %q, and cleaned again %q", text, max, got, again)
		}
		if whole := CleanText(text, 3*len(text)); !strings.HasPrefix(whole, got) {
			t.Errorf("CleanText(%q, %d) = %q is no beginning of %q", text, max, got, whole)
		}
	})
}
