package logship

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"

	"github.com/google/uuid"
)

// An encoder writes records down as slog's own handler of JSON does. It holds no lock while it does, as values may log themselves while they are written.
type encoder struct {
	config  *config
	counts  *counts
	options slog.HandlerOptions
	root    *handler     // without anything that With has said
	id      string       // of this process
	last    atomic.Int64 // of ids
}

func (e *encoder) init(s *Shipper) {
	e.config, e.counts, e.id = &s.config, &s.counts, uuid.NewString()
	e.options = slog.HandlerOptions{AddSource: s.config.source, Level: slog.Level(-1 << 30), ReplaceAttr: s.config.redact}
	e.root = s.handler(nil, false)
}

// A writer writes the records of one handler.
type writer struct {
	buffer bytes.Buffer
	by     slog.Handler
}

func newWriter(h *handler) *writer {
	w := &writer{}
	w.by = slog.NewJSONHandler(&w.buffer, &h.ship.encode.options)
	for _, said := range h.with {
		if said.group != "" {
			w.by = w.by.WithGroup(said.group)
		} else {
			w.by = w.by.WithAttrs(said.attrs)
		}
	}
	return w
}

// widest is how large a writer's buffer may be to be used again.
const widest = 64 << 10

// item writes an entry down.
func (e *encoder) item(en *entry) Item {
	if en.by == nil {
		return en.item
	}
	line, err := e.line(en.by, &en.record)
	if err == nil && len(line) > 4*e.config.maxRecord { // values that Redact was to see, or what With has said
		e.counts.cut.Add(1)
		short := slog.NewRecord(en.record.Time, en.record.Level, en.record.Message[:min(len(en.record.Message), e.config.maxRecord/8)], en.record.PC)
		short.AddAttrs(slog.Int(cutAttr, len(line)))
		line, err = e.line(e.root, &short)
	}
	if err != nil { // without what it was, as that is what was to be redacted
		bad := slog.NewRecord(en.record.Time, en.record.Level, "a record can't be written", en.record.PC)
		bad.AddAttrs(slog.String("error", err.Error()))
		line = e.plain(&bad)
	}
	return Item{ID: e.nextID(), Time: timeOf(&en.record), Level: en.record.Level, Line: line}
}

func (e *encoder) nextID() string { return e.id + "-" + strconv.FormatInt(e.last.Add(1), 36) }

// line writes a record.
func (e *encoder) line(by *handler, r *slog.Record) (line []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic of a %T", v)
		}
	}()
	w := by.writers.Get().(*writer)
	w.buffer.Reset()
	if err := w.by.Handle(context.Background(), *r); err != nil {
		return nil, err
	}
	line = bytes.Clone(bytes.TrimSuffix(w.buffer.Bytes(), []byte("\n")))
	if w.buffer.Cap() <= widest {
		by.writers.Put(w)
	}
	return line, nil
}

// plain writes a record of ours.
func (e *encoder) plain(r *slog.Record) []byte {
	var b bytes.Buffer
	_ = slog.NewJSONHandler(&b, nil).Handle(context.Background(), *r) // a buffer takes all
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// own is a record of ours among those of the program.
func (e *encoder) own(level slog.Level, message string, attrs ...slog.Attr) Item {
	r := slog.NewRecord(timeOf(&slog.Record{}), level, message, 0)
	r.AddAttrs(attrs...)
	return Item{ID: e.nextID(), Time: r.Time, Level: level, Line: e.plain(&r)}
}
