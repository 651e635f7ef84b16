package sqlite

import (
	"database/sql"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/gate_look.sql
	lookGatesSQL string
	//go:embed sql/gate_holds.sql
	holdsSQL string
	//go:embed sql/gate_leave.sql
	leaveSQL string
	//go:embed sql/limit_known.sql
	knownLimitsSQL string
)

var (
	insertHolds = withRows("INSERT INTO offload_hold (gate, id, weight) ", 3, " ON CONFLICT DO NOTHING")
	insertGates = withRows("INSERT INTO offload_gate (id, full_at, paused_until, stops, wake_at) ", 5,
		" ON CONFLICT DO UPDATE SET full_at = excluded.full_at, paused_until = excluded.paused_until, stops = excluded.stops, wake_at = excluded.wake_at")
)

// A gateRow is a key of a limit as a transaction knows it.
type gateRow struct {
	gate.Gate
	wake    time.Time // when somebody who waits may have room; the zero time is never, as far as is known
	changed bool      // and not written yet

	front  spot // of who waits first; "": nobody does
	passed int  // so many are before it in the line, at most
	moved  bool // and not written yet
}

// gates are the keys of limits that a transaction has looked at. Nobody else changes them
// meanwhile; what it has left must be looked at again.
type gates struct {
	gateRows map[string]*gateRow
	limits   map[string]store.Limit
	opened   map[string]bool // that may have got room: see letThrough
}

// open notes that who waits for a gate may have room.
func (t *txn) open(id string) {
	if t.opened == nil {
		t.opened = map[string]bool{}
	}
	t.opened[id] = true
}

// lookAtGates reads gates that were not looked at yet.
func (t *txn) lookAtGates(ids []string) error {
	if t.gateRows == nil {
		t.gateRows = map[string]*gateRow{}
	}
	lacks := map[string]bool{}
	for _, id := range ids {
		if t.gateRows[id] == nil {
			lacks[id] = true
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	ids = slices.Sorted(maps.Keys(lacks))
	if err := t.knowLimits(ids); err != nil {
		return err
	}
	return each(t, func(rows *sql.Rows) error {
		id, g, err := t.scanGate(ids, rows)
		t.gateRows[id] = g
		return err
	}, lookGatesSQL, list(ids))
}

// scanGate reads a row of gate_look.sql about one of some gates, and more behind it.
func (t *txn) scanGate(ids []string, rows *sql.Rows, more ...any) (id string, g *gateRow, err error) {
	g = &gateRow{}
	var at int
	var state, front sql.RawBytes
	var passed sql.NullInt64
	if err := rows.Scan(append([]any{&at, &state, &front, &passed, &g.Held}, more...)...); err != nil {
		return "", nil, err
	}
	id, g.front, g.passed = ids[at], spot(front), int(passed.Int64)
	name, _ := gate.Parse(id)
	g.Limit = t.limits[name]
	if state != nil {
		err = g.read(state)
	}
	return id, g, err
}

// read reads what gate_look.sql says of a gate that has a row of its own.
func (g *gateRow) read(state []byte) error {
	var full, paused, wake *int64
	var stops string
	if err := json.Unmarshal(state, &[]any{&full, &paused, &stops, &wake}); err != nil {
		return fmt.Errorf("a gate that cannot be read: %w", err)
	}
	for at, into := range map[*int64]*time.Time{full: &g.Full, paused: &g.Paused, wake: &g.wake} {
		if at != nil {
			*into = timeOf(*at)
		}
	}
	_, err := hex.Decode(g.Stops[:], []byte(stops))
	return err
}

// knowLimits reads the limits of gates. One that nobody has made known has no room.
func (t *txn) knowLimits(gates []string) error {
	if t.limits == nil {
		t.limits = map[string]store.Limit{}
	}
	var lacks []string
	for _, id := range gates {
		name, _ := gate.Parse(id)
		if _, known := t.limits[name]; !known {
			t.limits[name] = store.Limit{Name: name}
			lacks = append(lacks, name)
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	return each(t, func(rows *sql.Rows) error {
		var l store.Limit
		err := rows.Scan(&l.Name, &l.Max, spanInto{&l.Per}, &l.Burst, &l.WhenFull, &l.Strict)
		t.limits[l.Name] = l
		return err
	}, knownLimitsSQL, list(lacks))
}

// forgetGates has all gates looked at anew, since what is known of their holders is not so any
// more.
func (t *txn) forgetGates() error {
	err := t.keepGates()
	t.gateRows = nil
	return err
}

// keepGates writes what was changed.
func (t *txn) keepGates() error {
	var args []any
	for id, g := range t.gateRows {
		if g.changed {
			args = append(args, id, timeOrNull(g.Full), timeOrNull(g.Paused), idOrNull(g.Stops), timeOrNull(g.wake))
			g.changed = false
		}
	}
	if err := t.execRows(&insertGates, 5, args); err != nil {
		return err
	}
	return t.keepFronts()
}

// gatesOf are the gates that a job goes through.
func gatesOf(limits []store.Use) []string {
	ids := make([]string, len(limits))
	for i, u := range limits {
		ids[i] = gate.IDOf(u)
	}
	return ids
}

// An entrant is a job that wants to go through its gates.
type entrant struct {
	id     store.ID
	queue  string
	lane   int
	order  int64 // its run_at or its turn
	limits []store.Use
	holds  map[string]bool // gates that it holds already; nil is none
}

// barredBy returns the first gate that keeps a job from starting: "" if there is none. What it
// holds it need not wait for, unless nothing of that key may start.
func (t *txn) barredBy(e *entrant) (string, error) {
	if err := t.lookAtGates(gatesOf(e.limits)); err != nil {
		return "", err
	}
	for _, u := range e.limits {
		id := gate.IDOf(u)
		if t.gateRows[id].bars(t.time(), id, e, u) {
			return id, nil
		}
	}
	return "", nil
}

// bars reports whether a gate that was looked at keeps a job from starting.
func (g *gateRow) bars(now time.Time, id string, e *entrant, u store.Use) bool {
	switch {
	case e.holds[id]:
		return now.Before(g.Paused) || !g.Stops.IsZero() && g.Stops != e.id
	case !g.Room(now, e.id, u):
		return true
	}
	// The job that stops the gate goes first when it is tried again.
	return g.front != "" && g.Stops != e.id && g.front < e.spot()
}

// without is a gate without what a job itself holds and stops of it.
func (g *gateRow) without(id string, e *entrant) *gate.Gate {
	free := g.Gate
	if free.Stops == e.id {
		free.Stops = store.ID{}
	}
	if e.holds[id] {
		free.Leave(useOf(e.limits, id))
	}
	return &free
}

// opens is when a gate has room for a job if nothing happens meanwhile; the zero time is never.
func (g *gateRow) opens(now time.Time, id string, e *entrant) time.Time {
	return g.without(id, e).Opens(now, useOf(e.limits, id))
}

// hold lets a job through its gates. It adds parameters of insertHolds to holds.
func (t *txn) hold(e *entrant, holds []any) []any {
	for _, u := range e.limits {
		id := gate.IDOf(u)
		g := t.gateRows[id]
		if !e.holds[id] {
			holds = append(holds, id, e.id[:], weight(&g.Limit, u))
			g.Take(u)
		}
		if g.Stops == e.id { // it is tried again
			g.Stops, g.changed = store.ID{}, true
		}
	}
	return holds
}

func weight(l *store.Limit, u store.Use) int {
	if l.Per == 0 {
		return 1
	}
	return u.Weight()
}

// holdsOf returns which gates a job holds.
func (t *txn) holdsOf(id store.ID, limits []store.Use) (map[string]bool, error) {
	held, err := texts(t, holdsSQL, list(gatesOf(limits)), id[:])
	if len(held) == 0 {
		return nil, err
	}
	holds := make(map[string]bool, len(held))
	for _, gate := range held {
		holds[gate] = true
	}
	return holds, err
}

// leaveLimits takes back what a job holds; if it waits again, but for limits that are kept until it
// has ended.
func (t *txn) leaveLimits(id store.ID, limits []store.Use, again bool) error {
	ids := gatesOf(limits)
	if err := t.knowLimits(ids); err != nil {
		return err
	}
	var left pairs
	for i, u := range limits {
		if !again || !t.limits[u.Limit].Kept() {
			left.add(ids[i], id)
		}
	}
	return t.leaveGates(left)
}

// leaveGates takes back what jobs hold.
func (t *txn) leaveGates(left pairs) error {
	if len(left.texts) == 0 {
		return nil
	}
	if _, err := t.exec(leaveSQL, list(left.texts), left.ids); err != nil {
		return err
	}
	for _, id := range left.texts {
		t.open(id)
	}
	return t.forgetGates()
}

// stop stops the Strict gates of a job that was discarded.
func (t *txn) stop(id store.ID, limits []store.Use) error {
	if err := t.lookAtGates(gatesOf(limits)); err != nil {
		return err
	}
	for _, u := range limits {
		if g := t.gateRows[gate.IDOf(u)]; g.Limit.Strict {
			g.Stops, g.changed = id, true
		}
	}
	return nil
}

// unstop lets gates go on that a job has stopped, but for those of the limits given, which it
// is to go through first.
func (t *txn) unstop(id store.ID, but []store.Use) error {
	stopped, err := texts(t, "SELECT id FROM offload_gate WHERE stops = ?1", id[:])
	if err != nil || len(stopped) == 0 {
		return err
	}
	if err := t.lookAtGates(stopped); err != nil {
		return err
	}
	kept := gatesOf(but)
	for _, at := range stopped {
		if g := t.gateRows[at]; g.Stops == id && !slices.Contains(kept, at) {
			g.Stops, g.changed = store.ID{}, true
			t.open(at)
		}
	}
	return nil
}
