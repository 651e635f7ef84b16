package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// A Survey is what the database holds of a trial's jobs, as of one moment.
type Survey struct {
	Jobs      map[offload.ID]Stored
	Strays    []Lease              // leases without a live process
	Effects   map[offload.ID][]int // of transactional jobs: attempts
	Completed int64                // as the figures say
}

// A Stored is one job in the database.
type Stored struct {
	Asked   bool    // it has a row in job
	Places  []Place // where it is: one, if all is well
	Outcome Outcome // of a job in done
	Attempt int     // of a job in done: the one that ended it
}

// A Place is where a job can be.
type Place string

const (
	Due     Place = "due"
	Leased  Place = "lease"
	Blocked Place = "blocked"
	Done    Place = "done"
)

// An Outcome is how a job in done has ended.
type Outcome string

const (
	Completed Outcome = "completed"
	Discarded Outcome = "discarded"
	Cancelled Outcome = "cancelled"
	Expired   Outcome = "expired"
)

// A Lease is a lease, as the database has it.
type Lease struct {
	ID      offload.ID
	Attempt int
	Process string // its id
}

// check compares what was written down with what is stored, at rest.
func check(l *Ledger, v *Survey) (broken []Broken) {
	for _, line := range l.wrong {
		broken = append(broken, Broken{"ledger", line})
	}
	for _, rule := range []func(*Ledger, *Survey) []Broken{
		checkStored, checkPlaces, checkEffects, checkLeases, checkFigures, checkKnown, checkAttempts,
	} {
		broken = append(broken, rule(l, v)...)
	}
	return broken
}

// checkStored is I1: what was acknowledged is stored.
func checkStored(l *Ledger, v *Survey) (broken []Broken) {
	for id, e := range byID(l.Jobs) {
		if stored := v.Jobs[id]; !e.Acked.IsZero() && (!stored.Asked || len(stored.Places) == 0) {
			broken = append(broken, Broken{"I1", fmt.Sprintf("job %s was acknowledged at %s and is lost; it ran: %s", id, clock(e.Acked), e.runs())})
		}
	}
	return broken
}

// checkPlaces is I2: a job is in one place.
func checkPlaces(_ *Ledger, v *Survey) (broken []Broken) {
	for id, stored := range byID(v.Jobs) {
		if !stored.Asked || len(stored.Places) != 1 {
			broken = append(broken, Broken{"I2", misplaced(id, stored)})
		}
	}
	return broken
}

func misplaced(id offload.ID, stored Stored) string {
	switch {
	case len(stored.Places) == 0:
		return fmt.Sprintf("job %s is in no place", id)
	case !stored.Asked:
		return fmt.Sprintf("job %s is in %v, and has no row in job", id, stored.Places)
	}
	return fmt.Sprintf("job %s is in %v", id, stored.Places)
}

// checkEffects is I3: one effect for a completed transactional job, and for no other.
func checkEffects(l *Ledger, v *Survey) (broken []Broken) {
	for id, e := range byID(l.Jobs) {
		n, want := len(v.Effects[id]), 0
		if e.Tx && v.Jobs[id].Outcome == Completed {
			want = 1
		}
		if n != want {
			broken = append(broken, Broken{"I3", fmt.Sprintf("job %s (%s) has %d effects, want %d; it ran: %s", id, v.Jobs[id].Outcome, n, want, e.runs())})
		}
	}
	for id := range byID(v.Effects) {
		if l.Jobs[id] == nil {
			broken = append(broken, Broken{"I3", fmt.Sprintf("there is an effect of job %s, which nobody tried to enqueue", id)})
		}
	}
	for _, n := range l.NotesOf(secondEffect) {
		// A process that was declared lost may come late: then the effect is that of a later attempt.
		if !slices.ContainsFunc(v.Effects[n.Job], func(attempt int) bool { return attempt < n.Attempt }) {
			continue
		}
		broken = append(broken, Broken{"I3", fmt.Sprintf("attempt %d of job %s, in %s, met the effect of an earlier one", n.Attempt, n.Job, n.Process)})
	}
	return broken
}

// checkLeases is I4: at rest there is no lease.
func checkLeases(_ *Ledger, v *Survey) (broken []Broken) {
	for id, stored := range byID(v.Jobs) {
		if slices.Contains(stored.Places, Leased) {
			broken = append(broken, Broken{"I4", fmt.Sprintf("job %s has a lease at rest", id)})
		}
	}
	for _, lease := range v.Strays {
		broken = append(broken, Broken{"I4", lease.String() + " has no live process at rest"})
	}
	return broken
}

func (l Lease) String() string {
	return fmt.Sprintf("the lease of attempt %d of job %s, held by process %s,", l.Attempt, l.ID, l.Process)
}

// checkFigures is I6: who counts figures comes to the same number.
func checkFigures(_ *Ledger, v *Survey) []Broken {
	var completed int64
	for _, stored := range v.Jobs {
		if stored.Outcome == Completed {
			completed++
		}
	}
	if completed != v.Completed {
		return []Broken{{"I6", fmt.Sprintf("%d jobs are completed, and the figures say %d", completed, v.Completed)}}
	}
	return nil
}

// checkKnown is I7: somebody tried to enqueue what is stored.
func checkKnown(l *Ledger, v *Survey) (broken []Broken) {
	for id := range byID(v.Jobs) {
		if e := l.Jobs[id]; e == nil || e.Tried.IsZero() {
			broken = append(broken, Broken{"I7", fmt.Sprintf("job %s is stored, and nobody tried to enqueue it", id)})
		}
	}
	return broken
}

// checkAttempts is I8: attempts rise, and what ended a job is its last.
func checkAttempts(l *Ledger, v *Survey) (broken []Broken) {
	for id, e := range byID(l.Jobs) {
		runs := slices.SortedStableFunc(slices.Values(e.Runs), func(a, b Run) int { return a.Start.Compare(b.Start) })
		for i := 1; i < len(runs); i++ {
			if runs[i].Attempt <= runs[i-1].Attempt {
				broken = append(broken, Broken{"I8", fmt.Sprintf("the attempts of job %s do not rise: %s", id, e.runs())})
				break
			}
		}
		for _, r := range runs {
			if stored := v.Jobs[id]; stored.Outcome != "" && r.Attempt > stored.Attempt {
				broken = append(broken, Broken{"I8", fmt.Sprintf("job %s was ended by attempt %d, which had been given up: %s", id, stored.Attempt, e.runs())})
				break
			}
		}
	}
	return broken
}

// byID yields a map in the order of ids.
func byID[V any](m map[offload.ID]V) func(func(offload.ID, V) bool) {
	return func(yield func(offload.ID, V) bool) {
		for _, id := range slices.SortedFunc(maps.Keys(m), offload.ID.Compare) {
			if !yield(id, m[id]) {
				return
			}
		}
	}
}

// runs says how a job ran.
func (e *Entry) runs() string {
	if len(e.Runs) == 0 {
		return "never"
	}
	var all []string
	for _, r := range e.Runs {
		how := "never returned"
		switch {
		case r.End.IsZero():
		case r.How == "":
			how = "well until " + clock(r.End)
		default:
			how = r.How + " at " + clock(r.End)
		}
		all = append(all, fmt.Sprintf("attempt %d in %s from %s (%s)", r.Attempt, r.Process, clock(r.Start), how))
	}
	return strings.Join(all, ", ")
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }
