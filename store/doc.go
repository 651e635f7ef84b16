// Package store is the contract between offload and a database.
//
// A store keeps jobs, and each job in exactly one place:
//
//	insert          claim             finish
//	──────▶  due  ───────▶  lease  ────────▶  done
//	          ▲ ▲             │ │
//	          │ └── release, ─┘ └── park ──▶  blocked
//	          │     retry, reap                  │
//	          └──────── unpark (or claimed) ─────┘
//
// The place is the state. A job in due is scheduled, available or retryable, by its run_at
// and its number of failures; one in lease is running; one in blocked waits for something
// other than time; one in done has ended. A change of state deletes the row from one place
// and inserts it into the next within one transaction.
//
// # Laws
//
//   - Nothing lost, nothing doubled: once Insert has returned without an error the job exists,
//     once, until Prune or a delete removes it. Inserting an id again changes nothing.
//   - Fenced: every claim raises a job's attempt by one, and it is never lowered. What a
//     process does to a lease (finish, release, park, progress) names id and attempt, and
//     does nothing where that lease is gone.
//   - The store's clock decides: callers give durations, the store adds them to its time.
//   - Text may hold anything. Input and result are bytes and come back as they were;
//     NUL and invalid UTF-8 in error texts are replaced by U+FFFD.
//   - Each method is one transaction, or several in a row where its comment says so; a method
//     that returns an error has changed nothing, unless the error is an [ErrUnavailable]:
//     then the change may have happened, and the same call may be made again.
//
// # Writing a store
//
// Implement [Store], make [Register] known its scheme, and call storetest.Run in a test: the
// suite checks every law above. store/memory is the model: the shortest code that is right.
package store
