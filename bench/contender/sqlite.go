package contender

import (
	"database/sql"
	"net/url"

	_ "modernc.org/sqlite" // the driver, for all alike
)

// sqliteSettings says how openSQLite opens a file.
const sqliteSettings = "WAL, synchronous FULL, one connection"

// openSQLite opens a file for a peer as their documents ask for: a log written ahead, one
// connection so that nobody is told that the database is locked. Each commit is flushed, as
// offload's are.
func openSQLite(path string) (*sql.DB, error) {
	params := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "foreign_keys(1)"},
	}
	db, err := sql.Open("sqlite", "file:"+path+"?"+params.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, db.Ping()
}
