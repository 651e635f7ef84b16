package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

// misbehaving is a store in memory that fails as it is told to.
type misbehaving struct {
	*memory.Store
	mu     sync.Mutex
	away   map[string]bool                 // verbs that fail with an outage; "" is all
	hang   map[string]bool                 // verbs that answer nothing until their context ends
	lose   map[string]int                  // how many answers of a verb are lost
	bad    func(store.Ended) error         // why a row is refused
	taken  func(jobs []store.NewJob) error // why an insert is refused
	refuse error                           // why lines of logs are refused
	view   func(*store.View)               // changes what Look returns
	marks  int                             // how much there is to settle
	settle func() error                    // is called for each of these
	calls  map[string]int
	rows   []int    // of each Finish that worked
	asleep []bool   // as told by Sleep
	order  []string // of calls to Sleep, Claim and Look
	asks   []store.ClaimRequest
	meets  func(ctx context.Context, verb string) (before, after error) // instead of all this
}

var (
	errAway = store.Unavailable("test", errors.New("the store is away"))
	errBad  = errors.New("refused")
)

func misbehave() *misbehaving {
	return &misbehaving{
		Store: memory.New(), away: map[string]bool{}, hang: map[string]bool{}, lose: map[string]int{},
		calls: map[string]int{},
	}
}

// set changes how the store behaves.
func (m *misbehaving) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// refuses is what says why an insert is refused.
func (m *misbehaving) refuses() func([]store.NewJob) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.taken
}

func (m *misbehaving) count(verb string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[verb]
}

// meet makes a call as the store is told to behave.
func meet[T any](ctx context.Context, m *misbehaving, verb string, call func() (T, error)) (T, error) {
	var none T
	if m.meets != nil {
		before, after := m.meets(ctx, verb)
		if before != nil {
			return none, before
		}
		answer, err := call()
		if after != nil {
			return none, after
		}
		return answer, err
	}
	m.mu.Lock()
	m.calls[verb]++
	if verb == "Sleep" || verb == "Claim" || verb == "Look" {
		m.order = append(m.order, verb)
	}
	away, hang := m.away[""] || m.away[verb], m.hang[verb]
	lose := m.lose[verb] > 0 && !away && !hang
	if lose {
		m.lose[verb]--
	}
	m.mu.Unlock()
	if hang {
		<-ctx.Done()
		return none, store.Unavailable("test", ctx.Err())
	}
	if away {
		return none, errAway
	}
	answer, err := call()
	if lose {
		return none, errAway
	}
	return answer, err
}

func meet0(ctx context.Context, m *misbehaving, verb string, call func() error) error {
	_, err := meet(ctx, m, verb, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

func (m *misbehaving) Insert(ctx context.Context, jobs []store.NewJob) ([]store.Inserted, error) {
	return meet(ctx, m, "Insert", func() ([]store.Inserted, error) {
		if taken := m.refuses(); taken != nil {
			if err := taken(jobs); err != nil {
				return nil, err
			}
		}
		return m.Store.Insert(ctx, jobs)
	})
}

func (m *misbehaving) Claim(ctx context.Context, req store.ClaimRequest) ([]store.Claimed, error) {
	m.set(func() { m.asks = append(m.asks, req) })
	return meet(ctx, m, "Claim", func() ([]store.Claimed, error) { return m.Store.Claim(ctx, req) })
}

func (m *misbehaving) Start(ctx context.Context, process store.ID, job store.NewJob) (in store.Inserted, c *store.Claimed, err error) {
	err = meet0(ctx, m, "Start", func() (err error) {
		in, c, err = m.Store.Start(ctx, process, job)
		return err
	})
	if err != nil {
		return store.Inserted{}, nil, err
	}
	return in, c, nil
}

func (m *misbehaving) ClaimParked(ctx context.Context, req store.ParkedRequest) ([]store.Claimed, error) {
	return meet(ctx, m, "ClaimParked", func() ([]store.Claimed, error) { return m.Store.ClaimParked(ctx, req) })
}

func (m *misbehaving) Inputs(ctx context.Context, ids []store.ID) (map[store.ID][]byte, error) {
	return meet(ctx, m, "Inputs", func() (map[store.ID][]byte, error) { return m.Store.Inputs(ctx, ids) })
}

func (m *misbehaving) Finish(ctx context.Context, process store.ID, ended []store.Ended) ([]store.Fence, error) {
	return meet(ctx, m, "Finish", func() ([]store.Fence, error) {
		if m.bad != nil {
			for _, e := range ended {
				if err := m.bad(e); err != nil {
					return nil, err
				}
			}
		}
		m.set(func() { m.rows = append(m.rows, len(ended)) })
		return m.Store.Finish(ctx, process, ended)
	})
}

func (m *misbehaving) Release(ctx context.Context, process store.ID, fences []store.Fence) error {
	return meet0(ctx, m, "Release", func() error { return m.Store.Release(ctx, process, fences) })
}

func (m *misbehaving) Park(ctx context.Context, process store.ID, suspect bool, fences []store.Fence) error {
	return meet0(ctx, m, "Park", func() error { return m.Store.Park(ctx, process, suspect, fences) })
}

func (m *misbehaving) WriteProgress(ctx context.Context, process store.ID, progress []store.Progress) error {
	return meet0(ctx, m, "WriteProgress", func() error { return m.Store.WriteProgress(ctx, process, progress) })
}

func (m *misbehaving) WriteLogs(ctx context.Context, process store.ID, lines []store.LogLine) error {
	return meet0(ctx, m, "WriteLogs", func() error {
		m.mu.Lock()
		refuse := m.refuse
		m.mu.Unlock()
		if refuse != nil {
			return refuse
		}
		return m.Store.WriteLogs(ctx, process, lines)
	})
}

func (m *misbehaving) Now(ctx context.Context) (time.Time, error) {
	return meet(ctx, m, "Now", func() (time.Time, error) { return m.Store.Now(ctx) })
}

func (m *misbehaving) Join(ctx context.Context, p store.Process) error {
	return meet0(ctx, m, "Join", func() error { return m.Store.Join(ctx, p) })
}

func (m *misbehaving) Beat(ctx context.Context, p store.Process) (store.Beats, error) {
	return meet(ctx, m, "Beat", func() (store.Beats, error) { return m.Store.Beat(ctx, p) })
}

func (m *misbehaving) Leave(ctx context.Context, process store.ID) error {
	return meet0(ctx, m, "Leave", func() error { return m.Store.Leave(ctx, process) })
}

func (m *misbehaving) Look(ctx context.Context, process store.ID) (store.View, error) {
	return meet(ctx, m, "Look", func() (store.View, error) {
		v, err := m.Store.Look(ctx, process)
		if m.view != nil {
			m.view(&v)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		v.Settle = v.Settle || m.marks > 0
		return v, err
	})
}

func (m *misbehaving) Reap(ctx context.Context, lost []store.Beaten) (store.Reaped, error) {
	return meet(ctx, m, "Reap", func() (store.Reaped, error) { return m.Store.Reap(ctx, lost) })
}

func (m *misbehaving) Sleep(ctx context.Context, process store.ID, asleep bool) error {
	m.set(func() { m.asleep = append(m.asleep, asleep) })
	return meet0(ctx, m, "Sleep", func() error { return m.Store.Sleep(ctx, process, asleep) })
}

func (m *misbehaving) TakeDuty(ctx context.Context, name string, every time.Duration) (bool, error) {
	return meet(ctx, m, "TakeDuty", func() (bool, error) { return m.Store.TakeDuty(ctx, name, every) })
}

func (m *misbehaving) Prune(ctx context.Context, most int) (int, error) {
	return meet(ctx, m, "Prune", func() (int, error) { return m.Store.Prune(ctx, most) })
}

func (m *misbehaving) Find(ctx context.Context, f store.Filter) ([]store.Job, error) {
	return meet(ctx, m, "Find", func() ([]store.Job, error) { return m.Store.Find(ctx, f) })
}

func (m *misbehaving) Admit(ctx context.Context, most int) (moved int, more bool, err error) {
	err = meet0(ctx, m, "Admit", func() (err error) {
		moved, more, err = m.Store.Admit(ctx, most)
		return err
	})
	return moved, more, err
}

func (m *misbehaving) Expire(ctx context.Context, most int) (int, error) {
	return meet(ctx, m, "Expire", func() (int, error) { return m.Store.Expire(ctx, most) })
}

func (m *misbehaving) Settle(ctx context.Context, most int) (moved int, more bool, err error) {
	err = meet0(ctx, m, "Settle", func() error {
		if moved, more, err = m.Store.Settle(ctx, most); err != nil {
			return err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		for ; m.marks > 0 && moved < most; m.marks-- {
			if err := m.settle(); err != nil {
				return err
			}
			moved++
		}
		more = m.marks > 0
		return nil
	})
	return moved, more, err
}

func (m *misbehaving) Tick(ctx context.Context, most int, tick func(time.Time, store.Schedule) (store.Ticked, error)) (int, error) {
	var took int // also beside an error
	err := meet0(ctx, m, "Tick", func() (err error) {
		took, err = m.Store.Tick(ctx, most, tick)
		return err
	})
	return took, err
}

func (m *misbehaving) PutSchedules(ctx context.Context, schedules []store.Schedule) error {
	return meet0(ctx, m, "PutSchedules", func() error { return m.Store.PutSchedules(ctx, schedules) })
}

func (m *misbehaving) InboxRows(ctx context.Context, refused bool, most int) ([]store.InboxRow, error) {
	return meet(ctx, m, "InboxRows", func() ([]store.InboxRow, error) { return m.Store.InboxRows(ctx, refused, most) })
}

func (m *misbehaving) MoveInbox(ctx context.Context, fates []store.InboxFate) error {
	return meet0(ctx, m, "MoveInbox", func() error {
		taken := m.refuses()
		for _, f := range fates {
			if taken != nil && f.Job != nil {
				if err := taken([]store.NewJob{*f.Job}); err != nil {
					return err
				}
			}
		}
		return m.Store.MoveInbox(ctx, fates)
	})
}

func (m *misbehaving) CountEnqueued(ctx context.Context) error {
	return meet0(ctx, m, "CountEnqueued", func() error { return m.Store.CountEnqueued(ctx) })
}

// total is how many calls there were of all verbs.
func (m *misbehaving) total() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, calls := range m.calls {
		n += calls
	}
	return n
}
