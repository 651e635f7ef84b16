package store

import "time"

// A FigureQuery selects figures.
type FigureQuery struct {
	Tasks, Queues []string // empty is any
	Since, Until  time.Time
	Step          time.Duration // at least a minute
	CountsOnly    bool          // leaves out Wait and Run
}

// A Figure is what happened to the jobs of one task in one queue in one step of time.
type Figure struct {
	Start       time.Time
	Task, Queue string
	Outcome     string // an Outcome, or "enqueued"
	Count       int64
	Wait, Run   Histogram // from due to start, and from start to end
}

// A Finding is one thing that Examine has looked at.
type Finding struct {
	Name   string // "durability"
	Level  Level
	Text   string // what was found
	Advice string // what would be right; "" if all is well
}

// A Level is how bad a finding is.
type Level string

const (
	Fine    Level = "ok"
	Warning Level = "warning"
	Bad     Level = "bad"
)

// A SchemaVersion is one migration of a store.
type SchemaVersion struct {
	Version int
	Name    string
	Applied time.Time // zero if it is not
}

// Newest is the newest schema version that a store knows, for Migrate.
const Newest = -1
