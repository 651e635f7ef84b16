package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// Numbers of Settle.
const (
	settleAtATime = 2000   // jobs of one transaction: it takes half as many marks
	settleAtOnce  = 20_000 // jobs that a call settles which has marked some
	settleTries   = 3      // of that call, where somebody has the rows
)

// Settle is that of store.Flows. It waits for nobody: what somebody has is marked again, and left to the next.
func (s *Store) Settle(ctx context.Context, most int) (moved int, more bool, err error) {
	moved, _, more, err = s.settleMarked(ctx, most)
	return moved, more, err
}

// settleSoon settles what a call has marked. It is a hint: if it fails, the next Settle does it.
func (s *Store) settleSoon(ctx context.Context, marked bool) {
	for n := 1; marked && n <= settleTries; n++ {
		_, left, _, err := s.settleMarked(ctx, settleAtOnce)
		if err != nil || !left {
			return
		}
		pause(ctx, n)
	}
}

// settleMarked settles until there are no more marks, or only such as are left because somebody has
// the rows.
func (s *Store) settleMarked(ctx context.Context, most int) (moved int, left, more bool, err error) {
	for most > 0 {
		some := min(most, settleAtATime)
		t, err := s.settleSome(ctx, some)
		if err != nil {
			return moved, left, true, err
		}
		moved, left, most = moved+t.moved, t.left, most-max(t.marks, t.looked)
		if t.idle() || t.marks < marksOf(some) && !t.again {
			return moved, left, false, nil
		}
	}
	return moved, left, true, nil
}

// A settling is a transaction of Settle: it takes marks and locks the jobs that they name, then brings their
// edges in line with these, locks who waits, looks at them, and writes down what becomes of them.
// Each lock is looked behind in the next statement.
type settling struct {
	s     *Store
	w     *work
	most  int
	marks int // taken
	named int // jobs, by them
	moved int
	left  bool // something is left to who has it
	again bool // there is more to do because of what was done

	busy, repeat []store.ID // to be marked again: since somebody has them, or since it is not all
	looked       int
	wakes        []store.Wake
	gone         leaving
	steps        []step
	anew         [][16]byte
	taken        map[store.ID]bool // unique keys are another's, of jobs that could go on
}

func (s *Store) settleSome(ctx context.Context, most int) (t *settling, err error) {
	err = s.onEngine(ctx, "settle what waits for others", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transactEngine(ctx, conn, func(w *work) error {
			t = &settling{s: s, w: w, most: most}
			return t.run(ctx)
		})
	})
	if err == nil {
		s.wake(ctx, t.wakes)
		s.admitSoon(ctx, t.gone.touches())
	}
	return t, err
}

func (t *settling) run(ctx context.Context) error {
	ups, waiting, err := t.take(ctx)
	if err != nil || t.marks == 0 {
		return err
	}
	downs, reopened, err := t.edges(ctx, ups, max(t.most-len(waiting), 1))
	if err != nil {
		return err
	}
	ids, err := t.lock(ctx, append(waiting, downs...), reopened)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		if err := t.look(ctx, ids); err != nil {
			return err
		}
	}
	t.left = len(t.busy) > 0
	if marks := append(t.busy, t.repeat...); len(marks) > 0 {
		t.steps = append(t.steps, step{sql: t.s.sql.marksPut, args: []any{idsOf(marks)}})
	}
	return t.w.commit(ctx, t.steps...)
}

// marksOf is how many marks a transaction takes that is to look at so many jobs at most.
func marksOf(most int) int { return max(most/2, 1) }

// idle reports whether all that was marked was left to who has it.
func (t *settling) idle() bool { return !t.again && t.moved == 0 && len(t.busy) >= t.named }

// take takes marks, and returns those of their jobs that are locked, or are gone, and those that wait
// for others themselves.
func (t *settling) take(ctx context.Context) (ups, waiting []store.ID, err error) {
	var marked []store.ID
	held := map[store.ID]bool{}
	err = t.w.send(ctx, query{sql: t.s.sql.marksTake, args: []any{marksOf(t.most)}, row: func(scan func(...any) error) error {
		var one *[16]byte
		var how int
		if err := scan(&one, &how); err != nil {
			return err
		}
		if one == nil {
			t.marks = how
			return nil
		}
		id := store.ID(*one)
		switch how {
		case 0:
			marked = append(marked, id)
			return nil
		case 2:
			waiting = append(waiting, id)
		}
		held[id] = true
		return nil
	}}.step())
	if err != nil {
		return nil, nil, err
	}
	if t.named = len(marked); len(held) == t.named {
		return marked, waiting, nil
	}
	free := slices.DeleteFunc(slices.Clone(marked), func(id store.ID) bool { return held[id] })
	there := map[store.ID]bool{}
	err = t.w.send(ctx, step{sql: t.s.sql.settleThere, args: []any{idsOf(free)}, rows: collect(there)})
	for _, id := range marked {
		if there[id] {
			t.busy = append(t.busy, id)
		} else {
			ups = append(ups, id)
		}
	}
	return ups, waiting, err
}

// edges brings edges in line with their upstreams, and returns who waits there, and the batches with
// a member that is open again, or was.
func (t *settling) edges(ctx context.Context, ups []store.ID, most int) (downs, reopened []store.ID, err error) {
	if len(ups) == 0 {
		return nil, nil, nil
	}
	busy := map[store.ID]bool{}
	rows := 0
	err = t.w.send(ctx, query{sql: t.s.sql.settleEdges, args: []any{idsOf(ups), most}, row: func(scan func(...any) error) error {
		var up, down [16]byte
		var open, failing, locked bool
		if err := scan(&up, &down, &open, &failing, &locked); err != nil {
			return err
		}
		rows++
		if !locked {
			busy[up] = true
			return nil
		}
		if downs = append(downs, down); open {
			reopened = append(reopened, down)
		}
		if failing && !slices.Contains(t.repeat, store.ID(down)) {
			t.again, t.repeat = true, append(t.repeat, down)
		}
		return nil
	}}.step())
	for id := range busy {
		t.busy = append(t.busy, id)
	}
	if rows >= most { // there may be more of any
		t.again = true
		for _, id := range ups {
			if !busy[id] {
				t.repeat = append(t.repeat, id)
			}
		}
	}
	return distinctIDs(downs), reopened, err
}

// distinctIDs are ids in order, each once.
func distinctIDs(ids []store.ID) []store.ID {
	slices.SortFunc(ids, store.ID.Compare)
	return slices.Compact(ids)
}

// lock locks the rows of those who wait, and returns them.
func (t *settling) lock(ctx context.Context, downs, reopened []store.ID) (ids []store.ID, err error) {
	if len(downs) == 0 {
		return nil, nil
	}
	downs = distinctIDs(downs)
	moving := false
	err = t.w.send(ctx, query{sql: t.s.sql.settleLock, args: []any{idsOf(downs), idsOf(reopened)}, row: func(scan func(...any) error) error {
		var id [16]byte
		var how int
		if err := scan(&id, &how); err != nil {
			return err
		}
		switch {
		case how == 1:
			ids = append(ids, id)
		case how == -1 && slices.Contains(reopened, store.ID(id)):
			moving = true // that it is to be opened again nothing would say
		default:
			t.busy = append(t.busy, id)
		}
		return nil
	}}.step())
	if err == nil && moving {
		err = errAgain
	}
	return distinctIDs(ids), err
}

// A waiter is a job that waits for others, or was cut off, or a batch.
type waiter struct {
	id       store.ID
	ended    bool // it lies in done
	held     bool
	come     bool // its time has
	uses     int16
	queue    string
	priority int
	task     string
	retain   time.Duration
	terms    []byte
	expires  bool

	batch  bool
	open   bool // it waits for something yet
	worst  int  // of a batch's members
	misses bool // an edge that can't be met any more
	up     store.ID
	kind   int
	state  int // of that upstream
	hold   bool
}

// look looks at those whose rows are locked, and says what becomes of them.
func (t *settling) look(ctx context.Context, ids []store.ID) error {
	var all []*waiter
	err := t.w.send(ctx, query{sql: t.s.sql.settleLook, args: []any{idsOf(ids)}, row: func(scan func(...any) error) error {
		w, err := readWaiter(scan)
		all = append(all, w)
		return err
	}}.step())
	if err != nil {
		return err
	}
	t.looked = len(all)
	if err := t.regain(ctx, all); err != nil {
		return err
	}
	var f fates
	for _, w := range all {
		if err := f.decide(t, w); err != nil {
			return err
		}
	}
	t.steps = f.steps(t.s.sql)
	t.moved = len(f.free) + len(f.cut) + len(f.hold) + len(f.ended) + len(f.again)
	if len(t.anew) > 0 {
		t.steps = append(t.steps, step{sql: t.s.sql.expiryAnew, args: []any{t.anew}})
	}
	t.steps = append(t.steps, stepsOf(t.gone.queries(t.s.sql))...)
	return nil
}

// readWaiter reads a row of settle_look.sql.
func readWaiter(scan func(...any) error) (*waiter, error) {
	var (
		w           waiter
		id          [16]byte
		gate        *string
		retain      int64
		up          *[16]byte
		kind, state *int
		hold        *bool
	)
	err := scan(&id, &w.ended, &gate, &w.come, &w.uses, &w.queue, &w.priority, &w.task, &retain, &w.terms, &w.expires, &w.batch,
		&w.open, &w.worst, &up, &kind, &state, &hold)
	if err != nil {
		return nil, err
	}
	w.id, w.retain, w.held = id, time.Duration(retain), gate != nil && *gate == gateHeld
	if up != nil {
		w.misses, w.up, w.kind, w.hold = true, *up, *kind, *hold
		if state != nil {
			w.state = *state
		}
	}
	return &w, nil
}

// Fates are what becomes of waiters, as parameters.
type fates struct {
	again, free, cut, hold, wait, ended [][16]byte
	why                                 []string
	outcomes                            []int16
	keep                                []int64
}

// decide says what becomes of a waiter.
func (f *fates) decide(t *settling, w *waiter) error {
	if w.batch {
		return f.decideBatch(t, w)
	}
	switch {
	case w.misses && (w.held || w.ended), w.ended && t.taken[w.id]:
		return nil // it stays so
	case w.misses && w.hold:
		f.hold = append(f.hold, w.id)
		return nil
	case w.misses:
		f.cut, f.why = append(f.cut, w.id), append(f.why, w.reason())
		return t.end(w)
	case w.ended:
		f.reopen(t, w)
	}
	switch {
	case !w.open:
		f.free = append(f.free, w.id)
		t.frees(w)
	case w.held:
		f.wait = append(f.wait, w.id)
	}
	return nil
}

// decideBatch says what becomes of a batch.
func (f *fates) decideBatch(t *settling, w *waiter) error {
	switch {
	case w.ended: // and a member is open again, or was: then it ends anew, by its mark
		f.reopen(t, w)
	case !w.open:
		code, keep := int16(codeCompleted), store.RetainDone
		switch w.worst {
		case 1:
			code, keep = codeDiscarded, store.RetainGaveUp
		case 2:
			code, keep = codeCancelled, store.RetainEnded
		}
		f.ended, f.outcomes = append(f.ended, w.id), append(f.outcomes, code)
		f.keep = append(f.keep, keepFor(w.retain, keep).Microseconds())
		return t.end(w)
	}
	return nil
}

// reopen lets a job wait again that was cut off, or a batch.
func (f *fates) reopen(t *settling, w *waiter) {
	f.again = append(f.again, w.id)
	t.again = t.again || w.uses&usesFlow != 0
}

// end notes what a waiter gives back that ends.
func (t *settling) end(w *waiter) error {
	t.again = t.again || w.uses&usesFlow != 0
	terms, err := decodeTerms(w.task, w.terms)
	if err == nil {
		t.gone.end(w.id, w.task, terms, false)
	}
	return err
}

// frees notes what follows when a waiter is let go.
func (t *settling) frees(w *waiter) {
	if w.expires {
		t.anew = append(t.anew, w.id)
	}
	wake := store.Wake{Queue: w.queue, Priority: w.priority}
	switch {
	case !w.come:
		wake = anything // a claim does not find it yet: look when it comes
	case w.uses&usesGated != 0:
		t.gone.open = true
		return
	}
	if !slices.Contains(t.wakes, wake) {
		t.wakes = append(t.wakes, wake)
	}
}

// reason says why a job is cut off.
func (w *waiter) reason() string {
	e := store.EdgeState{Edge: store.Edge{Upstream: w.up, On: onOf(w.kind)}, State: endOfEdge(w.state)}
	return e.Problem().Error
}

// steps write it all down.
func (f *fates) steps(sql *statements) (steps []step) {
	if len(f.again) > 0 {
		steps = append(steps, step{sql: sql.settleReopen, args: []any{f.again}})
	}
	if len(f.free) > 0 {
		steps = append(steps, step{sql: sql.settleFree, args: []any{f.free}})
	}
	if len(f.cut) > 0 {
		steps = append(steps, step{sql: sql.settleCut, args: []any{f.cut, f.why, store.RetainEnded.Microseconds()}})
	}
	if len(f.ended) > 0 {
		steps = append(steps, step{sql: sql.settleEnd, args: []any{f.ended, f.outcomes, f.keep}})
	}
	if len(f.hold) > 0 {
		steps = append(steps, step{sql: sql.settleGate, args: []any{f.hold, gateHeld}})
	}
	if len(f.wait) > 0 {
		steps = append(steps, step{sql: sql.settleGate, args: []any{f.wait, gateAfter}})
	}
	return steps
}
