package store

import (
	"strings"
	"time"
	"unicode/utf8"
)

// A LogLine is what a handler logged.
type LogLine struct {
	Fence
	Seq   int64     // rises within a job; set by the store
	At    time.Time // by the process's clock
	Level string    // "INFO"
	Text  string    // at most MaxLogText bytes are kept
	Attrs []byte    // a JSON object, kept as it is; nil is none, and so is one over MaxLogText bytes or not text
}

// Kept returns the line as it is kept: of text that any database takes, within MaxLogText.
func (l LogLine) Kept() LogLine {
	l.Level, l.Text = CleanText(l.Level, MaxLogLevel), CleanText(l.Text, MaxLogText)
	if len(l.Attrs) > MaxLogText || !utf8.Valid(l.Attrs) || strings.IndexByte(string(l.Attrs), 0) >= 0 {
		l.Attrs = nil
	}
	return l
}

// Size is what the line takes of MaxLogBytes.
func (l LogLine) Size() int { return len(l.Text) + len(l.Attrs) }

// Last returns the line that takes the place of l where the log of its job is full.
func (l LogLine) Last() LogLine {
	l.Level, l.Text, l.Attrs = "WARN", LogFull, nil
	return l
}

// Limits of what is kept of a job's log.
const (
	MaxLogLevel = 64       // bytes
	MaxLogText  = 16 << 10 // bytes of a line, and of its attributes
	MaxLogLines = 10_000   // of a job: a line more says so, and the rest is dropped
	MaxLogBytes = 4 << 20  // of a job, texts and attributes: as MaxLogLines
)

// LogFull is the text of the line after which the lines of a job are left out.
const LogFull = "the log of this job is full: the rest is left out"

// A Memo is what a job keeps from one attempt to the next, under a name: the checkpoint under
// "", the result of a step under that of the step.
type Memo struct {
	Name    string
	Data    []byte
	Attempt int       // that wrote it; set by the store
	At      time.Time // when it was written; set by the store
}

// Limits of memos.
const (
	MaxMemo     = 1 << 20 // bytes of one
	MaxMemos    = 10_000  // of a job
	MaxMemoName = 256     // bytes
)
