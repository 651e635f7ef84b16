package sqlite

import (
	"database/sql"
	_ "embed"
	"encoding/binary"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/line_advance.sql
	advanceSQL string
	//go:embed sql/line_clear.sql
	clearLinesSQL string
	//go:embed sql/line_clear_front.sql
	clearFrontsSQL string
	//go:embed sql/line_passed.sql
	passedSQL string
	//go:embed sql/line_quit.sql
	quitLineSQL string
	//go:embed sql/line_waiting.sql
	waitingSQL string
	//go:embed sql/admit_next.sql
	admitNextSQL string
)

var (
	advanceFronts = withList(advanceSQL)
	insertLines   = withRows("INSERT INTO offload_line (gate, spot) ", 2, " ON CONFLICT DO NOTHING")
	insertFronts  = withRows("INSERT INTO offload_front (gate, spot, passed) ", 3,
		" ON CONFLICT DO UPDATE SET spot = excluded.spot, passed = excluded.passed")
)

// linePassed is how many who have gone through a line holds before they are taken out of it.
const linePassed = 64

// A spot is where a job comes among those who wait for a gate, as offload_line has it: they
// compare as their bytes do. "" is none.
type spot string

// Bytes of a spot.
const (
	spotOrder = 1  // behind the lane
	spotID    = 9  // behind run_at or the turn
	spotFlag  = 25 // behind the id
	spotQueue = 26
)

func (s spot) bytes() []byte { return []byte(s) }

func (s spot) id() (id store.ID) {
	copy(id[:], s[spotID:])
	return id
}

// spot is where a job comes.
func (e *entrant) spot() spot {
	b := make([]byte, 0, spotQueue+len(e.queue))
	b = append(b, byte(e.lane))
	b = binary.BigEndian.AppendUint64(b, uint64(e.order)^1<<63)
	b = append(b, e.id[:]...)
	flag := byte(1)
	if len(e.limits) == 1 && e.limits[0].Weight() == 1 {
		flag = 0
	}
	return spot(append(append(b, flag), e.queue...))
}

// joinLine has a job wait for a gate that was looked at. It adds parameters of insertLines to lines.
func (t *txn) joinLine(at string, e *entrant, lines []any) ([]any, error) {
	s := e.spot()
	lines = append(lines, at, s.bytes())
	g := t.gateRows[at]
	if opens := g.opens(t.time(), at, e); !opens.IsZero() && (g.wake.IsZero() || opens.Before(g.wake)) {
		g.wake, g.changed = opens, true
	}
	if g.front != "" && g.front < s {
		return lines, nil
	}
	if err := t.clearPassed(at, g); err != nil {
		return nil, err
	}
	g.front, g.moved = s, true
	return lines, nil
}

// clearPassed takes those out of a line that have gone through, which is to be written with its
// front.
func (t *txn) clearPassed(at string, g *gateRow) error {
	if g.passed == 0 {
		return nil
	}
	g.passed = 0
	if g.front == "" {
		_, err := t.exec(clearLinesSQL, list([]string{at}))
		return err
	}
	_, err := t.exec(passedSQL, at, g.front.bytes())
	return err
}

// quitLine takes a job out of the line of a gate. Who waits behind it may have room then.
func (t *txn) quitLine(at string, s spot) error {
	if err := t.lookAtGates([]string{at}); err != nil {
		return err
	}
	if _, err := t.exec(quitLineSQL, at, s.bytes()); err != nil {
		return err
	}
	t.open(at)
	g := t.gateRows[at]
	if g.front != s {
		return nil
	}
	next, err := t.nextInLine(at, s, 1)
	if err != nil {
		return err
	}
	g.front, g.moved = "", true
	if len(next) > 0 {
		g.front = next[0].spot
	}
	return nil
}

// A waiter is a job that waits for a gate.
type waiter struct {
	at     string
	spot   spot
	before bool // it goes through before the line
	entrant
}

// waiterAt is who waits for a gate at a spot; terms are nil for a job that is under no other limit.
func waiterAt(at string, s spot, terms *store.Terms) waiter {
	w := waiter{at: at, spot: s, entrant: entrant{
		id: s.id(), queue: string(s[spotQueue:]), lane: int(s[0]), order: int64(binary.BigEndian.Uint64([]byte(s[spotOrder:spotID])) ^ 1<<63),
	}}
	if terms != nil {
		w.limits = terms.Limits
		return w
	}
	name, key := gate.Parse(at)
	w.limits = []store.Use{{Limit: name, Key: key}}
	return w
}

// nextInLine returns who waits for a gate behind a spot.
func (t *txn) nextInLine(at string, behind spot, most int) (next []waiter, err error) {
	err = each(t, func(rows *sql.Rows) error {
		var s sql.RawBytes
		var terms *store.Terms
		err := rows.Scan(&s, termsInto{&terms})
		next = append(next, waiterAt(at, spot(s), terms))
		return err
	}, admitNextSQL, at, behind.bytes(), most)
	return next, err
}

// waiting returns who waits for a gate that was looked at.
func (t *txn) waiting(at string, most int) ([]store.ID, error) {
	f := t.gateRows[at].front
	if f == "" {
		return nil, nil
	}
	return t.ids(waitingSQL, at, f.bytes(), most)
}

// keepFronts writes who waits first now.
func (t *txn) keepFronts() error {
	var args []any
	var none []string
	for at, g := range t.gateRows {
		if !g.moved {
			continue
		}
		if g.front == "" || g.passed >= linePassed {
			if err := t.clearPassed(at, g); err != nil {
				return err
			}
		}
		g.moved = false
		if g.front != "" {
			args = append(args, at, g.front.bytes(), g.passed)
		} else {
			none = append(none, at)
		}
	}
	if len(none) > 0 {
		if _, err := t.exec(clearFrontsSQL, list(none)); err != nil {
			return err
		}
	}
	return t.execRows(&insertFronts, 3, args)
}

// advance puts the next to the front of lines whose first has gone through. The gates must be
// looked at anew.
func (t *txn) advance(gates []string) error {
	if len(gates) == 0 {
		return nil
	}
	if err := t.keepGates(); err != nil {
		return err
	}
	args := make([]any, len(gates))
	for i, at := range gates {
		args[i] = at
	}
	if err := t.execRows(&advanceFronts, 1, args); err != nil {
		return err
	}
	var long []string
	for _, at := range gates {
		if t.gateRows[at].passed+1 >= linePassed {
			long = append(long, at)
		}
		delete(t.gateRows, at)
	}
	none, err := texts(t, "SELECT gate FROM offload_front WHERE spot IS NULL")
	if err != nil {
		return err
	}
	if len(none) > 0 {
		if _, err := t.exec(clearLinesSQL, list(none)); err != nil {
			return err
		}
		if _, err := t.exec(clearFrontsSQL, list(none)); err != nil {
			return err
		}
	}
	if err := t.lookAtGates(long); err != nil {
		return err
	}
	for _, at := range long {
		g := t.gateRows[at]
		if err := t.clearPassed(at, g); err != nil {
			return err
		}
		g.moved = g.front != ""
	}
	return t.keepFronts()
}
