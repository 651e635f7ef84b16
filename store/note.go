package store

import "time"

// A LogLine is what a handler logged.
type LogLine struct {
	Fence
	Seq   int64     // rises within a job; set by the store
	At    time.Time // by the process's clock
	Level string    // "INFO"
	Text  string    // at most MaxLogText bytes are kept
	Attrs []byte    // a JSON object; nil is none, and so is one over MaxLogText bytes
}

// Limits of what is kept of a job's log.
const (
	MaxLogText  = 16 << 10 // bytes of a line, and of its attributes
	MaxLogLines = 10_000   // of a job: a line says so, and the rest is dropped
	MaxLogBytes = 4 << 20  // of a job: as MaxLogLines
)

// A Memo is what a job keeps from one attempt to the next, under a name: the checkpoint under
// "", the result of a step under that of the step.
type Memo struct {
	Name    string
	Data    []byte
	Attempt int // that wrote it
	At      time.Time
}

// Limits of memos.
const (
	MaxMemo     = 1 << 20 // bytes of one
	MaxMemos    = 10_000  // of a job
	MaxMemoName = 256     // bytes
)
