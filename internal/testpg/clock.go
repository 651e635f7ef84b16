package testpg

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A Clock is the time that a server sees.
type Clock struct{ file string }

// libfaketime returns the library that moves a program's clock, or skips the test.
func libfaketime(t testing.TB) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1") // the pattern is well-formed
	if len(found) == 0 {
		Skip(t, "faketime", "libfaketime")
	}
	return found[0]
}

// StartWithClock starts a server for one test alone, whose clock the test moves. At first it
// shows the right time.
func StartWithClock(t testing.TB, settings ...string) (*Server, *Clock) {
	t.Helper()
	library, bin := libfaketime(t), binaries(t)
	clock := &Clock{}
	s, err := startIn("", bin, func(s *Server) error {
		clock.file = filepath.Join(s.dir, "clock")
		// What is faked is the time of day; how long PostgreSQL waits goes by another clock.
		s.wrap = []string{
			"/usr/bin/env", "LD_PRELOAD=" + library, "FAKETIME_TIMESTAMP_FILE=" + clock.file,
			"FAKETIME_CACHE_DURATION=1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
		}
		return clock.write(0, 1)
	}, settings...)
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	t.Cleanup(s.close)
	return s, clock
}

// Set puts the clock ahead of the right time, or behind it, and lets it run so many times as
// fast from then on. The server sees that within a second.
func (c *Clock) Set(t testing.TB, ahead time.Duration, rate float64) {
	t.Helper()
	if err := c.write(ahead, rate); err != nil {
		t.Fatalf("set the clock of the test server: %v", err)
	}
}

// write replaces the file at once: a server that read half of it would be wherever.
func (c *Clock) write(ahead time.Duration, rate float64) error {
	text := fmt.Sprintf("%+.3f", ahead.Seconds())
	if rate != 1 {
		text += fmt.Sprintf(" x%g", rate)
	}
	if err := os.WriteFile(c.file+".new", []byte(text+"\n"), 0o644); err != nil {
		return err
	}
	return os.Rename(c.file+".new", c.file)
}
