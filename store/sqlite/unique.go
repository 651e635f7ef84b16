package sqlite

import (
	"cmp"
	"database/sql"
	_ "embed"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/unique_owners.sql
	ownersSQL string
	//go:embed sql/unique_free.sql
	freeKeysSQL string
	//go:embed sql/unique_known.sql
	knownSQL string
)

var insertUniques = withRows("INSERT INTO offload_unique (key, id, until, expires_at) ", 4,
	" ON CONFLICT DO UPDATE SET id = excluded.id, until = excluded.until, expires_at = excluded.expires_at")

// uniqueKey is a task's own key as one text.
func uniqueKey(task, key string) string { return task + "\x1f" + key }

// uniqueOf is the unique key of a job with these terms; u is nil if it has none.
func uniqueOf(task string, t *store.Terms) (key string, u *store.Unique) {
	if t == nil || t.Unique == nil {
		return "", nil
	}
	return uniqueKey(task, t.Unique.Key), t.Unique
}

// uniqueArgs adds the parameters of insertUniques for a job that was created at a time.
func uniqueArgs(args []any, key string, u *store.Unique, id []byte, created int64) []any {
	if u.For > 0 {
		return append(args, key, id, "", created+micros(u.For))
	}
	return append(args, key, id, string(cmp.Or(u.Until, store.UntilEnded)), nil)
}

// owners returns the jobs that hold unique keys.
func (t *txn) owners(keys ...string) (map[string]store.ID, error) {
	owners := map[string]store.ID{}
	err := each(t, func(rows *sql.Rows) error {
		var key string
		var id store.ID
		err := rows.Scan(&key, idInto{&id})
		owners[key] = id
		return err
	}, ownersSQL, list(keys), t.now)
	return owners, err
}

// occupy gives a unique key to a job that was created at a time.
func (t *txn) occupy(key string, u *store.Unique, id store.ID, created int64) error {
	return t.execRows(&insertUniques, 4, uniqueArgs(nil, key, u, id[:], created))
}

// freeKeys frees the keys of jobs that have started or ended.
func (t *txn) freeKeys(keys pairs) error {
	if len(keys.texts) == 0 {
		return nil
	}
	_, err := t.exec(freeKeysSQL, list(keys.texts), keys.ids)
	return err
}

// vacate frees the key of a job that has ended.
func (t *txn) vacate(id store.ID, a *asked) error {
	key, u := uniqueOf(a.task, a.terms)
	if u == nil {
		return nil
	}
	var keys pairs
	keys.add(key, id)
	return t.freeKeys(keys)
}

// regain takes the key again of a job that has ended and is to wait again, or says whose it is.
func (t *txn) regain(r *row, a *asked) (by store.ID, err error) {
	key, u := uniqueOf(a.task, a.terms)
	if u == nil || u.For > 0 || u.Until == store.Never || u.Until == store.UntilStarted && r.uses&usesBegun != 0 {
		return by, nil
	}
	owners, err := t.owners(key)
	if err != nil {
		return by, err
	}
	if by := owners[key]; !by.IsZero() && by != r.id {
		return by, nil
	}
	return by, t.occupy(key, u, r.id, a.created)
}

// rekey exchanges the key of a job for that of other terms, or says whose that is. One that has
// lost its key to another goes on without.
func (t *txn) rekey(r *row, a *asked, terms *store.Terms) (by store.ID, err error) {
	was, old := uniqueOf(a.task, a.terms)
	to, u := uniqueOf(a.task, terms)
	if old == nil && u == nil {
		return by, nil
	}
	var holds bool
	if old != nil {
		if _, err := one(t, []any{&holds}, "SELECT id = ?2 FROM offload_unique WHERE key = ?1", was, r.id[:]); err != nil {
			return by, err
		}
	}
	takes := u != nil && (holds || old == nil) && r.at != inDone
	if takes {
		owners, err := t.owners(to)
		if err != nil {
			return by, err
		}
		if by := owners[to]; !by.IsZero() && by != r.id {
			return by, nil
		}
	}
	if holds {
		if _, err := t.exec("DELETE FROM offload_unique WHERE key = ?1", was); err != nil {
			return by, err
		}
	}
	if takes {
		err = t.occupy(to, u, r.id, a.created)
	}
	return by, err
}

// A verdict says what a unique key makes of a new job.
type verdict struct {
	old      store.ID // that stays in its place
	replaced bool     // and takes its input
}

// judge says what becomes of new jobs by their unique keys. Those that it lets in hold their
// keys for those that follow. It returns nil if none has one, and a ConflictError if one refuses
// them all.
func (t *txn) judge(jobs []store.NewJob) ([]verdict, error) {
	var keys []string
	for i := range jobs {
		if key, u := uniqueOf(jobs[i].Task, jobs[i].Terms); u != nil {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	owners, err := t.owners(keys...)
	if err != nil {
		return nil, err
	}
	known, err := t.knownAmong(jobs, keys, owners)
	if err != nil {
		return nil, err
	}
	verdicts := make([]verdict, len(jobs))
	stored := map[store.ID]bool{} // by this call
	for i := range jobs {
		n := &jobs[i]
		if known[n.ID] || stored[n.ID] {
			verdicts[i].old = n.ID
			continue
		}
		if key, u := uniqueOf(n.Task, n.Terms); u != nil {
			if old := owners[key]; !old.IsZero() && old != n.ID {
				if verdicts[i], err = t.conflict(n, old, stored[old]); err != nil {
					return nil, err
				}
				if verdicts[i] != (verdict{}) {
					continue
				}
			}
			owners[key] = n.ID
		}
		stored[n.ID] = true
	}
	return verdicts, nil
}

// conflict says what becomes of a new job whose key an old one holds; the zero verdict is that
// it is stored and takes the key over.
func (t *txn) conflict(n *store.NewJob, old store.ID, stored bool) (verdict, error) {
	switch u := n.Terms.Unique; u.OnConflict {
	case store.ConflictFail:
		return verdict{}, &store.ConflictError{Task: n.Task, Key: u.Key, ID: old}
	case store.ConflictReplace, store.ConflictDebounce:
		waits := stored
		if !waits {
			r, err := t.find(old)
			if err != nil {
				return verdict{}, err
			}
			waits = r.fresh()
		}
		if waits {
			return verdict{old: old, replaced: true}, nil
		}
		return verdict{}, nil
	}
	return verdict{old: old}, nil
}

// fresh reports whether a job waits and no attempt has begun.
func (r *row) fresh() bool {
	return (r.at == inDue || r.at == inBlocked) && r.uses&usesBegun == 0
}

// knownAmong returns which of those jobs are stored already whose keys are taken, or wanted twice.
// For others that is found when they are stored.
func (t *txn) knownAmong(jobs []store.NewJob, keys []string, owners map[string]store.ID) (known map[store.ID]bool, err error) {
	wanted := make(map[string]int, len(keys))
	for _, key := range keys {
		wanted[key]++
	}
	var ids []byte
	for i := range jobs {
		key, u := uniqueOf(jobs[i].Task, jobs[i].Terms)
		if u != nil && (wanted[key] > 1 || !owners[key].IsZero()) {
			ids = append(ids, jobs[i].ID[:]...)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	known = map[store.ID]bool{}
	err = each(t, func(rows *sql.Rows) error {
		var id store.ID
		err := rows.Scan(idInto{&id})
		known[id] = true
		return err
	}, knownSQL, ids)
	return known, err
}

// replace does to a job that waits what a new one with its key asks for.
func (t *txn) replace(r *row, n *store.NewJob) error {
	e := store.Edit{Input: n.Input, Terms: n.Terms}
	if e.Input == nil {
		e.Input = []byte{}
	}
	if n.Terms.Unique.OnConflict == store.ConflictDebounce {
		at := timeOf(t.firstRun(n))
		e.RunAt = &at
	}
	_, _, err := t.edit(r, r.stateAt(t.now), e)
	return err
}
