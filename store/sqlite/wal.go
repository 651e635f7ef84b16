package sqlite

import (
	"database/sql"
	"log/slog"
	"os"
	"sync"
)

const (
	cutLog   = 32 << 20  // what is left of a log that is cut when it starts anew: journal_size_limit
	largeLog = 128 << 20 // a log that a reader keeps from being folded
)

// logSize returns the size of a database's log, 0 if there is none.
func logSize(path string) int64 {
	info, err := os.Stat(path + "-wal")
	if err != nil {
		return 0 // it is there while the database is open, mostly
	}
	return info.Size()
}

// fold copies what is in the log into the file, as far as no reader is in the way, and cuts
// the log. SQLite does so by itself only after commits: on a disk that the log has filled there
// are none. What takes long is done first, while others may write.
func (c *session) fold() error {
	for _, query := range []string{"PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if err := each(c, func(*sql.Rows) error { return nil }, query); err != nil {
			return err
		}
	}
	return nil
}

// A gauge is read with each beat. It says when the log has grown large, since only people can
// end a transaction that reads for long, and again whenever it has doubled.
type gauge struct {
	mu   sync.Mutex
	told int64 // the size that was told last; 0 if the log is small
}

// news returns whether a size is to be told, and whether the log was large before.
func (g *gauge) news(size int64) (grown, cut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case size > largeLog && size >= 2*g.told:
		g.told = size
		return true, false
	case size <= cutLog && g.told > 0:
		g.told = 0
		return false, true
	}
	return false, false
}

// mindLog looks at the log. One that has grown is folded and cut here, once its reader has
// gone, because a process that is idle commits too little for that to come soon by itself.
func (s *Store) mindLog() {
	size := logSize(s.path)
	if size > cutLog {
		_ = s.writer.glance(func(db database) error { return db.(*session).fold() })
		size = logSize(s.path)
	}
	switch grown, cut := s.gauge.news(size); {
	case grown:
		slog.Warn("offload: the log of the database grows, because a transaction that reads for long keeps it from being folded into the file: end it",
			"file", s.path+"-wal", "size", bytesText(size))
	case cut:
		slog.Info("offload: the log of the database was folded into the file and cut", "file", s.path+"-wal", "size", bytesText(size))
	}
}
