package storetest

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

var (
	seed       = flag.Uint64("storetest.seed", 0, "run one random history with this `seed`; 0 runs those of the suite")
	histories  = flag.Int("storetest.histories", 2, "how many random histories of each kind to run")
	everyFault = flag.Bool("storetest.everyfault", false, "let each law of faults break each statement, where several share them otherwise")
	backlog    = flag.Int("storetest.backlog", 3000, "how many jobs wait in laws about big backlogs")
)

// A Subject is an empty, migrated store under test, and what its test can do to it. Only Store
// must be set.
type Subject struct {
	Store store.Store

	// Begin begins a transaction of a caller in the store's database.
	Begin func(t *testing.T) Tx

	// OneWriter says that such a transaction keeps everybody else from writing.
	OneWriter bool

	// Another opens a second Store on the same database, as another process would, closed by
	// t.Cleanup.
	Another func(t *testing.T) store.Store

	// Advance lets time pass for the store: it moves its clock, or moves all times that it
	// has stored back by d: of jobs, leases and ends, crashes and failures, processes and
	// tasks, duties, figures and records, groups of errors, limits and their keys, unique keys, expiries,
	// schedules and the inbox. Times within ids and within terms stay.
	Advance func(t *testing.T, d time.Duration)

	// Inbox writes a row into the inbox, as a program in another language would; options "" are
	// NULL.
	Inbox func(t *testing.T, task, input, options string)

	// Copied opens a Store on a copy of the database, as people make one: of its file, or from
	// a dump; closed by t.Cleanup.
	Copied func(t *testing.T) store.Store

	// Faulty opens a second Store on the same database through something that breaks on
	// command, closed by t.Cleanup.
	Faulty func(t *testing.T) (store.Store, Faults)
}

// A Tx is a transaction of a caller.
type Tx struct {
	Value            any // what Store.Within takes
	Commit, Rollback func() error
}

// Faults breaks a store on command.
type Faults struct {
	// Arm makes the n-th statement from now, counted from 1, meet a fault, once. Statements
	// that begin and commit transactions count.
	Arm func(n int, f Fault)

	// Disarm takes the fault back and reports whether it was met.
	Disarm func() (met bool)
}

// A Fault is what happens to a statement.
type Fault int

const (
	Fail       Fault = iota // the connection breaks before the statement is run
	LoseAnswer              // the statement is run, and the connection breaks before its answer
)

// A law is something that holds for every store.
type law struct {
	name     string
	sentence string
	check    func(s *scene)
}

// laws are all of them, in the order of a job's life.
var laws = slices.Concat(
	schemaLaws, insertLaws, textLaws, claimLaws, startLaws, finishLaws, releaseLaws, parkLaws, reapLaws,
	memberLaws, lookLaws, actLaws, heedLaws, findLaws, searchLaws, documentLaws, controlLaws, figuresLaws, foldLaws, dutyLaws, txLaws,
	limitLaws, limitStateLaws, fullLaws, strictLaws, ownLaws, uniqueLaws, replaceLaws, scheduleLaws, turnLaws, rateLaws, expireLaws, inboxLaws, placeLaws,
	noteLaws, memoLaws, eraseLaws, rewriteLaws, needLaws, originLaws, copyLaws, copyFlowLaws,
	errorLaws, errorFindLaws, flowLaws, flowEndsLaws, flowTxLaws, flowTermsLaws, batchLaws, reopenLaws,
	faultLaws, crashLaws, historyLaws, keyedLaws, flowCrashLaws, flowHistoryLaws,
)

// Run checks every law, each on a store of its own, opened by open, but for groups of laws that
// are left out: "History" and "Faults" take the most time, and are the same for another way of
// opening a store that has passed them.
func Run(t *testing.T, open func(t *testing.T) Subject, without ...string) {
	for _, l := range laws {
		group, _, _ := strings.Cut(l.name, "/")
		if slices.Contains(without, group) {
			continue
		}
		t.Run(l.name, func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the law that broke: %s", l.sentence)
				}
			})
			l.check(&scene{t: t, Subject: open(t), open: open})
		})
	}
}
