package memory

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

// notes are what is kept of what a job's attempts said.
type notes struct {
	lines   []store.LogLine // the last Seq is their number, since none is taken away
	size    int             // of them
	logFull bool
	memos   map[string]store.Memo
}

// WriteLogs is that of store.Notes.
func (s *Store) WriteLogs(ctx context.Context, process store.ID, lines []store.LogLine) error {
	return s.do(ctx, func(time.Time) error {
		for _, l := range lines {
			if j := s.jobs[l.ID]; j != nil && (s.held(process, l.Fence) != nil || j.place == done && s.closedBy(process, l.Fence)) {
				j.log(l.Kept())
			}
		}
		return nil
	})
}

// log keeps a line, unless the log is full.
func (n *notes) log(l store.LogLine) {
	if n.logFull {
		return
	}
	if n.size+l.Size() > store.MaxLogBytes || len(n.lines) == store.MaxLogLines {
		l, n.logFull = l.Last(), true
	}
	l.Seq, l.At, l.Attrs = int64(len(n.lines)+1), l.At.UTC().Round(0), bytes.Clone(l.Attrs)
	n.lines, n.size = append(n.lines, l), n.size+l.Size()
}

// Logs is that of store.Notes.
func (s *Store) Logs(ctx context.Context, id store.ID, after int64, most int) (lines []store.LogLine, err error) {
	err = s.do(ctx, func(time.Time) error {
		j := s.known(id)
		if j == nil {
			return nil
		}
		found := j.lines[min(max(after, 0), int64(len(j.lines))):]
		if most < 0 {
			found = found[max(len(found)+most, 0):]
		} else {
			found = found[:min(most, len(found))]
		}
		lines = slices.Clone(found)
		for i := range lines {
			lines[i].Attrs = bytes.Clone(lines[i].Attrs)
		}
		return nil
	})
	return lines, err
}

// PutMemo is that of store.Notes.
func (s *Store) PutMemo(ctx context.Context, process store.ID, f store.Fence, m store.Memo) error {
	return s.do(ctx, func(now time.Time) error {
		j := s.held(process, f)
		if j == nil {
			return fmt.Errorf("keep memo %q of job %s: %w", m.Name, f.ID, store.ErrLeaseLost)
		}
		if _, known := j.memos[m.Name]; !known && len(j.memos) == store.MaxMemos {
			return fmt.Errorf("keep memo %q of job %s, which has %d: %w", m.Name, f.ID, len(j.memos), store.ErrFull)
		}
		if j.memos == nil {
			j.memos = map[string]store.Memo{}
		}
		m.Data, m.Attempt, m.At = bytes.Clone(m.Data), f.Attempt, now
		j.memos[m.Name] = m
		return nil
	})
}

// Memos is that of store.Notes.
func (s *Store) Memos(ctx context.Context, id store.ID, names ...string) (memos []store.Memo, err error) {
	err = s.do(ctx, func(time.Time) error {
		j := s.known(id)
		if j == nil {
			return nil
		}
		for name, m := range j.memos {
			if len(names) == 0 || slices.Contains(names, name) {
				m.Data = bytes.Clone(m.Data)
				memos = append(memos, m)
			}
		}
		slices.SortFunc(memos, func(a, b store.Memo) int { return strings.Compare(a.Name, b.Name) })
		return nil
	})
	return memos, err
}
