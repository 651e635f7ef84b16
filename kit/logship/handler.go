package logship

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"
)

// A handler hands records over.
type handler struct {
	ship  *Shipper
	inner slog.Handler // how they will be written, with the attributes and groups so far
}

// Handler is what slog.New takes. It is safe for concurrent use, and never returns an error.
func (s *Shipper) Handler() slog.Handler { return &handler{s, s.encode.root} }

func (h *handler) Enabled(_ context.Context, l slog.Level) bool {
	return l >= h.ship.config.level.Level()
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &handler{h.ship, h.inner.WithAttrs(attrs)}
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &handler{h.ship, h.inner.WithGroup(name)}
}

type ownKey struct{}

// Handle takes a record. What may change later is written down now; the rest keeps until it is shipped.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	s := h.ship
	if ctx != nil && ctx.Value(ownKey{}) != nil {
		s.counts.own.Add(1)
		return nil
	}
	if s.closed.Load() {
		s.counts.dropped.Add(1)
		return nil
	}
	s.counts.logged.Add(1)
	e := entry{record: r, inner: h.inner}
	switch e.size = sizeOf(&e.record, s.config.redact != nil); {
	case e.size > s.config.maxRecord:
		e.size = s.encode.cut(&e, e.size)
	case e.size < 0 && s.config.redact == nil:
		e.size = texts(&e.record)
	}
	if e.size < 0 || s.config.spool != "" {
		e.item = s.encode.item(&e)
		e.record, e.inner, e.size = slog.Record{}, nil, len(e.item.Line)
	}
	if !s.from.put(ctx, e) {
		s.counts.dropped.Add(1)
	}
	return nil
}

// An entry is a record that waits: as it is, or as it will be shipped.
type entry struct {
	record slog.Record
	inner  slog.Handler
	item   Item // where inner is nil
	size   int
}

// sizeOf is how long the texts of a record are, or -1 if something in it may change after the call, and has to be looked at by whoever logs.
func sizeOf(r *slog.Record, redacts bool) int {
	size, loose := len(r.Message), false
	r.Attrs(func(a slog.Attr) bool {
		n := sizeOfValue(a.Value, redacts)
		loose = loose || n < 0
		size += len(a.Key) + n
		return !loose
	})
	if loose {
		return -1
	}
	return size
}

func sizeOfValue(v slog.Value, redacts bool) int {
	switch v.Kind() {
	case slog.KindString:
		return len(v.String())
	case slog.KindAny, slog.KindLogValuer:
		return -1
	case slog.KindGroup:
		size := 0
		for _, a := range v.Group() {
			n := sizeOfValue(a.Value, redacts)
			if n < 0 {
				return -1
			}
			size += len(a.Key) + n
		}
		return size
	}
	return 8
}

// texts puts the text of each error in its place, as slog would write it, and returns the size; -1 if there is more that may change. It is for those who don't redact, which may go by types.
func texts(r *slog.Record) int {
	changed := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	ok := true
	var attrs [8]slog.Attr
	all := attrs[:0]
	r.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() == slog.KindAny {
			if text, is := errorText(a.Value.Any()); is {
				a.Value = slog.StringValue(text)
			}
		}
		ok = sizeOfValue(a.Value, false) >= 0
		all = append(all, a)
		return ok
	})
	if !ok {
		return -1
	}
	changed.AddAttrs(all...)
	*r = changed
	return sizeOf(r, false)
}

func errorText(v any) (text string, is bool) {
	err, is := v.(error)
	if _, other := v.(json.Marshaler); !is || other {
		return "", false
	}
	defer func() {
		if recover() != nil {
			text, is = "", false // a nil pointer, say: slog knows what to write
		}
	}()
	return err.Error(), true
}

// cutAttr is the attribute of records that were cut: how many bytes they had.
const cutAttr = "logship_cut"

// cut makes a record that is too long one that is not.
func (e *encoder) cut(en *entry, size int) int {
	e.counts.cut.Add(1)
	left := e.config.maxRecord * 3 / 4
	short := func(s string) string {
		if len(s) > left {
			s = strings.Clone(strings.ToValidUTF8(s[:left], "")) + "…" // a clone: the long one shall go
		}
		left -= min(len(s), left)
		return s
	}
	r := slog.NewRecord(en.record.Time, en.record.Level, short(en.record.Message), en.record.PC)
	r.AddAttrs(slog.Int(cutAttr, size))
	en.record.Attrs(func(a slog.Attr) bool {
		if left < len(a.Key)+64 {
			return false
		}
		switch v := a.Value; v.Kind() {
		case slog.KindString:
			a.Value = slog.StringValue(short(v.String()))
		case slog.KindGroup:
			if sizeOfValue(v, false) > left {
				a.Value = slog.StringValue("cut")
			}
		}
		left -= len(a.Key) + 8
		r.AddAttrs(a)
		return true
	})
	en.record = r
	return sizeOf(&r, false)
}

// now is the time of records that have none.
func timeOf(r *slog.Record) time.Time {
	if r.Time.IsZero() {
		return time.Now()
	}
	return r.Time
}
