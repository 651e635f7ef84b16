package logship

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"

	"github.com/google/uuid"
)

// An encoder writes records down as slog's own handler of JSON does, one at a time.
type encoder struct {
	config *config
	counts *counts
	root   slog.Handler
	id     string // of this process

	mu     sync.Mutex
	buffer bytes.Buffer
	last   int64 // of ids
}

func (e *encoder) init(c *config, n *counts) {
	e.config, e.counts, e.id = c, n, uuid.NewString()
	e.root = slog.NewJSONHandler(&e.buffer, &slog.HandlerOptions{AddSource: c.source, Level: slog.Level(-1 << 30), ReplaceAttr: c.redact})
}

// item writes an entry down.
func (e *encoder) item(en *entry) Item {
	if en.inner == nil {
		return en.item
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	line, err := e.line(en.inner, &en.record)
	if err == nil && len(line) > 4*e.config.maxRecord { // values, or what With has added
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
	e.last++
	return Item{ID: e.id + "-" + strconv.FormatInt(e.last, 36), Time: timeOf(&en.record), Level: en.record.Level, Line: bytes.Clone(line)}
}

// line writes a record; it is good until the next. mu is held.
func (e *encoder) line(by slog.Handler, r *slog.Record) (line []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic of a %T", v)
		}
	}()
	e.buffer.Reset()
	if err := by.Handle(context.Background(), *r); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(e.buffer.Bytes(), []byte("\n")), nil
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
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last++
	return Item{ID: e.id + "-" + strconv.FormatInt(e.last, 36), Time: r.Time, Level: level, Line: e.plain(&r)}
}
