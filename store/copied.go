package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Sum returns a checksum of all that is known of the job, the same in every store: times to
// the microsecond, durations rounded up to it.
func (c *Copied) Sum() [sha256.Size]byte {
	s := summer{b: make([]byte, 0, 512)}
	s.bytes(c.ID[:])
	s.texts(c.Task, c.Queue, string(c.State))
	s.numbers(int64(c.Priority), int64(c.MaxAttempts), int64(c.Attempt), int64(c.Failed), int64(c.Crashes))
	s.spans(c.Timeout, c.GiveUpAfter, c.Retain, c.Keep)
	s.times(c.RunAt, c.CreatedAt, c.StartedAt, c.FinishedAt, c.CrashedAt)
	s.bytes(c.Input)
	s.bytes(c.Result)
	s.flags(c.Begun, c.LogFull, c.Result != nil, c.Cut)
	s.texts(c.Waits)
	for _, name := range slices.Sorted(maps.Keys(c.Tags)) {
		s.texts(name, c.Tags[name])
	}
	if c.Terms != nil {
		terms, _ := json.Marshal(c.Terms) // it came from JSON
		s.bytes(terms)
	}
	for _, f := range c.Failures {
		s.numbers(int64(f.Attempt))
		s.texts(f.Error, f.Kind, f.Stack, f.Process)
		s.times(f.StartedAt, f.FailedAt)
	}
	if p := c.Progress; p != nil {
		s.numbers(int64(p.Attempt), int64(p.Done), int64(p.Total))
		s.texts(p.Note)
		s.times(p.At)
	}
	for _, l := range c.Logs {
		s.numbers(l.Seq, int64(l.Attempt))
		s.texts(l.Level, l.Text)
		s.bytes(l.Attrs)
		s.times(l.At)
	}
	for _, m := range c.Memos {
		s.numbers(int64(m.Attempt))
		s.texts(m.Name)
		s.bytes(m.Data)
		s.times(m.At)
	}
	for _, e := range c.Edges {
		s.bytes(e.Upstream[:])
		s.texts(string(e.On), string(e.Else), string(e.State))
	}
	for _, m := range c.Members {
		s.bytes(m.ID[:])
		s.texts(string(m.State))
		s.flags(m.StandsIn)
	}
	return sha256.Sum256(s.b)
}

// A summer writes values so that no two lists of them are alike.
type summer struct{ b []byte }

func (s *summer) bytes(v []byte) {
	s.b = binary.AppendUvarint(s.b, uint64(len(v)))
	s.b = append(s.b, v...)
}

func (s *summer) texts(all ...string) {
	for _, v := range all {
		s.b = binary.AppendUvarint(s.b, uint64(len(v)))
		s.b = append(s.b, v...)
	}
}

func (s *summer) numbers(all ...int64) {
	for _, v := range all {
		s.b = binary.AppendVarint(s.b, v)
	}
}

func (s *summer) flags(all ...bool) {
	for _, v := range all {
		bit := byte(0)
		if v {
			bit = 1
		}
		s.b = append(s.b, bit)
	}
}

func (s *summer) spans(all ...time.Duration) {
	for _, v := range all {
		s.numbers(int64((v + time.Microsecond - 1) / time.Microsecond))
	}
}

func (s *summer) times(all ...time.Time) {
	for _, v := range all {
		if v.IsZero() {
			s.numbers(-1)
		} else {
			s.numbers(v.UnixMicro())
		}
	}
}
