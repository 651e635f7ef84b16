// Package sqlite keeps jobs in a SQLite file: one machine, any number of processes, no server.
//
// Its one idea: each file has one writer at a time, so each Store has one, too. Calls that
// come while a commit is under way are run together in the next one, and share its fsync. No
// statement looks out for others: under BEGIN IMMEDIATE there are none.
//
// # Address
//
//	offload.db                 a path
//	sqlite:/var/lib/offload.db the same
//	file:offload.db?mode=rw    a path with settings: mode=rw wants the file to be there, mode=rwc makes it
//
// Open makes a file that is not there with mode 0600, since inputs may be secret; its
// directory must be there. It uses modernc.org/sqlite, which needs no cgo. Beside the file lie
// offload.db-wal and offload.db-shm, which are part of it (copy all three, or use VACUUM INTO),
// and for each process that works a file offload.db-ID.lock. The system lets go of the lock in
// it when the program ends, however it ends: others see that at once and take over.
//
// [New] takes a *sql.DB of yours instead, of any SQLite driver. Then all connections come from
// that pool: one is held to write, one to look, and others are borrowed for questions, so it
// must allow three at least. They must have synchronous=FULL. A transaction of yours can hold
// your rows and the jobs, by app.Tx. It holds the lock of the file, too: begin it with BEGIN
// IMMEDIATE (modernc: _txlock=immediate) and keep it short, since after 5 s others give up
// waiting with an ErrUnavailable.
//
// # Settings, and why
//
//	journal_mode=WAL            readers and the writer do not wait for each other
//	synchronous=FULL            NORMAL loses acknowledged jobs when the power goes
//	BEGIN IMMEDIATE             a transaction that reads first and then writes can fail at once
//	own waits, from 0.3 ms on   those of SQLite's busy handler reach 100 ms
//	journal_size_limit=32 MiB   a log that grew is cut; no snapshot of ours is held for more than a second
//	wal_autocheckpoint=4000     16 MiB of log before it is copied into the file
//
// WAL and FULL are read back on the connection that writes.
//
// While a transaction of yours, or a backup, reads for long, the log cannot be folded into the
// file and grows with each commit: with 2,000 jobs a second 25 MiB of it. From 128 MiB on
// processes that work say so in their logs, and Examine warns. Once the reader has ended the log
// is folded and cut within seconds.
//
// # Full disks
//
// When the disk is full, or a quota or limit is reached, calls fail with an ErrUnavailable that
// names the disk. Processes that work keep in memory what their handlers have done, and go on by
// themselves when there is room. A log that a reader has let fill the disk is folded as soon as the
// reader has gone.
//
// # Refused
//
// Each with an error that says what would be right: SQLite before 3.51.3 (but for 3.50.7 and
// 3.44.6), which can lose commits; network file systems, FUSE and 9p, whose locks and shared
// memory are not reliable; a file or directory that cannot be written; a database in memory;
// a file that another SQLite library of this process has open, since two of them corrupt it.
// A file on tmpfs or overlayfs is used, with a warning. Do not open the file with the sqlite3
// shell of a distribution while programs use it: it may be older than that.
//
// # Tables
//
// sql/migrations and schema.sql have them, with comments; SELECT * FROM offload_jobs shows
// all jobs. Times are microseconds since 1970 by the clock of this machine.
//
// offload_inbox is for other programs: a row that one inserts in a transaction of its own becomes
// a job within a second, and what is wrong with one that does not is kept in its column error.
//
//	INSERT INTO offload_inbox (task, input) VALUES ('greet', '"Ada"');
package sqlite
