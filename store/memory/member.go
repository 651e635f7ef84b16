package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// A process is one that has joined.
type process struct {
	store.Process
	asleep bool
}

// Join is that of store.Member. Joining again, after an error that leaves doubt, is joining.
func (s *Store) Join(ctx context.Context, p store.Process) error {
	return s.do(ctx, func(now time.Time) error {
		var beats int64
		if before := s.processes[p.ID]; before != nil {
			beats = before.Count + 1 // others may have observed the first try
		}
		s.processes[p.ID] = &process{Process: store.Process{
			ID: p.ID, Name: p.Name, Host: p.Host, PID: p.PID, Version: p.Version,
			Started: now, Beat: now, Count: beats,
		}}
		s.processes[p.ID].keep(p)
		return nil
	})
}

// keep keeps what a beat says of its process.
func (p *process) keep(said store.Process) {
	p.Queues, p.Stuck = maps.Clone(said.Queues), slices.Clone(said.Stuck)
	p.Running, p.Memory = said.Running, said.Memory
}

// Beat is that of store.Member.
func (s *Store) Beat(ctx context.Context, said store.Process) (b store.Beats, err error) {
	err = s.do(ctx, func(now time.Time) error {
		p := s.processes[said.ID]
		if p == nil {
			b.Lost = true
			return nil
		}
		p.keep(said)
		p.Count++
		p.Beat = now
		ring := slices.SortedFunc(maps.Keys(s.processes), store.ID.Compare)
		me := slices.Index(ring, said.ID)
		for _, id := range slices.Concat(ring[me+1:], ring[:me]) {
			if len(b.Peers) < store.ObservedPeers {
				b.Peers = append(b.Peers, store.Peer{ID: id, Count: s.processes[id].Count})
			}
		}
		return nil
	})
	return b, err
}

// Leave is that of store.Member.
func (s *Store) Leave(ctx context.Context, process store.ID) error {
	return s.do(ctx, func(now time.Time) error {
		for _, j := range slices.Collect(maps.Values(s.leases)) {
			if j.process == process {
				s.giveBack(j, due, now)
			}
		}
		delete(s.processes, process)
		return nil
	})
}

// Look is that of store.Member.
func (s *Store) Look(ctx context.Context, process store.ID) (v store.View, err error) {
	err = s.do(ctx, func(now time.Time) error {
		v = store.View{
			Now:    now,
			Paused: slices.Sorted(maps.Keys(s.pausedQueues)),
			Tasks:  slices.Sorted(maps.Keys(s.pausedTasks)),
			Lost:   s.processes[process] == nil,
		}
		if len(s.workers) > 0 {
			v.Workers = maps.Clone(s.workers)
		}
		if p := s.processes[process]; p != nil {
			v.Quiet, v.Stop = p.Quiet, p.Stop
		}
		if s.move != nil {
			v = store.View{Now: now, Quiet: v.Quiet, Stop: v.Stop, Lost: v.Lost, Away: true}
			return nil
		}
		for l, jobs := range s.due {
			v.Lanes = append(v.Lanes, store.Lane{Queue: l.queue, Priority: l.priority, RunAt: jobs[0].runAt})
		}
		slices.SortFunc(v.Lanes, func(a, b store.Lane) int {
			return cmp.Or(cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.Priority, b.Priority))
		})
		v.Parked, v.Suspects = s.parked(now)
		v.Admit, v.Expire, v.Tick, v.Inbox = s.admitAt(now), s.expireAt(), s.tickAt(now), s.waitsInbox()
		v.Settle = len(s.marked) > 0
		for _, j := range s.leases {
			if j.process == process && j.cancel {
				v.Cancel = append(v.Cancel, j.ID)
			}
		}
		slices.SortFunc(v.Cancel, store.ID.Compare)
		return nil
	})
	return v, err
}

// parked returns what of blocked could run now.
func (s *Store) parked(now time.Time) (parked []store.Parked, suspects []string) {
	tasks, queues := map[store.Parked]bool{}, map[string]bool{}
	for _, j := range s.blocked {
		switch {
		case j.runAt.After(now) || j.waits != nil || j.awaits:
		case j.suspect:
			queues[j.Queue] = true
		case j.need != "" || !s.pausedTasks[j.Task]:
			tasks[store.Parked{Queue: j.Queue, Task: store.TaskNeeding(j.Task, j.need)}] = true
		}
	}
	parked = slices.SortedFunc(maps.Keys(tasks), func(a, b store.Parked) int {
		return cmp.Or(cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.Task, b.Task))
	})
	return parked, slices.Sorted(maps.Keys(queues))
}

// Processes is that of store.Reader.
func (s *Store) Processes(ctx context.Context) (all []store.Process, err error) {
	err = s.do(ctx, func(time.Time) error {
		for _, p := range s.processes {
			shown := process{Process: p.Process}
			shown.keep(p.Process) // clones
			all = append(all, shown.Process)
		}
		slices.SortFunc(all, func(a, b store.Process) int { return a.ID.Compare(b.ID) })
		return nil
	})
	return all, err
}
