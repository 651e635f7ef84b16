package memory

import (
	"bytes"
	"context"
	"time"

	"github.com/offloadhq/offload/store"
)

// erase blanks what an ended job says.
func (s *Store) erase(j *job, state store.State) store.Effect {
	switch {
	case !state.Ended():
		return store.Refused
	case store.IsErased(j.Input):
		return store.Nothing
	}
	j.Input, j.result, j.notes, j.progress = store.ErasedInput(), nil, notes{}, nil
	j.spurned = false // it does not come back with an upstream that is retried
	for i := range j.history {
		j.history[i].Error, j.history[i].Stack = store.ErasedText, ""
		if g := s.errors[j.groups[j.history[i].Attempt]]; g != nil {
			g.Title = ""
		}
	}
	return store.Done
}

// Rewrite is that of store.Texts.
func (s *Store) Rewrite(ctx context.Context, texts []store.Text) (n int, err error) {
	err = s.do(ctx, func(time.Time) error {
		for _, t := range texts {
			if j := s.known(t.ID); j != nil && j.rewrite(t) {
				n++
			}
		}
		return nil
	})
	return n, err
}

// Forget is that of store.Texts. Nothing is kept here of what was erased.
func (s *Store) Forget(ctx context.Context) error {
	return s.do(ctx, func(time.Time) error { return nil })
}

func (j *job) rewrite(t store.Text) bool {
	swap := func(text *[]byte) bool {
		if !bytes.Equal(*text, t.Old) {
			return false
		}
		*text = bytes.Clone(t.New)
		return true
	}
	switch t.Kind {
	case store.TextInput:
		return swap(&j.Input)
	case store.TextResult:
		return swap(&j.result)
	case store.TextMemo:
		m, ok := j.memos[t.Name]
		if ok = ok && swap(&m.Data); ok {
			j.memos[t.Name] = m
		}
		return ok
	case store.TextLine, store.TextAttrs:
		if t.Seq < 1 || t.Seq > int64(len(j.lines)) {
			return false
		}
		line := &j.lines[t.Seq-1]
		if t.Kind == store.TextAttrs {
			return swap(&line.Attrs)
		}
		text := []byte(line.Text)
		ok := swap(&text)
		line.Text = string(text)
		return ok
	}
	return false
}
