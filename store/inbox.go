package store

import "time"

// An InboxRow is a job that another program has asked for by a plain INSERT into the table
// inbox: (task text, input, options), all as text; input and options are JSON.
type InboxRow struct {
	Number  int64 // rises
	Task    string
	Input   []byte // as it was written
	Options []byte // nil is none
	At      time.Time
	Error   string // why it was refused; "" if it was not yet looked at
}

// An InboxFate is what becomes of a row: the job that it is, why it is none, or that nobody wants
// it any more. With none of these a row that was refused is looked at again.
type InboxFate struct {
	Number int64
	Job    *NewJob
	Error  string // kept with the row, with at most MaxErrorText bytes
	Drop   bool   // remove the row
}
