package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/offloadhq/offload"
)

// Verbs of the ledger's lines: verb, job, attempt, time in nanoseconds, and words.
const (
	verbTried   = "tried"   // an enqueue is about to be made; words are the task, "tx" or "plain", and the input's Do
	verbAcked   = "acked"   // Enqueue has returned: the job is durable
	verbRefused = "refused" // Enqueue has returned an error
	verbStart   = "start"   // a handler begins
	verbEnd     = "end"     // a handler has returned; words say how
	verbNote    = "note"    // anything else that a trial wants to know
)

// A Writer appends one process's lines. A line is one write to the file, so that a process that
// is killed leaves whole lines, and what was written stays.
type Writer struct{ file *os.File }

// newWriter opens the file of a process in a ledger's folder.
func newWriter(dir, process string) (*Writer, error) {
	f, err := os.OpenFile(filepath.Join(dir, process+ledgerSuffix), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	return &Writer{f}, nil
}

const ledgerSuffix = ".ledger"

// write appends a line. A ledger that cannot be written proves nothing: the process ends.
func (w *Writer) write(verb string, id offload.ID, attempt int, words string) {
	line := fmt.Sprintf("%s %s %d %d %s\n", verb, id, attempt, time.Now().UnixNano(), strings.ReplaceAll(words, "\n", " "))
	if _, err := w.file.WriteString(line); err != nil {
		fmt.Fprintln(os.Stderr, "chaos: ledger:", err)
		os.Exit(exitLedger)
	}
}

// Note writes down something about a job, or with the zero ID about the process.
func (w *Writer) Note(id offload.ID, attempt int, words string) {
	w.write(verbNote, id, attempt, words)
}

// A Ledger is what all processes have written down, as far as it has been read.
type Ledger struct {
	dir  string
	mu   sync.Mutex
	read map[string]int64 // bytes of each file
	Jobs map[offload.ID]*Entry
	// Notes are in order within each process.
	Notes []Note
	wrong []string // lines that are none
}

// An Entry is what the ledger knows of one job.
type Entry struct {
	Task    string
	Tx      bool   // its effect is in its own transaction
	Do      string // of its input
	By      string // the process that has tried to enqueue it
	Tried   time.Time
	Acked   time.Time // zero: Enqueue has not returned without an error
	Refused string    // the error that it has returned
	Runs    []Run     // in the order they were read, which is that of time within a process
}

// A Run is one start of a handler.
type Run struct {
	Attempt    int
	Process    string
	Start, End time.Time // End is zero if it never returned
	How        string    // "" for a handler that has returned nil
}

// A Note is what a trial's own handlers and roles have written down.
type Note struct {
	Process string
	Job     offload.ID
	Attempt int
	Time    time.Time
	Words   string
}

func newLedger(dir string) *Ledger {
	return &Ledger{dir: dir, read: map[string]int64{}, Jobs: map[offload.ID]*Entry{}}
}

// Read reads what has been written since the last time.
func (l *Ledger) Read() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	files, err := filepath.Glob(filepath.Join(l.dir, "*"+ledgerSuffix))
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := l.readFile(name); err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
	}
	return nil
}

// readFile takes the whole lines that have come to a file.
func (l *Ledger) readFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(l.read[name], io.SeekStart); err != nil {
		return err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	end := bytes.LastIndexByte(text, '\n') + 1
	l.read[name] += int64(end)
	process := strings.TrimSuffix(filepath.Base(name), ledgerSuffix)
	for line := range bytes.Lines(text[:end]) {
		if err := l.take(process, string(bytes.TrimSuffix(line, []byte("\n")))); err != nil {
			l.wrong = append(l.wrong, fmt.Sprintf("%s: %v", process, err))
		}
	}
	return nil
}

var errLine = errors.New("not a line of a ledger")

// take takes one line.
func (l *Ledger) take(process, line string) error {
	fields := strings.SplitN(line, " ", 5)
	if len(fields) != 5 {
		return fmt.Errorf("%w: %q", errLine, line)
	}
	id, err := parseID(fields[1])
	attempt, err2 := strconv.Atoi(fields[2])
	nanos, err3 := strconv.ParseInt(fields[3], 10, 64)
	if err := errors.Join(err, err2, err3); err != nil {
		return fmt.Errorf("%w: %q: %w", errLine, line, err)
	}
	at, words := time.Unix(0, nanos), fields[4]
	if fields[0] == verbNote {
		l.Notes = append(l.Notes, Note{process, id, attempt, at, words})
		return nil
	}
	e := l.Jobs[id]
	if e == nil {
		e = &Entry{}
		l.Jobs[id] = e
	}
	switch fields[0] {
	case verbTried:
		e.Tried, e.By = at, process
		parts := append(strings.SplitN(words, " ", 3), "", "")
		e.Task, e.Tx, e.Do = parts[0], parts[1] == "tx", parts[2]
	case verbAcked:
		e.Acked, e.Refused = at, ""
	case verbRefused:
		e.Refused = words
	case verbStart:
		e.Runs = append(e.Runs, Run{Attempt: attempt, Process: process, Start: at})
	case verbEnd:
		e.end(process, attempt, at, words)
	default:
		return fmt.Errorf("%w: %q", errLine, line)
	}
	return nil
}

func (e *Entry) end(process string, attempt int, at time.Time, how string) {
	for i := range e.Runs {
		if r := &e.Runs[i]; r.Attempt == attempt && r.Process == process {
			r.End, r.How = at, how
		}
	}
}

func parseID(s string) (id offload.ID, err error) {
	err = id.UnmarshalText([]byte(s))
	return id, err
}

// NotesOf returns the notes that begin with some words.
func (l *Ledger) NotesOf(words string) (notes []Note) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.Notes {
		if strings.HasPrefix(n.Words, words) {
			notes = append(notes, n)
		}
	}
	return notes
}

// Job returns what is known of one job; it is never nil.
func (l *Ledger) Job(id offload.ID) Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.Jobs[id]
	if e == nil {
		return Entry{}
	}
	now := *e
	now.Runs = slices.Clone(e.Runs) // their ends are still to come
	return now
}
