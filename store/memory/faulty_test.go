package memory_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
	"github.com/offloadhq/offload/store/storetest"
)

// faulty is a store whose n-th call meets a fault.
type faulty struct {
	*memory.Store
	mu    sync.Mutex // guards the fields below
	n     int        // calls until the fault; 0 is none
	fault storetest.Fault
}

var errBroken = store.Unavailable("memory", errors.New("the line broke"))

func (f *faulty) arm(n int, fault storetest.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n, f.fault = n, fault
}

func (f *faulty) disarm() (met bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	met = f.n == 0
	f.n = 0
	return met
}

// meets counts a call and reports whether it meets the fault.
func (f *faulty) meets() (met bool, fault storetest.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n == 0 {
		return false, 0
	}
	f.n--
	return f.n == 0, f.fault
}

// meet makes a call, or not, and loses its answer, or not.
func meet[T any](f *faulty, call func() (T, error)) (T, error) {
	var none T
	met, fault := f.meets()
	if !met {
		return call()
	}
	if fault == storetest.LoseAnswer {
		_, _ = call() // its answer is what is lost
	}
	return none, errBroken
}

func (f *faulty) do(call func() error) error {
	_, err := meet(f, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

func (f *faulty) Insert(ctx context.Context, jobs []store.NewJob) ([]store.Inserted, error) {
	return meet(f, func() ([]store.Inserted, error) { return f.Store.Insert(ctx, jobs) })
}

func (f *faulty) Claim(ctx context.Context, req store.ClaimRequest) ([]store.Claimed, error) {
	return meet(f, func() ([]store.Claimed, error) { return f.Store.Claim(ctx, req) })
}

func (f *faulty) ClaimParked(ctx context.Context, req store.ParkedRequest) ([]store.Claimed, error) {
	return meet(f, func() ([]store.Claimed, error) { return f.Store.ClaimParked(ctx, req) })
}

func (f *faulty) Finish(ctx context.Context, process store.ID, ended []store.Ended) ([]store.Fence, error) {
	return meet(f, func() ([]store.Fence, error) { return f.Store.Finish(ctx, process, ended) })
}

func (f *faulty) Release(ctx context.Context, process store.ID, fences []store.Fence) error {
	return f.do(func() error { return f.Store.Release(ctx, process, fences) })
}

func (f *faulty) Park(ctx context.Context, process store.ID, suspect bool, fences []store.Fence) error {
	return f.do(func() error { return f.Store.Park(ctx, process, suspect, fences) })
}

func (f *faulty) WriteProgress(ctx context.Context, process store.ID, progress []store.Progress) error {
	return f.do(func() error { return f.Store.WriteProgress(ctx, process, progress) })
}

func (f *faulty) Join(ctx context.Context, p store.Process) error {
	return f.do(func() error { return f.Store.Join(ctx, p) })
}

func (f *faulty) Beat(ctx context.Context, p store.Process) (store.Beats, error) {
	return meet(f, func() (store.Beats, error) { return f.Store.Beat(ctx, p) })
}

func (f *faulty) Leave(ctx context.Context, process store.ID) error {
	return f.do(func() error { return f.Store.Leave(ctx, process) })
}

func (f *faulty) Look(ctx context.Context, process store.ID) (store.View, error) {
	return meet(f, func() (store.View, error) { return f.Store.Look(ctx, process) })
}

func (f *faulty) Reap(ctx context.Context, lost []store.Beaten) (store.Reaped, error) {
	return meet(f, func() (store.Reaped, error) { return f.Store.Reap(ctx, lost) })
}

func (f *faulty) Sleep(ctx context.Context, process store.ID, asleep bool) error {
	return f.do(func() error { return f.Store.Sleep(ctx, process, asleep) })
}

func (f *faulty) Act(ctx context.Context, act store.Act) ([]store.Acted, error) {
	return meet(f, func() ([]store.Acted, error) { return f.Store.Act(ctx, act) })
}

func (f *faulty) Control(ctx context.Context, c store.Control) error {
	return f.do(func() error { return f.Store.Control(ctx, c) })
}

func (f *faulty) RegisterTasks(ctx context.Context, tasks []store.Task) error {
	return f.do(func() error { return f.Store.RegisterTasks(ctx, tasks) })
}

func (f *faulty) TakeDuty(ctx context.Context, name string, every time.Duration) (bool, error) {
	return meet(f, func() (bool, error) { return f.Store.TakeDuty(ctx, name, every) })
}

func (f *faulty) Prune(ctx context.Context, most int) (int, error) {
	return meet(f, func() (int, error) { return f.Store.Prune(ctx, most) })
}

func (f *faulty) Find(ctx context.Context, filter store.Filter) ([]store.Job, error) {
	return meet(f, func() ([]store.Job, error) { return f.Store.Find(ctx, filter) })
}

func (f *faulty) PutLimits(ctx context.Context, limits []store.Limit) error {
	return f.do(func() error { return f.Store.PutLimits(ctx, limits) })
}

func (f *faulty) Admit(ctx context.Context, most int) (moved int, more bool, err error) {
	moved, err = meet(f, func() (moved int, err error) {
		moved, more, err = f.Store.Admit(ctx, most)
		return moved, err
	})
	return moved, more, err
}

func (f *faulty) Expire(ctx context.Context, most int) (int, error) {
	return meet(f, func() (int, error) { return f.Store.Expire(ctx, most) })
}

func (f *faulty) PutSchedules(ctx context.Context, schedules []store.Schedule) error {
	return f.do(func() error { return f.Store.PutSchedules(ctx, schedules) })
}

func (f *faulty) Tick(ctx context.Context, most int, tick func(time.Time, store.Schedule) (store.Ticked, error)) (int, error) {
	return meet(f, func() (int, error) { return f.Store.Tick(ctx, most, tick) })
}

func (f *faulty) Take(ctx context.Context, name string, tick func(time.Time, store.Schedule) (store.Ticked, error)) ([]store.Inserted, error) {
	return meet(f, func() ([]store.Inserted, error) { return f.Store.Take(ctx, name, tick) })
}

func (f *faulty) InboxRows(ctx context.Context, refused bool, most int) ([]store.InboxRow, error) {
	return meet(f, func() ([]store.InboxRow, error) { return f.Store.InboxRows(ctx, refused, most) })
}

func (f *faulty) MoveInbox(ctx context.Context, fates []store.InboxFate) error {
	return f.do(func() error { return f.Store.MoveInbox(ctx, fates) })
}

func (f *faulty) WriteLogs(ctx context.Context, process store.ID, lines []store.LogLine) error {
	return f.do(func() error { return f.Store.WriteLogs(ctx, process, lines) })
}

func (f *faulty) Logs(ctx context.Context, id store.ID, after int64, most int) ([]store.LogLine, error) {
	return meet(f, func() ([]store.LogLine, error) { return f.Store.Logs(ctx, id, after, most) })
}

func (f *faulty) PutMemo(ctx context.Context, process store.ID, fence store.Fence, m store.Memo) error {
	return f.do(func() error { return f.Store.PutMemo(ctx, process, fence, m) })
}

func (f *faulty) Memos(ctx context.Context, id store.ID, names ...string) ([]store.Memo, error) {
	return meet(f, func() ([]store.Memo, error) { return f.Store.Memos(ctx, id, names...) })
}

func (f *faulty) Settle(ctx context.Context, most int) (moved int, more bool, err error) {
	moved, err = meet(f, func() (moved int, err error) {
		moved, more, err = f.Store.Settle(ctx, most)
		return moved, err
	})
	return moved, more, err
}

func (f *faulty) Edges(ctx context.Context, jobs ...store.ID) ([]store.EdgeState, error) {
	return meet(f, func() ([]store.EdgeState, error) { return f.Store.Edges(ctx, jobs...) })
}

func (f *faulty) Batches(ctx context.Context, ids ...store.ID) (map[store.ID]store.BatchCount, error) {
	return meet(f, func() (map[store.ID]store.BatchCount, error) { return f.Store.Batches(ctx, ids...) })
}
