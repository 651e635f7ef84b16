package logship

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// A handler hands records over.
type handler struct {
	ship    *Shipper
	with    []with
	loose   bool      // something in with may change, and Redact wants to see it
	writers sync.Pool // of *writer: records with what with says
}

// A with is what a call of WithGroup or WithAttrs has said.
type with struct {
	group string
	attrs []slog.Attr // where there is no group
}

// Handler is what slog.New takes. It is safe for concurrent use, and never returns an error.
func (s *Shipper) Handler() slog.Handler { return s.handler(nil, false) }

func (s *Shipper) handler(w []with, loose bool) *handler {
	h := &handler{ship: s, with: w, loose: loose}
	h.writers.New = func() any { return newWriter(h) }
	return h
}

func (h *handler) Enabled(_ context.Context, l slog.Level) bool {
	return l >= h.ship.config.level.Level()
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	loose := h.loose
	frozen := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		a.Value = freeze(a.Value, h.ship.config.redact != nil)
		loose = loose || sizeOf(a.Value) < 0
		frozen[i] = a
	}
	return h.ship.handler(append(slices.Clip(h.with), with{attrs: frozen}), loose)
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.ship.handler(append(slices.Clip(h.with), with{group: name}), h.loose)
}

type ownKey struct{}

// Handle takes a record. What may change later is written down now; the rest keeps until it is shipped.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	s := h.ship
	if ctx == nil { // some pass none, and slog's handlers take it
		ctx = context.Background()
	}
	if ctx.Value(ownKey{}) != nil {
		s.counts.own.Add(1)
		return nil
	}
	if s.closed.Load() {
		s.counts.dropped.Add(1)
		return nil
	}
	s.counts.logged.Add(1)
	e := entry{record: r, by: h}
	if e.size = sizeOfRecord(&r); e.size < 0 {
		e.freeze()
	}
	if e.size > s.config.maxRecord {
		s.encode.cut(&e)
	}
	if h.loose || e.size < 0 || s.config.spool != "" {
		e.item = s.encode.item(&e)
		e.record, e.by, e.size = slog.Record{}, nil, len(e.item.Line)
	}
	if !s.from.put(ctx, e) {
		s.counts.dropped.Add(1)
	}
	return nil
}

// An entry is a record that waits: as it is, or as it will be shipped.
type entry struct {
	record slog.Record
	by     *handler // nil: item is written
	item   Item
	size   int
}

// sizeOfRecord is how long the texts of a record are, or -1 if something in it may change after the call.
func sizeOfRecord(r *slog.Record) int {
	size, loose := len(r.Message), false
	r.Attrs(func(a slog.Attr) bool {
		n := sizeOf(a.Value)
		loose = n < 0
		size += len(a.Key) + n
		return !loose
	})
	if loose {
		return -1
	}
	return size
}

func sizeOf(v slog.Value) int {
	switch v.Kind() {
	case slog.KindString:
		return len(v.String())
	case slog.KindAny:
		switch v := v.Any().(type) {
		case written:
			return len(v)
		case nil:
			return 4
		}
		return -1
	case slog.KindLogValuer:
		return -1
	case slog.KindGroup:
		size := 0
		for _, a := range v.Group() {
			n := sizeOf(a.Value)
			if n < 0 {
				return -1
			}
			size += len(a.Key) + n
		}
		return size
	}
	return 8
}

// A written is a value as JSON, which nobody changes any more.
type written []byte

// MarshalJSON is it.
func (w written) MarshalJSON() ([]byte, error) { return w, nil }

// freeze puts what is in an entry's record now in place of what may change.
func (e *entry) freeze() {
	frozen := slog.NewRecord(e.record.Time, e.record.Level, e.record.Message, e.record.PC)
	var some [8]slog.Attr
	attrs := some[:0]
	redacts := e.by.ship.config.redact != nil
	e.record.Attrs(func(a slog.Attr) bool {
		a.Value = freeze(a.Value, redacts)
		attrs = append(attrs, a)
		return true
	})
	frozen.AddAttrs(attrs...)
	e.record = frozen
	e.size = sizeOfRecord(&e.record)
}

// freeze is a value as it is now: what slog's handler would write. Where Redact is to see the value, which may go by its type, it stays as it is.
func freeze(v slog.Value, redacts bool) (frozen slog.Value) {
	defer func() {
		if p := recover(); p != nil {
			frozen = slog.StringValue("!PANIC: " + fmt.Sprint(p))
			if r := reflect.ValueOf(v.Any()); r.Kind() == reflect.Pointer && r.IsNil() {
				frozen = slog.StringValue("<nil>")
			}
		}
	}()
	v = v.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		group := slices.Clone(v.Group())
		for i := range group {
			group[i].Value = freeze(group[i].Value, redacts)
		}
		return slog.GroupValue(group...)
	case slog.KindAny:
		if redacts || v.Any() == nil { // an empty Attr has a nil, and has to stay one
			return v
		}
		_, writes := v.Any().(json.Marshaler)
		if err, ok := v.Any().(error); ok && !writes {
			return slog.StringValue(err.Error())
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v.Any()); err != nil {
			return slog.StringValue("!ERROR:" + err.Error())
		}
		return slog.AnyValue(written(bytes.TrimSuffix(b.Bytes(), []byte("\n"))))
	}
	return v
}

// cutAttr is the attribute of records that were cut: how many bytes they had.
const cutAttr = "logship_cut"

// cut makes a record that is too long one that is not.
func (e *encoder) cut(en *entry) {
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
	r.AddAttrs(slog.Int(cutAttr, en.size))
	en.record.Attrs(func(a slog.Attr) bool {
		if left < len(a.Key)+64 {
			return false
		}
		switch v := a.Value; v.Kind() {
		case slog.KindString:
			a.Value = slog.StringValue(short(v.String()))
		case slog.KindGroup, slog.KindAny:
			n := sizeOf(v)
			if n > left {
				a.Value, n = slog.StringValue("cut"), 0
			}
			left -= n
		}
		left -= len(a.Key) + 8
		r.AddAttrs(a)
		return true
	})
	en.record = r
	en.size = sizeOfRecord(&r)
}

// timeOf is the time of a record; one that has none is of now.
func timeOf(r *slog.Record) time.Time {
	if r.Time.IsZero() {
		return time.Now()
	}
	return r.Time
}
