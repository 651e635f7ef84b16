// Package contender puts job systems behind one small interface, so that they can be asked
// the same questions side by side: offload, and the peers it is measured beside.
//
// A [Contender] is one system at one setting. Opened on an empty database it is a [System]:
// jobs are enqueued, worked by one process with a handler that does nothing but decode its
// input, and their starts reported. [All] has every contender; a new one is a file here and a
// line there.
package contender

import (
	"context"
	"runtime/debug"
	"time"
)

// A Contender is a job system at one setting.
type Contender struct {
	Name       string // as people type it: "river-tuned"
	System     string // as its makers write it: "River"
	Variant    string // what tells it from others of the same system: "tuned"
	Store      Store
	Peer       bool   // it is not offload
	Tuned      bool   // set by a careful user; false is as it comes
	Settings   string // how it is set
	Durability string // what an enqueue that has returned survives
	Notes      string // what it does that others don't, or leaves out: "keeps …"
	Many       string // the call that enqueues many at once, "" if it has none
	Jobs       int    // how many jobs its drain has: some seconds' worth
	Module     string // the Go module it comes in, "" for offload and what npm brings
	Open       func(context.Context, Place) (System, error)
}

// A Store is where a contender keeps its jobs.
type Store string

// The stores of contenders.
const (
	PostgreSQL Store = "PostgreSQL"
	SQLite     Store = "SQLite"
	Redis      Store = "Redis"
)

// flushed is the durability of a contender whose enqueue returns when the job is on disk.
const flushed = "flushed to disk"

// A Place is where a contender finds its database. What it does not need may be unset.
type Place struct {
	Dir      string // an empty folder
	Postgres string // the address of an empty database
	Redis    string // host and port of a server that is nobody else's
	Node     Node   // what runs graphile-worker
}

// A System is a contender at work on one database.
type System interface {
	// Enqueue stores one job. When it returns, the job is as durable as the contender says.
	// It is safe for concurrent use.
	Enqueue(context.Context, Input) error
	// Work starts one worker, which reports each job when its handler starts. Stop ends it and
	// waits for it. Work is called once.
	Work(context.Context, Started) (stop func() error, err error)
	// Left reports whether a job is in the store that waits or runs.
	Left(context.Context) (bool, error)
	// Close lets go of the database, which is then thrown away.
	Close() error
}

// A ManyEnqueuer is a System whose API stores many jobs at once: all or none.
type ManyEnqueuer interface {
	EnqueueMany(context.Context, []Input) error
}

// Started is told the number of a job and when its handler started, with the input decoded.
type Started func(number int, at time.Time)

// An Input is what each job carries: about 100 bytes of JSON, such as a mail in the
// background has.
type Input struct {
	Number  int    `json:"number"`
	To      string `json:"to"`
	Subject string `json:"subject"`
	Letter  string `json:"letter"`
}

// InputOf returns the input of the job with the number.
func InputOf(n int) Input {
	return Input{n, "ada.lovelace@example.com", "Your order is on its way", "shipped"}
}

// run is the handler of all contenders.
func (s Started) run(in Input) {
	if in.To != "" { // a job that was not decoded is missed, and the run fails
		s(in.Number, time.Now())
	}
}

// All returns every contender, offload first, and systems of one store side by side.
func All() []Contender {
	return []Contender{
		offloadPostgres, river, riverTuned, graphile, graphileTuned,
		offloadSQLite, riverSQLite, riverSQLiteTuned, goqiteDefaults, goqiteTuned, backliteDefaults, backliteTuned,
		asynqDefaults, asynqTuned, asynqAlways,
	}
}

// Version is the version of the system that is measured.
func (c *Contender) Version() string {
	switch {
	case c.System == "graphile-worker":
		return graphileVersion()
	case c.Module == "":
		return "this commit"
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == c.Module {
			return m.Version
		}
	}
	return "unknown"
}
