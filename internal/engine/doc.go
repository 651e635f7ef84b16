// Package engine runs the jobs of one process.
//
// A claimer takes due jobs from the store into the hand of the process, runners take them
// from there and run their handlers, the finisher writes down how they ended, and the heart
// keeps their leases alive:
//
//	          wakes, poll                freed slots
//	              │        ┌──────────────────────────────────┐
//	              ▼        ▼                                  │
//	store ──claim──▶ claimer ──▶ hand ──▶ runners ──▶ finisher ──finish──▶ store
//	                               ▲                     ▲  release, park
//	store ──beat───▶ heart ────────┘ cut off, lost       │
//	store ──duty───▶ duties, reaper          pause, quiet, stop give back
//	store ──chore──▶ steward: limits, expiries, ticks, the inbox
//
// The claimer decides alone what is claimed, for all queues. Each second it looks at the
// store: that is the truth; wakes only make it quicker. Under load it claims ahead, as many
// jobs as are done in about 50 ms. A look also shows when there is something to do for whoever
// comes first: the steward does it then, and asks for nothing before.
//
// Jobs of a task with Many gather in the hand, where they hold no slot, and are started as one
// call.
//
// What is shared is behind locks that are held for moments and never while calling out: that
// of the hand (jobs not started, slots, runners, the identity of the process), under which an
// attempt's own may be taken, and those of the finisher, the mailbox, the reaper, the steward,
// the scribe and the log of troubles, which are taken alone.
//
// The engine promises:
//
//   - an attempt whose lease was lost writes nothing: the store refuses its fence;
//   - no two attempts of a job overlap as far as a process can know: cut off from the store
//     for 9 s it cancels its handlers, and others take its jobs 12 s after its last beat;
//   - no job is begun after its time to expire;
//   - no outage ends Run, and no result is dropped in one;
//   - Run returns at most two seconds after the grace period, whatever handlers, store and log do.
package engine
