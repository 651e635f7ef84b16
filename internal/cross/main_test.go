package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong on one system is found on another.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":       "module example.com/m\n\ngo 1.26.0\n",
		"m.go":         "package m\n\nfunc F() int { return here() }\n",
		"m_linux.go":   "package m\n\nfunc here() int { return 1 }\n",
		"m_windows.go": "package m\n\nfunc here() int { return \"one\" }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for system, want := range map[string]string{"linux/amd64": "", "windows/amd64": "cannot use", "darwin/arm64": "undefined: here"} {
		wrong, err := check(dir, system, "./...")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(wrong, "\n"); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("on %s it finds %q, want %q", system, got, want)
		}
	}
	if _, err := check(dir, "plan9"); err == nil || !strings.Contains(err.Error(), "linux/386") {
		t.Errorf("plan9 alone: %v", err)
	}
}
