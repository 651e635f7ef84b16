package command

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of what one stream puts into the log, and of what an error repeats of it.
const (
	mostLines   = 1000
	mostLogged  = 64 << 10
	mostOfLine  = 4 << 10
	mostInError = 1 << 10
)

// A stream takes what a command writes: it keeps the beginning and the end, and logs lines.
// It belongs to the one goroutine that writes, and then to who waited for that one.
type stream struct {
	name  string
	half  int    // bytes kept of the beginning, and as many of the end
	head  []byte // the first half bytes
	tail  []byte // at least the last half bytes after head, at most twice as many
	total int64

	log    *slog.Logger
	line   []byte // the line that has not ended yet, cut at mostOfLine
	longer bool   // it was cut
	lines  int    // that were logged
	logged int    // bytes that were logged
}

func newStream(name string, most int, log *slog.Logger) *stream {
	return &stream{name: name, half: (most + 1) / 2, log: log}
}

// Write takes all of p and never fails, so that the command goes on.
func (s *stream) Write(p []byte) (int, error) {
	s.total += int64(len(p))
	s.keep(p)
	s.logLines(p)
	return len(p), nil
}

func (s *stream) keep(p []byte) {
	n := min(len(p), s.half-len(s.head))
	s.head, p = append(s.head, p[:n]...), p[n:]
	s.tail = append(s.tail, p[max(0, len(p)-s.half):]...)
	if len(s.tail) > 2*s.half { // rarely, so that most writes copy their own bytes only
		s.tail = s.tail[:copy(s.tail, s.tail[len(s.tail)-s.half:])]
	}
}

func (s *stream) logLines(p []byte) {
	for len(p) > 0 && s.logging() {
		part, rest, ended := bytes.Cut(p, []byte("\n"))
		n := min(len(part), mostOfLine-len(s.line))
		s.line = append(s.line, part[:n]...)
		s.longer = s.longer || n < len(part)
		if ended {
			s.logLine()
		}
		p = rest
	}
}

func (s *stream) logging() bool { return s.lines < mostLines && s.logged < mostLogged }

// logLine logs the line that has ended, if it says anything.
func (s *stream) logLine() {
	line := strings.TrimRight(valid(s.line), "\r")
	if s.longer {
		line = valid(cutEnd(s.line)) + "…"
	}
	s.line, s.longer = s.line[:0], false
	if line == "" {
		return
	}
	s.log.Info(line, "stream", s.name)
	s.lines++
	s.logged += len(line)
	if !s.logging() {
		s.log.Warn("more output is not logged", "stream", s.name)
	}
}

// end logs a last line without an end.
func (s *stream) end() {
	if len(s.line) > 0 && s.logging() {
		s.logLine()
	}
}

// text is what was kept, with a line for what was not.
func (s *stream) text() string {
	if s.total == int64(len(s.head)+len(s.kept())) {
		return valid(slices.Concat(s.head, s.kept()))
	}
	head, tail := cutEnd(s.head), cutStart(s.kept())
	left := s.total - int64(len(head)+len(tail))
	return fmt.Sprintf("%s\n… %d bytes left out …\n%s", valid(head), left, valid(tail))
}

// kept is the end that is kept: at most the last half bytes.
func (s *stream) kept() []byte { return s.tail[max(0, len(s.tail)-s.half):] }

// last is the end of the text, at most n bytes of it, beginning with a whole line if it can.
func (s *stream) last(n int) string {
	all := bytes.TrimSpace(s.kept())
	if s.total == int64(len(s.head)+len(s.kept())) {
		all = bytes.TrimSpace(slices.Concat(s.head, s.kept()))
	}
	if len(all) <= n {
		return valid(all)
	}
	all = cutStart(all[len(all)-n:])
	if _, whole, found := bytes.Cut(all, []byte("\n")); found {
		all = whole
	}
	return "…" + valid(all)
}

// lastWords is what a failed command said last.
func lastWords(stdout, stderr *stream) string {
	if said := stderr.last(mostInError); said != "" {
		return said
	}
	return stdout.last(mostInError)
}

// valid makes valid text of b: wrong bytes become U+FFFD.
func valid(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// cutEnd is b without the beginning of a character that the cut behind it went through.
func cutEnd(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if last := b[len(b)-i:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// cutStart is b without the end of a character that the cut in front of it went through.
func cutStart(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && len(b) > 0 && !utf8.RuneStart(b[0]); i++ {
		b = b[1:]
	}
	return b
}
