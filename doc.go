// Package offload runs work outside the request: durably, with retries and priorities, on
// SQLite in the same process or on PostgreSQL shared by many.
//
// A [Task] is a named function with a typed input. Enqueueing it makes a [Job]. An [App]
// connects tasks to a store, and runs jobs while [App.Run] runs:
//
//	var greet = offload.NewTask("greet", func(ctx context.Context, name string) error { … })
//
//	app, err := offload.Open(ctx, "offload.db", greet)
//	job, err := greet.Enqueue(ctx, app, "Ada")
//	err = app.Run(ctx)
//
// A job runs at least once, and is never lost once Enqueue has returned without an error.
// With the application's data in the same database, [App.Tx] makes its effect happen exactly
// once.
//
// A handler is a plain function: it can be called in a test without offload. How a job goes
// on after an error is said by the error: a plain one is retried with a growing wait,
// [Cancel], [Discard], [RetryIn] and [Snooze] say otherwise. A panic is a failure with its
// stack. The stop of a process costs a job nothing.
//
// When a job may run is said beside its task, or where one job is enqueued: [Unique] lets one in
// where several would be the same, [Limit] bounds how many run at once or start in a time,
// [Fair] lets tenants take turns, [Expire] ends what comes too late. Their keys are fields of the
// input, named in text, so that whoever enqueues by the name of a task obeys them: another
// program, the command, a row that a script writes into the table inbox. A [Schedule] enqueues
// again and again. [App.Why] says in one sentence why a job is not running.
//
// All methods of App, Task, Func and Tx are safe for concurrent use. Every call that takes a
// context makes at most a few round trips to the store and returns; only [App.Run],
// [App.Wait] and [Func.Wait] last until something happens.
package offload
