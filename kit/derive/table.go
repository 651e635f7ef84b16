package derive

// A dialect is what SQLite and PostgreSQL say differently.
type dialect struct {
	tables     []string
	record     string // inserts events; rows of values follow
	lock       string // of a cursor: returns its place, or no row where another process has it
	wait       string // is lock, and waits for the other
	hold       string // locks a held entity, and returns its event and job
	unnumbered string // counts the events that have no number yet
	number     string // gives events their numbers behind $1, at most $2; empty: they have them
}

var sqlite = dialect{
	tables: append([]string{
		// AUTOINCREMENT, so that numbers go on where all events have gone.
		`CREATE TABLE IF NOT EXISTS offload_events (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    at     varchar(27) NOT NULL, -- UTC, "2026-05-01T03:00:00.000000Z"
    type   text NOT NULL,
    entity text NOT NULL,
    data   text NOT NULL)`, // JSON
	}, common...),
	record:     "INSERT INTO offload_events (at, type, entity, data) VALUES ",
	lock:       "UPDATE offload_events_cursor SET seq = seq WHERE handler = $1 RETURNING seq",
	wait:       "UPDATE offload_events_cursor SET seq = seq WHERE handler = $1 RETURNING seq",
	unnumbered: "0",
	hold:       "UPDATE offload_events_held SET seq = seq WHERE handler = $1 AND entity = $2 RETURNING seq, job",
}

var postgres = dialect{
	tables: append([]string{
		`CREATE TABLE IF NOT EXISTS offload_events (
    seq    bigint PRIMARY KEY,
    at     varchar(27) NOT NULL, -- UTC, "2026-05-01T03:00:00.000000Z"
    type   text NOT NULL,
    entity text NOT NULL,
    data   text NOT NULL)`, // JSON
		`CREATE TABLE IF NOT EXISTS offload_events_new (
    n      bigserial PRIMARY KEY,
    at     varchar(27) NOT NULL,
    type   text NOT NULL,
    entity text NOT NULL,
    data   text NOT NULL)`,
	}, common...),
	record:     "INSERT INTO offload_events_new (at, type, entity, data) VALUES ",
	lock:       "SELECT seq FROM offload_events_cursor WHERE handler = $1 FOR UPDATE SKIP LOCKED",
	wait:       "SELECT seq FROM offload_events_cursor WHERE handler = $1 FOR UPDATE",
	unnumbered: "(SELECT count(*) FROM offload_events_new)",
	hold:       "SELECT seq, job FROM offload_events_held WHERE handler = $1 AND entity = $2 FOR UPDATE",
	// Who deletes is the only one to do so, and deletes what it has seen. Numbers of events that one transaction sees committed are below its own, so the order is one in
	// which they may have happened.
	number: `WITH taken AS (
    DELETE FROM offload_events_new WHERE n = ANY (ARRAY(SELECT n FROM offload_events_new ORDER BY n LIMIT $2))
    RETURNING n, at, type, entity, data
)
INSERT INTO offload_events (seq, at, type, entity, data)
SELECT $1::bigint + row_number() OVER (ORDER BY n), at, type, entity, data FROM taken`,
}

// common are the tables that are the same.
var common = []string{
	"CREATE INDEX IF NOT EXISTS offload_events_entity ON offload_events (entity, seq)",
	`CREATE TABLE IF NOT EXISTS offload_events_cursor (
    handler varchar(100) PRIMARY KEY,
    seq     bigint NOT NULL,     -- of the last event that it has passed
    types   text NOT NULL,       -- that it handles, separated by commas
    moved   varchar(27) NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS offload_events_held (
    handler varchar(100) NOT NULL,
    entity  text NOT NULL,
    seq     bigint NOT NULL,     -- of the event that is to be handled next
    job     varchar(36) NOT NULL,
    since   varchar(27) NOT NULL,
    PRIMARY KEY (handler, entity))`,
	`CREATE TABLE IF NOT EXISTS offload_events_unhandled (
    type   varchar(100) PRIMARY KEY,
    events bigint NOT NULL,
    last   varchar(27) NOT NULL)`,
	"INSERT INTO offload_events_cursor (handler, seq, types, moved) VALUES ('" + numbered + "', 0, '', ''), ('" + counted + "', 0, '', '') ON CONFLICT DO NOTHING",
}

// Cursors that are no handler's: a handler's name has no space.
const (
	numbered = " numbered" // the last number that was given
	counted  = " counted"  // up to where events that nobody handles were counted
)
