package command

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// logTo logs lines as they are, without times and levels.
func logTo(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// TestStreamKeepsBothEnds writes one text in pieces of all sizes: the same must be kept.
func TestStreamKeepsBothEnds(t *testing.T) {
	text := strings.Repeat("0123456789äöü€😀\n", 40)
	for _, most := range []int{1, 2, 7, 64, 65, 66, 67, 500, len(text) - 1, len(text), len(text) + 1} {
		whole := newStream("stdout", most, slog.New(slog.DiscardHandler))
		whole.Write([]byte(text))
		want := whole.text()
		if !utf8.ValidString(want) || strings.ContainsRune(want, utf8.RuneError) {
			t.Errorf("at most %d: a character was cut through: %q", most, want)
		}
		if most >= len(text) && want != text {
			t.Errorf("at most %d: %q; want all", most, want)
		}
		if most < len(text) && len(want) > most+40 {
			t.Errorf("at most %d: %d bytes were kept", most, len(want))
		}
		for range 20 {
			s := newStream("stdout", most, slog.New(slog.DiscardHandler))
			for rest := []byte(text); len(rest) > 0; {
				n := 1 + rand.IntN(min(len(rest), 100))
				s.Write(rest[:n])
				rest = rest[n:]
			}
			if got := s.text(); got != want || s.total != int64(len(text)) {
				t.Errorf("at most %d, in pieces: %q, %d; want %q, %d", most, got, s.total, want, len(text))
			}
		}
	}
}

func TestStreamLogsLines(t *testing.T) {
	var log bytes.Buffer
	s := newStream("stderr", 1000, logTo(&log))
	for _, piece := range []string{"one\ntw", "o\r\n\n", "\xff\n", strings.Repeat("x", 5000), "x\nlast"} {
		s.Write([]byte(piece))
	}
	s.end()
	want := "msg=one stream=stderr\nmsg=two stream=stderr\nmsg=\"\uFFFD\" stream=stderr\n" +
		"msg=" + strings.Repeat("x", mostOfLine) + "… stream=stderr\nmsg=last stream=stderr\n"
	if got := log.String(); got != want {
		t.Errorf("logged %q, want %q", got, want)
	}
}

func TestStreamLogsOnlySoMuch(t *testing.T) {
	for name, line := range map[string]string{"lines": "y\n", "bytes": strings.Repeat("y", 3000) + "\n"} {
		var log bytes.Buffer
		s := newStream("stdout", 1000, logTo(&log))
		for range 5000 {
			s.Write([]byte(line))
		}
		s.end()
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) > mostLines+1 || log.Len() > 2*mostLogged || lines[len(lines)-1] != `msg="more output is not logged" stream=stdout` {
			t.Errorf("%s: %d lines, %d bytes, the last one %q", name, len(lines), log.Len(), lines[len(lines)-1])
		}
	}
}

func TestLastWordsBeginWithAWholeLine(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	s := newStream("stderr", 64<<10, slog.New(slog.DiscardHandler))
	s.Write([]byte(text.String()))
	if got := s.last(30); got != "…line 997\nline 998\nline 999" {
		t.Errorf("last = %q", got)
	}
}
