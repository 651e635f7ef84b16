package sqlite

import "database/sql"

// fold copies what is in the log into the file, as far as no reader is in the way, and cuts
// the log. SQLite does so by itself only after commits: on a disk that the log has filled there
// are none.
func (c *session) fold() error {
	return each(c, func(*sql.Rows) error { return nil }, "PRAGMA wal_checkpoint(TRUNCATE)")
}
