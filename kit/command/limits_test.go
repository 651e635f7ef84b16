//go:build unix

package command

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func TestLimitsOfMemoryAndFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	in := Input{Argv: []string{"sh", "-c", `head -c 1000000 /dev/zero > "$0"`, file}, MaxFile: 100_000}
	if _, err := newRunner().run(t.Context(), in); err == nil {
		t.Error("a file beyond the limit: no error")
	}
	if info, err := os.Stat(file); err != nil || info.Size() > 100_352 {
		t.Errorf("the file: %v, %v; want at most 100,352 bytes", info, err)
	}
	in.MaxFile = 1_000_000
	if _, err := newRunner().run(t.Context(), in); err != nil {
		t.Errorf("a file within the limit: %v", err)
	}
	if runtime.GOOS != "linux" {
		t.Log("limits of memory are tested on Linux")
		return
	}
	in = Input{Argv: []string{"sh", "-c", "x=$(head -c 300000000 /dev/zero | tr '\\0' x); echo ${#x}"}, MaxMemory: 64 << 20}
	if out, err := newRunner().run(t.Context(), in); err == nil {
		t.Errorf("memory beyond the limit: %+v; want an error", out)
	}
	in = Input{Argv: []string{"printf", "%s", "a b'$HOME"}, MaxMemory: 1 << 30}
	if out, err := newRunner().run(t.Context(), in); err != nil || out.Stdout != "a b'$HOME" {
		t.Errorf("within the limit: %+v, %v; want the arguments as they are", out, err)
	}
	for _, in := range []Input{{Argv: []string{"true"}, MaxMemory: -1}, {Argv: []string{"true"}, MaxMemory: 1 << 60}} {
		if _, err := newRunner().run(t.Context(), in); field(err) != "max_memory" {
			t.Errorf("%+v: %v; want max_memory refused", in, err)
		}
	}
}

func TestDoTellsLines(t *testing.T) {
	var got []string
	_, err := Do(t.Context(), sh(`printf '1%%\r2%%\n\nend'; `), Lines(func(stream, line string) { got = append(got, stream+" "+line) }))
	if want := []string{"stdout 1%", "stdout 2%", "stdout end"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}
