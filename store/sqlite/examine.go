package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

const (
	smallFile  = 256 << 20 // up to this size the whole file is checked
	littleDisk = 512 << 20
)

// Examine is that of store.Reader.
func (s *Store) Examine(ctx context.Context) (findings []store.Finding, err error) {
	err = s.ask(ctx, "examine the database", func(q *snapshots) error {
		for _, look := range []func(*snapshots) (store.Finding, error){
			s.examineSchema, s.examineOrigin, s.examineLibrary, examineDurability, s.examinePlace, s.examineDisk, s.examineSize, s.examineLog,
			examineClock, examineWhole, s.examineStanding,
		} {
			f, err := look(q)
			if err != nil {
				return err
			}
			findings = append(findings, f)
			if f.Name == "schema" && f.Level == store.Bad {
				return nil // what follows reads the tables
			}
			if err := q.renew(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return append(findings, examineLibc()...), nil
}

func (s *Store) examineSchema(q *snapshots) (store.Finding, error) {
	f := store.Finding{Name: "schema", Level: store.Fine}
	st, err := standingOf(q)
	if err != nil {
		return f, err
	}
	f.Text = fmt.Sprintf("version %d, this program knows %d", st.version, newest())
	switch {
	case st.excludes() != nil:
		f.Level, f.Advice = store.Bad, "use a newer release of offload: this one is excluded"
	case st.version < newest():
		f.Level, f.Advice = store.Bad, "migrate it: `offload migrate`"
	}
	for _, m := range migrations {
		if sum, ok := st.sums[m.version]; ok && sum != m.sha256 && f.Level == store.Fine {
			f.Level, f.Advice = store.Warning, fmt.Sprintf("version %d was applied from another text than this program's: compare `offload migrate --sql` with the tables", m.version)
		}
	}
	return f, nil
}

func (s *Store) examineLibrary(q *snapshots) (store.Finding, error) {
	f := store.Finding{Name: "sqlite", Level: store.Fine}
	var version string
	if _, err := one(q, []any{&version}, "SELECT sqlite_version()"); err != nil {
		return f, err
	}
	f.Text = fmt.Sprintf("%s by %s", version, s.file.library)
	if err := checkLibrary(version); err != nil {
		f.Level, f.Advice = store.Bad, "update the driver: SQLite before 3.51.3 can lose commits"
	}
	return f, nil
}

func examineDurability(q *snapshots) (store.Finding, error) {
	f := store.Finding{Name: "durability", Level: store.Fine}
	var mode string
	var sync int
	if _, err := one(q, []any{&mode}, "PRAGMA journal_mode"); err != nil {
		return f, err
	}
	if _, err := one(q, []any{&sync}, "PRAGMA synchronous"); err != nil {
		return f, err
	}
	f.Text = fmt.Sprintf("journal_mode %s, synchronous %d", mode, sync)
	if mode != "wal" || sync < 2 {
		f.Level, f.Advice = store.Bad, "want journal_mode wal and synchronous 2 (FULL) on every connection"
	}
	return f, nil
}

func (s *Store) examinePlace(*snapshots) (store.Finding, error) {
	at := placeOf(s.path)
	f := store.Finding{Name: "file system", Level: store.Fine, Text: "local disk"}
	if at.kind != "" {
		f.Level, f.Text, f.Advice = store.Bad, at.kind+": "+s.path, placeAdvice
	}
	return f, nil
}

func (s *Store) examineDisk(*snapshots) (store.Finding, error) {
	at := placeOf(s.path)
	if at.free < 0 {
		return store.Finding{Name: "disk", Level: store.Fine, Text: "free space is not known on this system"}, nil
	}
	f := store.Finding{Name: "disk", Level: store.Fine, Text: bytesText(at.free) + " free"}
	if at.free < littleDisk {
		f.Level, f.Advice = store.Warning, "make room: when the disk is full, enqueues are refused"
	}
	return f, nil
}

func (s *Store) examineSize(q *snapshots) (store.Finding, error) {
	f := store.Finding{Name: "size", Level: store.Fine}
	var pages, unused, size int64
	for pragma, into := range map[string]*int64{"PRAGMA page_count": &pages, "PRAGMA freelist_count": &unused, "PRAGMA page_size": &size} {
		if _, err := one(q, []any{into}, pragma); err != nil {
			return f, err
		}
	}
	f.Text = fmt.Sprintf("%s, of which %s can be used again", bytesText(pages*size), bytesText(unused*size))
	return f, nil
}

func (s *Store) examineLog(*snapshots) (store.Finding, error) {
	f := store.Finding{Name: "log", Level: store.Fine, Text: "empty"}
	size := logSize(s.path)
	if size == 0 {
		return f, nil
	}
	f.Text = bytesText(size)
	if size > largeLog {
		f.Level, f.Advice = store.Warning, "a transaction that reads for long keeps the log from being cut: end it"
	}
	return f, nil
}

func examineClock(q *snapshots) (store.Finding, error) {
	f := store.Finding{Name: "clock", Level: store.Fine, Text: q.time().Format(time.RFC3339)}
	var last int64
	_, err := one(q, []any{&last}, "SELECT coalesce(max(beat_at), 0) FROM offload_process")
	if ahead := time.Duration(last-q.now) * time.Microsecond; ahead > time.Minute {
		f.Level, f.Advice = store.Warning, fmt.Sprintf("a process has beaten %s from now: the clock was set back, and scheduled jobs wait for it", ahead.Round(time.Second))
	}
	return f, err
}

func examineWhole(q *snapshots) (store.Finding, error) {
	f := store.Finding{Name: "integrity", Level: store.Fine, Text: "not checked, the file is large"}
	var pages, size int64
	if _, err := one(q, []any{&pages}, "PRAGMA page_count"); err != nil {
		return f, err
	}
	if _, err := one(q, []any{&size}, "PRAGMA page_size"); err != nil || pages*size > smallFile {
		f.Advice = "to check it, run PRAGMA quick_check while little is going on"
		return f, err
	}
	said, err := texts(q, "PRAGMA quick_check(5)")
	f.Text = strings.Join(said, "; ")
	if f.Text != "ok" {
		f.Level, f.Advice = store.Bad, "the file is damaged: stop all processes, copy it with its -wal, and restore a backup or let `sqlite3 FILE .recover` save what can be read"
	}
	return f, err
}

// examineStanding looks for jobs that stand still.
func (s *Store) examineStanding(q *snapshots) (store.Finding, error) {
	f := store.Finding{Name: "jobs", Level: store.Fine, Text: "none stands still"}
	var alone, waiting int
	var oldest sql.NullInt64
	_, err := one(q, []any{&alone}, `SELECT count(*) FROM offload_lease AS l LEFT JOIN offload_process AS p ON p.number = l.process
		WHERE p.number IS NULL OR p.gone_at IS NOT NULL`)
	if err != nil {
		return f, err
	}
	lanes, err := q.lanes()
	if err != nil {
		return f, err
	}
	for _, lane := range lanes {
		if late := q.now - lane.RunAt.UnixMicro(); late > int64(time.Minute/time.Microsecond) {
			waiting++
			oldest.Int64 = max(oldest.Int64, late)
		}
	}
	switch {
	case alone > 0:
		f.Level, f.Text = store.Bad, fmt.Sprintf("%d jobs are leased by processes that are gone", alone)
		f.Advice = "start a process that works any queue: it gives them back"
	case waiting > 0:
		f.Level = store.Warning
		f.Text = fmt.Sprintf("jobs of %d queues and priorities wait for more than a minute, the oldest for %s",
			waiting, (time.Duration(oldest.Int64) * time.Microsecond).Round(time.Second))
		f.Advice = "see whether a process works the queue, and whether it is paused: `offload queues`, `offload processes`"
	}
	return f, nil
}

// examineLibc looks whether the SQLite library of this program runs on the C library it was
// made for. `go get -u` can move the one without the other, and then it may crash.
func examineLibc() []store.Finding {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	found := map[string]string{}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		found[m.Path] = m.Version
	}
	want, known := libcOf[found["modernc.org/sqlite"]]
	got := found["modernc.org/libc"]
	f := store.Finding{Name: "libc", Level: store.Fine, Text: "modernc.org/sqlite " + found["modernc.org/sqlite"] + " with modernc.org/libc " + got}
	switch {
	case got == "":
		return nil
	case known && got != want:
		f.Level, f.Advice = store.Warning, fmt.Sprintf("it was made for %s: go get modernc.org/libc@%[1]s", want)
	}
	return []store.Finding{f}
}

// libcOf is the version of modernc.org/libc in the go.mod of modernc.org/sqlite.
var libcOf = map[string]string{"v1.62.0": "v1.80.1"}

// bytesText returns a size as people read it.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
}
