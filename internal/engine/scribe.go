package engine

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	scribeLines = 1000                   // that may wait; the log is a help, and must not eat the memory
	scribeLast  = 100 * time.Millisecond // for what is left at the end
)

// A scribe hands log records to their handler in a goroutine of its own, so that one that
// blocks (a full disk, a pipe that nobody reads) holds up neither a beat, nor a finish, nor a
// stop. The goroutine lasts as long as there are records.
type scribe struct {
	mu      sync.Mutex // held for moments
	lines   []logLine
	dropped int
	writing bool          // there is a goroutine
	idle    chan struct{} // closed when it has ended
}

type logLine struct {
	ctx    context.Context
	to     slog.Handler
	record slog.Record
}

// logger returns l, written by the scribe.
func (s *scribe) logger(l *slog.Logger) *slog.Logger {
	return slog.New(scribed{l.Handler(), s})
}

func (s *scribe) write(line logLine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lines) >= scribeLines {
		s.dropped++
		return
	}
	s.lines = append(s.lines, line)
	if !s.writing {
		s.writing, s.idle = true, make(chan struct{})
		go s.run()
	}
}

// take takes what is to be written, or ends the writing.
func (s *scribe) take() (lines []logLine, dropped int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines, dropped = s.lines, s.dropped
	s.lines, s.dropped = nil, 0
	if len(lines) == 0 {
		s.writing = false
		close(s.idle)
	}
	return lines, dropped
}

func (s *scribe) run() {
	for {
		lines, dropped := s.take()
		if len(lines) == 0 {
			return
		}
		for _, l := range lines {
			_ = l.to.Handle(l.ctx, l.record) // as slog does
		}
		if dropped > 0 {
			slog.New(lines[0].to).Warn("offload: the log was too slow, and lines were left out", "lines", dropped)
		}
	}
}

// flush waits for what is being written, a moment at most: who cannot log must be able to stop.
func (s *scribe) flush() {
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	if idle != nil {
		wait(idle, scribeLast)
	}
}

// scribed is a handler whose records are written by a scribe.
type scribed struct {
	slog.Handler
	s *scribe
}

// Handle takes a record for later.
func (h scribed) Handle(ctx context.Context, r slog.Record) error {
	h.s.write(logLine{context.WithoutCancel(ctx), h.Handler, r.Clone()})
	return nil
}

// WithAttrs is that of slog.Handler.
func (h scribed) WithAttrs(attrs []slog.Attr) slog.Handler {
	return scribed{h.Handler.WithAttrs(attrs), h.s}
}

// WithGroup is that of slog.Handler.
func (h scribed) WithGroup(name string) slog.Handler {
	return scribed{h.Handler.WithGroup(name), h.s}
}
