package sqlite

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

// asked is what was asked of a job that has terms.
type asked struct {
	task, queue string
	priority    int
	created     int64
	terms       *store.Terms
}

// askedOf reads what was asked of a job; terms are nil if it has none.
func (t *txn) askedOf(r *row) (*asked, error) {
	if r.asked != nil {
		return r.asked, nil
	}
	a := &asked{}
	_, err := one(t, []any{&a.task, &a.queue, &a.priority, &a.created, termsInto{&a.terms}},
		"SELECT task, queue, priority, created_at, terms FROM offload_job WHERE id = ?1", r.id[:])
	if err != nil {
		return nil, err
	}
	if r.uses&usesTerms == 0 {
		a.terms = nil
	}
	ofTask(a.terms, a.task)
	r.asked = a
	return a, nil
}

// limits are the limits that a job is under.
func (a *asked) limits() []store.Use {
	if a.terms == nil {
		return nil
	}
	return a.terms.Limits
}

// ofTask tells a unique key of whose it is.
func ofTask(t *store.Terms, task string) {
	if t != nil && t.Unique != nil {
		t.Unique.Task = task
	}
}

// usesOf are the bits of uses of a new job with these terms.
func usesOf(t *store.Terms) (uses int) {
	if t == nil {
		return 0
	}
	uses = usesTerms
	if t.Expire > 0 {
		uses |= usesExpires
	}
	if !t.Batch.IsZero() {
		uses |= usesMember
	}
	return uses
}

// begin notes that an attempt may have begun of a job whose lease was taken.
func (r *row) begin() {
	if r.uses&usesTerms != 0 {
		r.uses = r.uses&^usesExpires | usesBegun
	}
}

// endTerms takes back all that a job has of its limits and keys, since it ends.
func (t *txn) endTerms(r *row, state int) error {
	if r.uses&usesTerms == 0 {
		return nil
	}
	a, err := t.askedOf(r)
	if err != nil {
		return err
	}
	if limits := a.limits(); len(limits) > 0 {
		if state == stateDiscarded {
			if err := t.stop(r.id, limits); err != nil {
				return err
			}
		}
		if err := t.leaveLimits(r.id, limits, false); err != nil {
			return err
		}
	}
	r.uses &^= usesKeyed
	if r.uses&usesMember != 0 && a.terms != nil && r.at != inDone { // of one that had ended the batch knows how
		if err := t.noteMember(a.terms.Batch, r.id, state); err != nil {
			return err
		}
	}
	return t.vacate(r.id, a)
}

// termsOf returns terms as they are kept: JSON, or NULL if there are none.
func termsOf(t *store.Terms) (any, error) {
	if t == nil {
		return nil, nil
	}
	text, err := json.Marshal(t)
	return string(text), err
}

// termsInto scans a column of terms.
type termsInto struct{ terms **store.Terms }

// Scan is that of sql.Scanner.
func (i termsInto) Scan(value any) error {
	*i.terms = nil
	switch text := value.(type) {
	case string:
		return json.Unmarshal([]byte(text), i.terms)
	case []byte:
		return json.Unmarshal(text, i.terms)
	}
	return nil
}

// A termsRead are terms that were read before: those of one key are alike in each of its jobs.
// It is for one goroutine at a time.
type termsRead map[string]*store.Terms

// mostTermsRead is how many are remembered.
const mostTermsRead = 4096

// read returns terms, of which nobody else changes what the returned ones point to.
func (r termsRead) read(text string) (*store.Terms, error) {
	if known := r[text]; known != nil {
		t := *known
		return &t, nil
	}
	t := &store.Terms{}
	if err := json.Unmarshal([]byte(text), t); err != nil {
		return nil, err
	}
	if r != nil && t.Unique == nil && t.Schedule == "" { // others are seldom alike
		if len(r) >= mostTermsRead {
			clear(r)
		}
		known := *t
		r[text] = &known
	}
	return t, nil
}

// rare is what few jobs of a claim have; a plain job is told by one NULL.
type rare struct {
	read    termsRead
	uses    int
	dueAt   int64 // of a job with a turn
	crashes int
	terms   *store.Terms
}

// Scan is that of sql.Scanner.
func (r *rare) Scan(value any) (err error) {
	r.uses, r.dueAt, r.crashes, r.terms = 0, 0, 0, nil
	var text string
	switch v := value.(type) {
	case nil:
		return nil
	case string:
		text = v
	case []byte:
		text = string(v)
	}
	parts := strings.SplitN(text, " ", 4)
	if len(parts) != 4 {
		return errors.New("a column that should hold what few jobs have does not")
	}
	var errs [3]error
	r.uses, errs[0] = strconv.Atoi(parts[0])
	r.dueAt, errs[1] = strconv.ParseInt(parts[1], 10, 64)
	r.crashes, errs[2] = strconv.Atoi(parts[2])
	if parts[3] != "" {
		r.terms, err = r.read.read(parts[3])
	}
	return errors.Join(errs[0], errs[1], errs[2], err)
}

// A pairs is a list of texts, each with an id, as statements want them.
type pairs struct {
	texts []string
	ids   []byte
}

func (p *pairs) add(text string, id store.ID) {
	p.texts, p.ids = append(p.texts, text), append(p.ids, id[:]...)
}

// list is texts as JSON.
func list(texts []string) string {
	all, _ := json.Marshal(texts) // strings always can be
	return string(all)
}

// idOrNull is an id as a parameter; the zero id is NULL.
func idOrNull(id store.ID) any {
	if id.IsZero() {
		return nil
	}
	return id[:]
}

// timeOrNull is a time as a parameter, rounded up; the zero time is NULL.
func timeOrNull(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.Add(time.Microsecond - 1).UnixMicro()
}
