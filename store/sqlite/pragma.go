package sqlite

import (
	"fmt"

	"github.com/offloadhq/offload/store"
)

// A pragma is a setting of a connection, and what it must read back as.
type pragma struct {
	set  string // the statement that sets it, and may answer with its value
	get  string // "" where it need not be read back
	want string
	why  string // what its lack would cost
}

// writing are the settings of the connection that writes.
var writing = []pragma{
	// Waiting is ours: SQLite's own waits grow to 100 ms, see writer.begin.
	{set: "PRAGMA busy_timeout = 0"},
	// Readers never wait for the writer, and a commit is one fsync.
	{set: "PRAGMA journal_mode = WAL", get: "PRAGMA journal_mode", want: "wal", why: "readers and the writer would lock each other out"},
	// NORMAL loses what was acknowledged when the power goes. The writer sets it for what may
	// be lost, see writer.doLax.
	{set: "PRAGMA synchronous = FULL", get: "PRAGMA synchronous", want: "2", why: "acknowledged jobs would be lost when the power goes"},
	// A log that one long reader has let grow is cut back when it starts anew: 32 MiB.
	{set: "PRAGMA journal_size_limit = 33554432"},
	// Larger than the default of 1,000 pages: fewer pauses to copy the log into the file.
	{set: "PRAGMA wal_autocheckpoint = 4000"},
	{set: "PRAGMA cache_size = -16384"}, // 16 MiB
}

// reading are the settings of connections of our own that read.
var reading = []pragma{
	{set: "PRAGMA busy_timeout = 1000"},
	{set: "PRAGMA query_only = 1"},
	{set: "PRAGMA journal_size_limit = 33554432"},
}

// waiting is the time a reading connection waits where WAL must wait at all: while a log is
// recovered, or the last connection closes.
const pragmaTries = 500

func (p pragma) apply(c *session) error {
	err := p.set1(c)
	for try := 0; busy(err) && try < pragmaTries; try++ { // the switch to WAL needs the file for itself
		pause(try)
		err = p.set1(c)
	}
	if err != nil || p.get == "" {
		return err
	}
	got, err := texts(c, p.get)
	if err != nil {
		return err
	}
	if len(got) != 1 || got[0] != p.want {
		return fmt.Errorf("%w: %s reads back as %q, want %s: %s", store.ErrRefused, p.get, got, p.want, p.why)
	}
	return nil
}

// set1 sets it once. Some answer with a row and some do not, so it is asked as a query.
func (p pragma) set1(c *session) error {
	_, err := texts(c, p.set)
	return err
}
