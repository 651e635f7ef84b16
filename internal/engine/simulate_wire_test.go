package engine

import (
	"context"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// A wire is the way of one life of a process to the store. What is not here goes to the store
// as it is.
type wire struct {
	storage
	w      *world
	number int
	name   string
	dead   chan struct{} // closed when the process is killed

	// Guarded by w.mu.
	killed, frozen  bool
	frozeAt, thawed time.Time
	cut             time.Time // until when nothing comes through
	cutHangs        bool
	member          // what the store was told, and said
}

// newWire makes a wire.
func (w *world) newWire(name string) *wire {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wires = append(w.wires, nil)
	l := &wire{
		storage: w.store, w: w, number: len(w.wires), name: name, dead: make(chan struct{}),
	}
	w.wires[l.number-1] = l
	return l
}

// through makes a call through the wire. check is told that the store has answered, with the
// world's lock held; seen, that the caller has got the answer.
func through[T any](ctx context.Context, l *wire, verb string, about []store.Fence,
	do func(context.Context) (T, error), check func(T), seen func(T),
) (T, error) {
	var answer, none T
	c := &trip{wire: l, verb: verb, about: about}
	c.do = func() (err error) {
		answer, err = do(context.Background())
		if err == nil && check != nil {
			check(answer)
		}
		return err
	}
	if seen != nil {
		c.seen = func() { seen(answer) }
	}
	if err := l.w.ask(ctx, c); err != nil {
		return none, err
	}
	return answer, nil
}

func through0(ctx context.Context, l *wire, verb string, about []store.Fence, do func(context.Context) error, check func()) error {
	_, err := through(ctx, l, verb, about, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) },
		func(struct{}) {
			if check != nil {
				check()
			}
		}, nil)
	return err
}

// aboutJobs are fences of jobs, whatever their attempt.
func aboutJobs(ids ...store.ID) (about []store.Fence) {
	for _, id := range ids {
		about = append(about, store.Fence{ID: id})
	}
	return about
}

func (l *wire) Insert(ctx context.Context, jobs []store.NewJob) ([]store.Inserted, error) {
	jobs = slices.Clone(jobs)
	var ids []store.ID
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	return through(ctx, l, "Insert", aboutJobs(ids...),
		func(ctx context.Context) ([]store.Inserted, error) { return l.storage.Insert(ctx, jobs) },
		func(inserted []store.Inserted) { l.w.inserted(jobs, inserted) }, nil)
}

// A started is what Start answers.
type started struct {
	inserted store.Inserted
	claimed  *store.Claimed
}

func (l *wire) Start(ctx context.Context, process store.ID, job store.NewJob) (store.Inserted, *store.Claimed, error) {
	s, err := through(ctx, l, "Start", aboutJobs(job.ID), func(ctx context.Context) (s started, err error) {
		s.inserted, s.claimed, err = l.storage.Start(ctx, process, job)
		return s, err
	}, func(s started) {
		l.w.inserted([]store.NewJob{job}, []store.Inserted{s.inserted})
		if s.claimed != nil {
			l.w.starts++
			l.w.claimed(l, process, []store.Claimed{*s.claimed}, false)
			l.w.jobs[job.ID].leased = time.Now()
		}
	}, nil)
	return s.inserted, s.claimed, err
}

func (l *wire) Claim(ctx context.Context, req store.ClaimRequest) ([]store.Claimed, error) {
	req.Priorities = slices.Clone(req.Priorities)
	return through(ctx, l, "Claim", nil,
		func(ctx context.Context) ([]store.Claimed, error) { return l.storage.Claim(ctx, req) },
		func(claimed []store.Claimed) { l.w.claimed(l, req.Process, claimed, false) }, nil)
}

func (l *wire) ClaimParked(ctx context.Context, req store.ParkedRequest) ([]store.Claimed, error) {
	req.Tasks = slices.Clone(req.Tasks)
	return through(ctx, l, "ClaimParked", nil,
		func(ctx context.Context) ([]store.Claimed, error) { return l.storage.ClaimParked(ctx, req) },
		func(claimed []store.Claimed) { l.w.claimed(l, req.Process, claimed, req.Suspect) }, nil)
}

func (l *wire) Inputs(ctx context.Context, ids []store.ID) (map[store.ID][]byte, error) {
	ids = slices.Clone(ids)
	return through(ctx, l, "Inputs", aboutJobs(ids...), func(ctx context.Context) (map[store.ID][]byte, error) {
		return l.storage.Inputs(ctx, ids)
	}, nil, nil)
}

func (l *wire) Finish(ctx context.Context, process store.ID, ended []store.Ended) ([]store.Fence, error) {
	ended = slices.Clone(ended)
	var about []store.Fence
	for _, e := range ended {
		about = append(about, e.Fence)
	}
	return through(ctx, l, "Finish", about,
		func(ctx context.Context) ([]store.Fence, error) { return l.storage.Finish(ctx, process, ended) },
		func(lost []store.Fence) { l.w.finished(l, process, ended, lost) },
		func(lost []store.Fence) { l.w.finishSeen(l, ended, lost) })
}

func (l *wire) Release(ctx context.Context, process store.ID, fences []store.Fence) error {
	fences = slices.Clone(fences)
	return through0(ctx, l, "Release", fences, func(ctx context.Context) error { return l.storage.Release(ctx, process, fences) },
		func() { l.w.givenBack(l, process, fences, false) })
}

func (l *wire) Park(ctx context.Context, process store.ID, suspect bool, fences []store.Fence) error {
	fences = slices.Clone(fences)
	return through0(ctx, l, "Park", fences, func(ctx context.Context) error { return l.storage.Park(ctx, process, suspect, fences) },
		func() { l.w.givenBack(l, process, fences, !suspect) })
}

func (l *wire) WriteProgress(ctx context.Context, process store.ID, progress []store.Progress) error {
	progress = slices.Clone(progress)
	return through0(ctx, l, "WriteProgress", nil, func(ctx context.Context) error {
		return l.storage.WriteProgress(ctx, process, progress)
	}, nil)
}

func (l *wire) Join(ctx context.Context, p store.Process) error {
	return through0(ctx, l, "Join", nil, func(ctx context.Context) error { return l.storage.Join(ctx, p) },
		func() { l.w.joined(l, p.ID) })
}

func (l *wire) Beat(ctx context.Context, p store.Process) (store.Beats, error) {
	return through(ctx, l, "Beat", nil, func(ctx context.Context) (store.Beats, error) { return l.storage.Beat(ctx, p) },
		func(b store.Beats) { l.w.beaten(p.ID, b) }, func(b store.Beats) { l.beatSeen(b) })
}

func (l *wire) Leave(ctx context.Context, process store.ID) error {
	return through0(ctx, l, "Leave", nil, func(ctx context.Context) error { return l.storage.Leave(ctx, process) },
		func() { l.w.goes(process, "left") })
}

func (l *wire) Look(ctx context.Context, process store.ID) (store.View, error) {
	return through(ctx, l, "Look", nil, func(ctx context.Context) (store.View, error) { return l.storage.Look(ctx, process) },
		func(v store.View) { l.w.looked(process, &v) }, func(v store.View) { l.lookSeen(&v) })
}

func (l *wire) Reap(ctx context.Context, lost []store.Beaten) (store.Reaped, error) {
	lost = slices.Clone(lost)
	slices.SortFunc(lost, func(a, b store.Beaten) int { return a.ID.Compare(b.ID) })
	return through(ctx, l, "Reap", nil, func(ctx context.Context) (store.Reaped, error) { return l.storage.Reap(ctx, lost) },
		func(store.Reaped) { l.w.reaped(l) }, nil)
}

func (l *wire) Sleep(ctx context.Context, process store.ID, asleep bool) error {
	return through0(ctx, l, "Sleep", nil, func(ctx context.Context) error { return l.storage.Sleep(ctx, process, asleep) }, nil)
}

func (l *wire) TakeDuty(ctx context.Context, name string, every time.Duration) (bool, error) {
	return through(ctx, l, "TakeDuty "+name, nil, func(ctx context.Context) (bool, error) {
		return l.storage.TakeDuty(ctx, name, every)
	}, nil, nil)
}

func (l *wire) Prune(ctx context.Context, most int) (int, error) {
	return through(ctx, l, "Prune", nil, func(ctx context.Context) (int, error) { return l.storage.Prune(ctx, most) }, nil, nil)
}

func (l *wire) CountEnqueued(ctx context.Context) error {
	return through0(ctx, l, "CountEnqueued", nil, l.storage.CountEnqueued, nil)
}

// An admitted is what Admit answers.
type admitted struct {
	moved int
	more  bool
}

func (l *wire) Admit(ctx context.Context, most int) (int, bool, error) {
	a, err := through(ctx, l, "Admit", nil, func(ctx context.Context) (a admitted, err error) {
		a.moved, a.more, err = l.storage.Admit(ctx, most)
		return a, err
	}, nil, nil)
	return a.moved, a.more, err
}

func (l *wire) Expire(ctx context.Context, most int) (int, error) {
	return through(ctx, l, "Expire", nil, func(ctx context.Context) (int, error) { return l.storage.Expire(ctx, most) },
		func(int) { l.w.expired() }, nil)
}

func (l *wire) Tick(ctx context.Context, most int, tick func(time.Time, store.Schedule) (store.Ticked, error)) (int, error) {
	var jobs []store.NewJob
	return through(ctx, l, "Tick", nil, func(ctx context.Context) (int, error) {
		return l.storage.Tick(ctx, most, func(now time.Time, s store.Schedule) (store.Ticked, error) {
			t, err := tick(now, s)
			jobs = append(jobs, t.Jobs...)
			return t, err
		})
	}, func(int) { l.w.ticked(jobs) }, nil)
}

func (l *wire) PutSchedules(ctx context.Context, schedules []store.Schedule) error {
	return through0(ctx, l, "PutSchedules", nil, func(ctx context.Context) error { return l.storage.PutSchedules(ctx, schedules) }, nil)
}

func (l *wire) InboxRows(ctx context.Context, refused bool, most int) ([]store.InboxRow, error) {
	return through(ctx, l, "InboxRows", nil, func(ctx context.Context) ([]store.InboxRow, error) {
		return l.storage.InboxRows(ctx, refused, most)
	}, nil, nil)
}

func (l *wire) MoveInbox(ctx context.Context, fates []store.InboxFate) error {
	fates = slices.Clone(fates)
	var ids []store.ID
	for _, f := range fates {
		ids = append(ids, f.Job.ID)
	}
	return through0(ctx, l, "MoveInbox", aboutJobs(ids...), func(ctx context.Context) error { return l.storage.MoveInbox(ctx, fates) },
		func() { l.w.moved(fates) })
}

func (l *wire) Find(ctx context.Context, f store.Filter) ([]store.Job, error) {
	return through(ctx, l, "Find", nil, func(ctx context.Context) ([]store.Job, error) { return l.storage.Find(ctx, f) }, nil, nil)
}

func (l *wire) Act(ctx context.Context, act store.Act) ([]store.Acted, error) {
	return through(ctx, l, string(act.Verb), aboutJobs(act.IDs...),
		func(ctx context.Context) ([]store.Acted, error) { return l.storage.Act(ctx, act) },
		func(acted []store.Acted) { l.w.acted(act.Verb, acted) }, nil)
}

func (l *wire) Control(ctx context.Context, c store.Control) error {
	return through0(ctx, l, "Control", nil, func(ctx context.Context) error { return l.storage.Control(ctx, c) }, nil)
}

// complete completes a running job in a transaction that has an effect.
func (l *wire) complete(ctx context.Context, process store.ID, ended store.Ended) error {
	return through0(ctx, l, "Commit", []store.Fence{ended.Fence}, func(ctx context.Context) error {
		tx := l.storage.Begin()
		in, err := l.Within(tx)
		if err == nil {
			err = in.Complete(ctx, process, ended)
		}
		if err == nil {
			return tx.Commit()
		}
		_ = tx.Rollback() // forgets, and cannot fail
		return err
	}, func() { l.w.committed(l, process, ended) })
}

// Listen passes wakes on as trips.
func (l *wire) Listen(ctx context.Context, process store.ID, wake func(store.Wake)) error {
	open := true
	err := l.storage.Listen(ctx, process, func(heard store.Wake) { l.wakeTrips(heard, &open, wake) })
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	open = false
	return err
}
