package sqlite

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/origin_keep.sql
	keepOriginSQL string
	//go:embed sql/origin_adopt.sql
	adoptSQL string
)

const originSQL = "SELECT value FROM offload_meta WHERE name = 'origin'"

// A birth is what a file is known by: when it was made, as its file system says. A rename, a
// restart and another machine that mounts the volume leave that as it is, and every copy has
// another. Device numbers change with restarts; host names and paths with containers.
//
// It is kept in the database, so that it goes along with a copy.
type birth struct {
	At     int64  `json:"born"`   // ns since 1970; 0 where the file system does not say
	Number uint64 `json:"number"` // of the file in its file system; 0 where that is not known
	Path   string `json:"path"`   // for people
	Host   string `json:"host"`   // for people

	Move *store.Move `json:"move,omitempty"` // that the store is part of
}

// unborn is At in a backup: wherever it comes to lie, it is a copy.
const unborn = -1

// birthOf looks at a file.
func birthOf(path string) birth {
	b := birthOn(path)
	b.Path = path
	b.Host, _ = os.Hostname()
	return b
}

// is reports whether a file that was born so is the one that is here now.
func (b birth) is(now birth) bool {
	switch {
	case b.Move != nil:
		return false
	case b.At == 0: // a file system that never said can't be asked
		return true
	case b.At == unborn:
		return false
	case now.At == 0: // the same file, seen through something that does not say
		return b.Number == now.Number
	}
	return b.At == now.At && (!birthsAreCopied || b.Number == now.Number)
}

func (b birth) String() string {
	if b.Host == "" {
		return b.Path
	}
	return b.Path + " on " + b.Host
}

func (b birth) json() string {
	text, _ := json.Marshal(b) // of numbers and text
	return string(text)
}

// origin reads where the database was made; known is false where nobody has written that down.
func (t *txn) origin() (made birth, known bool, err error) {
	var text string
	if known, err = one(t, []any{&text}, originSQL); err != nil || !known {
		return made, false, err
	}
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		return made, false, fmt.Errorf("where the database was made can't be read: %w", err)
	}
	return made, true, nil
}

// away reports whether the database is a copy.
func (s *Store) away(t *txn) (bool, error) {
	made, known, err := t.origin()
	return known && !made.is(s.here), err
}

// keepOrigin writes down where the database is, unless it is known where it was made.
func (s *Store) keepOrigin(t *txn) error {
	_, err := t.exec(keepOriginSQL, s.here.json())
	return err
}

// Origin is that of store.Origins.
func (s *Store) Origin(ctx context.Context) (o store.Origin, err error) {
	err = s.ask(ctx, "read where the database was made", func(q *snapshots) error {
		made, known, err := q.origin()
		o = store.Origin{Here: s.here.String()}
		if known {
			o.Made, o.Away = made.String(), !made.is(s.here)
			o.Move = made.Move
		}
		return err
	})
	return o, err
}

// Adopt is that of store.Origins. Processes that are known to the copy are those of the
// original, unless they hold a lock here: their jobs need not wait until they are missed.
func (s *Store) Adopt(ctx context.Context) error {
	err := s.write(ctx, "adopt the database", func(t *txn) error {
		away, err := s.away(t)
		if err != nil || !away {
			return err
		}
		if _, err := t.exec(adoptSQL, s.here.json()); err != nil {
			return err
		}
		processes, err := t.ids("SELECT id FROM offload_process WHERE gone_at IS NULL")
		if err != nil {
			return err
		}
		for _, id := range processes {
			if _, err := os.Lstat(lockPath(s.path, id)); err == nil {
				continue
			}
			if _, err := t.exec("UPDATE offload_process SET gone_at = ?2 WHERE id = ?1", id[:], t.now); err != nil {
				return err
			}
		}
		t.wakeToLook()
		return t.adoptFlows()
	})
	if err != nil {
		return err
	}
	_, err = s.Reap(ctx, nil)
	return err
}

func (s *Store) examineOrigin(q *snapshots) (store.Finding, error) {
	f := store.Finding{Name: "origin", Level: store.Fine, Text: "made here, or adopted"}
	made, known, err := q.origin()
	switch {
	case err != nil:
		return f, err
	case !known:
		f.Text = "where it was made is not written down yet: the next process does that"
	case made.At == 0:
		f.Text = "this file system doesn't say when a file was made: a copy can't be told from the original"
	case !made.is(s.here):
		f = awayFinding(made.String())
	}
	return f, nil
}

func awayFinding(made string) store.Finding {
	return store.Finding{
		Name: "origin", Level: store.Bad, Text: "a copy, made of " + made + ": nothing of it is run",
		Advice: "is it the one to work on? `offload adopt`; for a test `offload adopt --discard-waiting`",
	}
}
