package engine

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A store that comes and goes, as on a disk that is nearly full, must not fill the log.
func TestTroubleThatComesAndGoesIsToldOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		trouble := newTrouble(slog.New(slog.NewTextHandler(&text, nil)))
		count := func(words string) int { return strings.Count(text.String(), words) }

		for range 59 {
			trouble.report("claim jobs", errors.New("disk full"))
			time.Sleep(500 * time.Millisecond)
			trouble.clear("claim jobs")
			time.Sleep(500 * time.Millisecond)
		}
		if failed, works := count("failed; it will"), count("works again"); failed != 1 || works != 1 {
			t.Errorf("within a minute it was told %d times that it fails and %d times that it works:\n%s", failed, works, &text)
		}
		trouble.clear("claim jobs")
		time.Sleep(2 * time.Second)
		trouble.report("claim jobs", errors.New("disk full"))
		if n := count("failed; it will"); n != 2 {
			t.Errorf("after a minute a new outage was told %d times in all, want 2:\n%s", n, &text)
		}
		for range 10 * 60 {
			time.Sleep(time.Second)
			trouble.report("claim jobs", errors.New("disk full"))
		}
		if n := count("still fails"); n != 3 { // after 1, 3 and 7 minutes
			t.Errorf("an outage of ten minutes was told %d times after its beginning, want 3:\n%s", n, &text)
		}
		trouble.clear("claim jobs")
		if n := count("works again"); n != 2 {
			t.Errorf("it was told %d times in all that it works, want 2:\n%s", n, &text)
		}
	})
}
