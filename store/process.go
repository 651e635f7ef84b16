package store

import "time"

// A Process is a running program that works jobs.
type Process struct {
	ID      ID     // random, new at each start
	Name    string // "" or what the user calls it
	Host    string
	PID     int
	Version string // of offload

	// Kept up by Beat.
	Queues  map[string]int // concurrency of each queue that it works now
	Running int            // attempts
	Memory  uint64         // bytes
	Stuck   []ID           // attempts whose handler goes on after its context ended

	// Known by the store, ignored when given.
	Started time.Time
	Beat    time.Time // when it last beat
	Count   int64     // of its beats
	Quiet   bool      // told to claim nothing more
	Stop    bool      // told to stop
	Lost    bool      // declared lost: its leases are being given away
}

// String returns the process as people know it.
func (p *Process) String() string { return processName(p.Name, p.Host, p.PID) }

// Beats is the answer to a beat.
type Beats struct {
	Lost  bool   // this process was declared lost, or its row is gone: it needs a new identity
	Peers []Peer // the next ObservedPeers processes by id, as a ring, without this one
}

// A Peer is another process as it was at this beat.
type Peer struct {
	ID    ID
	Count int64
}

// A View is what a process must know to decide what to claim: one round trip, cheap enough
// for each second.
type View struct {
	Now      time.Time      // the store's clock
	Lanes    []Lane         // each (queue, priority) that has rows in due, by queue and priority
	Parked   []Parked       // each (queue, task) with parked jobs, those of paused tasks left out
	Suspects []string       // queues in which suspects wait to be run alone
	Paused   []string       // paused queues
	Tasks    []string       // paused tasks
	Workers  map[string]int // of queues for which Control has set them
	Cancel   []ID           // jobs leased by this process that somebody has cancelled
	Quiet    bool           // this process shall claim nothing more
	Stop     bool           // this process shall stop
	Lost     bool           // see Beats
	Away     bool           // the store is a copy: see Origins; nothing that could be done is shown
	Dead     []ID           // processes known for certain to have ended: reap them at once

	// When there is something to do for whoever comes first; the zero time is never, as far as
	// is known now.
	Admit  time.Time // for Gates.Admit
	Expire time.Time // for Gates.Expire
	Tick   time.Time // for Schedules.Tick
	Inbox  bool      // rows for Inbox.MoveInbox
	Settle bool      // something for Flows.Settle
}

// A Lane is one priority of a queue, or one priority's jobs with turns.
type Lane struct {
	Queue    string
	Priority int       // and FairLane for turns
	RunAt    time.Time // of its earliest job; that of a lane of turns has always come
}

// Parked are jobs in blocked that wait for a process that knows their task.
type Parked struct {
	Queue, Task string
}

// A ClaimRequest says which jobs a process wants.
type ClaimRequest struct {
	Process    ID
	Queue      string
	Priorities []int // lanes, looked at in this order; nil is all, 0, 10, 1, 11 … 19
	Limit      int
}

// A ParkedRequest says which blocked jobs a process wants.
type ParkedRequest struct {
	Process ID
	Queue   string
	Tasks   []string // the names of tasks it knows; looked at if Suspect is false
	Suspect bool     // one suspect
	Limit   int
}

// A Wake says that jobs of a queue and priority may have become due.
type Wake struct {
	Queue    string // "" is any
	Priority int    // a lane; -1 is any
}

// A Beaten is a process and the beat at which it stood still. Count −1 is any: the process
// is known for certain to have ended.
type Beaten struct {
	ID    ID
	Count int64
}

// Reaped counts what became of the leases of lost processes.
type Reaped struct {
	Processes, Released, Suspects, Discarded, Cancelled int
}
