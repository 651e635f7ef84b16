// Chaos hurts offload on purpose and counts what is lost.
//
//	go run ./chaos [flags] [trial…]      (in bench/; -list names the trials)
//
// A controller starts workers and enqueuers as processes of their own, by executing itself
// again, does them harm for a while, lets the work come to rest, and then compares what they
// wrote down with what the database holds. Everything that is left to chance comes from one
// seed, which is printed together with the command line that repeats the run. The processes
// die with the controller, however that ends.
//
// # The ledger
//
// Each process appends lines to a file of its own, outside of the database: an enqueuer what
// it is about to enqueue, and the id once Enqueue has returned; a worker each start and end
// of a handler. Handlers with a transaction insert the job's id into the table chaos_effects,
// whose primary key it is, in the transaction that completes the job.
//
// # The invariants
//
//	I1  every acknowledged job is stored: none is lost
//	I2  every job is in exactly one of due, lease, blocked and done
//	I3  every completed transactional job has exactly one effect, and no other job has one
//	I4  every lease has a live process, and at rest there is none
//	I6  the figures of completed jobs are as many as there are completed jobs
//	I7  no job is stored that nobody tried to enqueue
//	I8  the attempts of a job rise with each start, and the last one is what ends it
//
// All are checked when the work has come to rest; I2, and I4 with 20 s of grace, also each
// second while it goes on. I5, that a limit holds, has to wait until there are limits.
//
// An invariant that is broken fails a trial everywhere. A bar, such as how soon the jobs of a
// killed process run again, fails it in this program alone: go test, which runs the short form
// of each trial, prints it and asserts nothing about time.
//
// # Writing a trial
//
// A trial is one file: a Trial, which its init gives to register, and a function that gets a
// Stage.
//
//	func init() {
//		register(Trial{
//			Name:  "kill-loop",
//			About: "a worker is killed every second or two",
//			Short: 20 * time.Second, Long: 30 * time.Minute,
//			Run:   killLoop,
//		})
//	}
//
//	func killLoop(s *Stage) {
//		w := s.Start(Worker{Slots: 20}.Spec())
//		s.Start(Enqueuer{Rate: 500, Mix: []Kind{{Task: "sleep", Most: 200 * time.Millisecond}}}.Spec())
//		for s.Sleep(s.Between(time.Second, 3*time.Second)) { // until the trial's time is over
//			w.Kill()
//			w = s.Start(w.Spec)
//		}
//		s.Settle(time.Minute) // ends enqueuers, waits until no job is left, checks, ends workers
//		s.AtMost("slowest recovery", slowest(s.Ledger()), "s", 25)
//	}
//
// A Stage is a testing.TB, so that testpg and other helpers of tests can be used; Fatalf ends
// the trial, Cleanup ends what it began. Broken reports an invariant, AtMost and AtLeast a
// bar, Figure anything worth reading. What a trial chooses, it chooses by s.Rand, in one
// goroutine; where several choose at once each takes a source of its own from s.Random.
//
// Handlers of its own a trial brings along as Tasks, processes of its own as Roles: both are
// known to every child. Trial.Open gives it a database other than the usual one: a server that
// it restarts, a file on a disk that it takes away. Spec.Address sends a process through a
// proxy. While a database is away on purpose, s.Blind keeps the checks of each second out.
// Trial.Needs says what is missing on this machine.
package main
