package offload

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/store"
)

// newLogger makes the logger of an attempt, or of a call of many.
func (at *attempt) newLogger(ctx context.Context) *slog.Logger {
	if at.many {
		return at.hidden(at.app.log).With("task", at.job.Task, "jobs", len(at.jobs))
	}
	log := at.hidden(at.app.log).With("job", at.job.ID.String(), "task", at.job.Task, "attempt", at.job.Attempt)
	keep, ok := engine.Log(ctx)
	if !ok {
		return log
	}
	page := &page{}
	return slog.New(&jobHandler{at: at, keep: keep, also: log.Handler(), page: page, attrs: at.hiding(slog.NewJSONHandler(page, nil))})
}

// hidden is a logger that is handed no secrets of the job's input.
func (at *attempt) hidden(log *slog.Logger) *slog.Logger {
	if at.hide == nil {
		return log
	}
	return slog.New(at.hiding(log.Handler()))
}

func (at *attempt) hiding(h slog.Handler) slog.Handler {
	if at.hide == nil {
		return h
	}
	return hidingHandler{h, at.hide}
}

// A jobHandler keeps what a handler logs with its job, and hands it on.
type jobHandler struct {
	at    *attempt
	keep  func(store.LogLine)
	also  slog.Handler
	page  *page
	attrs slog.Handler // writes attributes as JSON into page
	some  bool         // there are attributes in attrs already
}

// A page takes what a JSON handler writes. It is shared by a logger and those made of it.
type page struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write is called within Handle, which holds mu.
func (p *page) Write(b []byte) (int, error) { return p.buf.Write(b) }

// Enabled reports whether lines of a level are kept, or handed on.
func (h *jobHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || h.also.Enabled(ctx, level)
}

// Handle keeps a line and hands it on.
func (h *jobHandler) Handle(ctx context.Context, r slog.Record) error {
	line := store.LogLine{At: r.Time, Level: r.Level.String(), Text: store.CleanText(h.at.shownText(r.Message), h.at.lineRoom())}
	if line.At.IsZero() {
		line.At = time.Now()
	}
	if h.some || r.NumAttrs() > 0 {
		line.Attrs = h.attrsOf(ctx, r)
	}
	h.keep(h.at.sealLine(line))
	if h.also.Enabled(ctx, r.Level) {
		return h.also.Handle(ctx, r)
	}
	return nil
}

// noAttrs is how a JSON handler writes a record without time, text and attributes; others follow
// in place of its end.
const noAttrs = `{"level":"INFO","msg":""}`

// attrsOf returns the attributes of a line as a JSON object, nil if there are none.
func (h *jobHandler) attrsOf(ctx context.Context, r slog.Record) []byte {
	bare := slog.NewRecord(time.Time{}, slog.LevelInfo, "", 0)
	r.Attrs(func(a slog.Attr) bool {
		bare.AddAttrs(a)
		return true
	})
	h.page.mu.Lock()
	defer h.page.mu.Unlock()
	h.page.buf.Reset()
	if h.attrs.Handle(ctx, bare) != nil {
		return nil
	}
	written := bytes.TrimSuffix(h.page.buf.Bytes(), []byte("\n"))
	if h.page.buf.Cap() > 4*store.MaxLogText {
		h.page.buf = bytes.Buffer{} // one long line shall not be remembered for the whole attempt
	}
	switch start, most := len(noAttrs), h.at.lineRoom(); {
	case len(written) <= start:
		return nil
	case len(written)-start > most:
		return fmt.Appendf(nil, `{"left out":"attributes of %d bytes; at most %d are kept"}`, len(written)-start, most)
	default: // {"level":"INFO","msg":"","a":1}
		return append([]byte("{"), written[start:]...)
	}
}

// WithAttrs is that of slog.Handler.
func (h *jobHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.also, with.attrs, with.some = h.also.WithAttrs(attrs), h.attrs.WithAttrs(attrs), h.some || len(attrs) > 0
	return &with
}

// WithGroup is that of slog.Handler.
func (h *jobHandler) WithGroup(name string) slog.Handler {
	with := *h
	with.also, with.attrs = h.also.WithGroup(name), h.attrs.WithGroup(name)
	return &with
}
