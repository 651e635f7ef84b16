package memory

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// SetMove is that of store.Copies.
func (s *Store) SetMove(ctx context.Context, m store.Move) error {
	return s.do(ctx, func(time.Time) error {
		s.move = &m
		return nil
	})
}

// Export is that of store.Copies.
func (s *Store) Export(ctx context.Context, after store.ID, most int) (jobs []store.Copied, err error) {
	err = s.do(ctx, func(now time.Time) error {
		ids := slices.SortedFunc(maps.Keys(s.jobs), store.ID.Compare)
		at, found := slices.BinarySearchFunc(ids, after, store.ID.Compare)
		if found {
			at++
		}
		for _, id := range ids[at:min(at+most, len(ids))] {
			jobs = append(jobs, s.export(s.jobs[id]))
		}
		return nil
	})
	return jobs, err
}

func (s *Store) export(j *job) store.Copied {
	c := store.Copied{
		NewJob: j.NewJob, CreatedAt: j.created, State: store.Available, StartedAt: j.started, FinishedAt: j.finished,
		Attempt: j.attempt, Failed: j.failures, Begun: j.begun && j.Terms != nil, Crashes: j.crashes, CrashedAt: j.crashed,
		Failures: slices.Clone(j.history), Result: bytes.Clone(j.result), LogFull: j.logFull,
	}
	c.Input, c.Tags, c.Terms = bytes.Clone(j.Input), maps.Clone(j.Tags), cloneTerms(j.Task, j.Terms)
	c.RunAt, c.Delay = j.runAt, 0
	switch {
	case j.place == deleted:
		return store.Copied{NewJob: store.NewJob{ID: j.ID}, State: store.Deleted, FinishedAt: j.finished, Keep: store.Tombstone}
	case j.place == done:
		c.State, c.Keep = j.state, j.kept()
	case j.place == leased && j.cancel:
		c.State, c.FinishedAt, c.Keep = store.Cancelled, j.started, (&job{NewJob: j.NewJob, state: store.Cancelled}).kept()
	}
	if j.progress != nil && j.progress.Attempt == j.attempt {
		p := *j.progress
		p.ID = store.ID{}
		c.Progress = &p
	}
	for _, l := range j.lines {
		l.ID, l.Attrs = store.ID{}, bytes.Clone(l.Attrs)
		c.Logs = append(c.Logs, l)
	}
	for _, name := range slices.Sorted(maps.Keys(j.memos)) {
		m := j.memos[name]
		m.Data = bytes.Clone(m.Data)
		c.Memos = append(c.Memos, m)
	}
	s.exportFlow(j, &c)
	return c
}

// exportFlow says what a job waits for, and who are the members of a batch.
func (s *Store) exportFlow(j *job, c *store.Copied) {
	if j.awaits {
		c.Waits = s.waits(j)
	}
	c.Cut = j.place == done && j.spurned
	for _, e := range j.edges {
		if e.member {
			m := s.known(e.Upstream)
			c.Members = append(c.Members, store.CopiedMember{ID: e.Upstream, State: e.state, StandsIn: m != nil && batchOf(m.NewJob) != j.ID})
		} else {
			c.Edges = append(c.Edges, store.EdgeState{Edge: e.Edge, State: e.state})
		}
	}
	slices.SortFunc(c.Members, func(a, b store.CopiedMember) int { return a.ID.Compare(b.ID) })
}

// Import is that of store.Copies.
func (s *Store) Import(ctx context.Context, jobs []store.Copied) (stored int, err error) {
	err = s.do(ctx, func(time.Time) error {
		for i := range jobs {
			if c := &jobs[i]; s.jobs[c.ID] == nil {
				s.take1(c)
				stored++
			}
		}
		return nil
	})
	return stored, err
}

// take1 stores a job as it comes from another store.
func (s *Store) take1(c *store.Copied) {
	j := s.add(c.NewJob, c.RunAt, c.CreatedAt)
	j.attempt, j.failures, j.begun, j.crashes, j.crashed = c.Attempt, c.Failed, c.Begun, c.Crashes, c.CrashedAt
	j.started, j.finished, j.state = c.StartedAt, c.FinishedAt, c.State
	j.history, j.result, j.logFull = slices.Clone(c.Failures), bytes.Clone(c.Result), c.LogFull
	if c.Progress != nil {
		p := *c.Progress
		p.ID, j.progress = j.ID, &p
	}
	for _, l := range c.Logs {
		l.ID, l.Attrs = j.ID, bytes.Clone(l.Attrs)
		j.lines, j.size = append(j.lines, l), j.size+l.Size()
	}
	for _, m := range c.Memos {
		if j.memos == nil {
			j.memos = map[string]store.Memo{}
		}
		m.Data = bytes.Clone(m.Data)
		j.memos[m.Name] = m
	}
	for _, e := range c.Edges {
		s.tie(&edge{Edge: e.Edge, job: j, state: e.State})
	}
	for _, m := range c.Members {
		s.tie(&edge{Edge: store.Edge{Upstream: m.ID, On: store.OnEnded}, job: j, member: true, state: m.State})
	}
	j.awaits, j.held, j.spurned = c.Waits != "", c.Waits == store.WaitsHeld, c.Cut
	switch {
	case j.awaits:
		s.put(j, blocked)
	case c.State == store.Deleted:
		s.put(j, deleted)
	case c.State.Ended():
		s.put(j, done)
	default:
		j.undecided = j.Terms.Gated()
		s.put(j, due)
	}
}

// ExportKeys is that of store.Copies.
func (s *Store) ExportKeys(ctx context.Context, after store.CopiedKey, most int) (keys []store.CopiedKey, err error) {
	err = s.do(ctx, func(now time.Time) error {
		for k := range s.uniques {
			if h := s.holderOf(k, now); h != nil {
				c := store.CopiedKey{Task: k.task, Key: k.key, ID: h.id, Until: h.until, ExpiresAt: h.expires}
				if compareKeys(c, after) > 0 {
					keys = append(keys, c)
				}
			}
		}
		slices.SortFunc(keys, compareKeys)
		keys = keys[:min(len(keys), most)]
		return nil
	})
	return keys, err
}

func compareKeys(a, b store.CopiedKey) int {
	return cmp.Or(strings.Compare(a.Task, b.Task), strings.Compare(a.Key, b.Key))
}

// ImportKeys is that of store.Copies.
func (s *Store) ImportKeys(ctx context.Context, keys []store.CopiedKey) error {
	return s.do(ctx, func(time.Time) error {
		for _, c := range keys {
			s.uniques[uniqueKey{c.Task, c.Key}] = holder{id: c.ID, until: c.Until, expires: c.ExpiresAt}
		}
		return nil
	})
}

// ExportBook is that of store.Copies.
func (s *Store) ExportBook(ctx context.Context) (b store.Book, err error) {
	if b.Tasks, err = s.Tasks(ctx); err != nil {
		return b, err
	}
	if b.Schedules, err = s.Schedules(ctx); err != nil {
		return b, err
	}
	if b.Records, err = s.Records(ctx, time.Time{}); err != nil {
		return b, err
	}
	err = s.do(ctx, func(now time.Time) error {
		b.Queues, b.Workers = slices.Sorted(maps.Keys(s.pausedQueues)), maps.Clone(s.workers)
		for _, k := range slices.SortedFunc(maps.Keys(s.documents), documentKey.compare) {
			if d, there := s.document(k, now); there {
				d.Value = bytes.Clone(d.Value)
				b.Documents = append(b.Documents, d)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(s.limits)) {
			b.Limits = append(b.Limits, s.limitState(name))
		}
		for _, id := range slices.Sorted(maps.Keys(s.keys)) {
			k := s.keys[id]
			g := store.Gate{FullAt: k.full, Paused: k.paused, Stopped: k.stops}
			g.Limit, g.Key = gate.Parse(id)
			if s.limit(g.Limit).Strict {
				for _, holder := range slices.SortedFunc(maps.Keys(k.holders), store.ID.Compare) {
					if j := k.holders[holder]; j.place == due && j.undecided {
						g.Kept = append(g.Kept, holder)
					}
				}
			}
			if !g.FullAt.IsZero() || !g.Paused.IsZero() || !g.Stopped.IsZero() || len(g.Kept) > 0 {
				b.Gates = append(b.Gates, g)
			}
		}
		return nil
	})
	return b, err
}

// ImportBook is that of store.Copies.
func (s *Store) ImportBook(ctx context.Context, b store.Book) error {
	return s.do(ctx, func(time.Time) error {
		for _, t := range b.Tasks {
			if t.Paused {
				s.pausedTasks[t.Name] = true
			}
			t.Rules, t.Schema = bytes.Clone(t.Rules), bytes.Clone(t.Schema)
			s.tasks[t.Name] = t
		}
		for _, name := range b.Queues {
			s.pausedQueues[name] = true
		}
		maps.Copy(s.workers, b.Workers)
		for _, l := range b.Limits {
			s.limits[l.Name] = &limit{Limit: l.Limit, declared: l.Declared, byHand: l.ByHand, seen: l.Seen}
		}
		for _, g := range b.Gates {
			k := s.key(store.Use{Limit: g.Limit, Key: g.Key})
			k.full, k.paused, k.stops = g.FullAt, g.Paused, g.Stopped
			for _, id := range g.Kept {
				if j := s.known(id); j != nil {
					s.hold(j, k)
				}
			}
		}
		for _, c := range b.Schedules {
			c.Spec, c.LastState = bytes.Clone(c.Spec), ""
			s.schedules[c.Name] = &c
		}
		for _, r := range b.Records {
			s.record(r)
		}
		for _, d := range b.Documents {
			d.Value = bytes.Clone(d.Value)
			s.documents[documentKey{d.Kind, d.Key}] = d
			s.documented = max(s.documented, d.Version)
		}
		return nil
	})
}
