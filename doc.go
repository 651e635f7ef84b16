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
// All methods of App, Task, Func and Tx are safe for concurrent use. Every call that takes a
// context makes at most a few round trips to the store and returns; only [App.Run],
// [App.Wait] and [Func.Wait] last until something happens.
package offload
