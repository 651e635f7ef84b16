package store

import (
	"context"
	"fmt"
	"time"
)

// A Store keeps jobs. All methods are safe for concurrent use. They block for one round trip
// unless their comment says otherwise, and return when ctx ends, if need be with an
// ErrUnavailable. Slices given to a store are not kept or changed.
type Store interface {
	Schema
	Writer
	Worker
	Member
	Reader
	Operator
	Duties
	ErrorGroups
	Gates
	Flows
	Schedules
	Inbox
	Notes
	Documents
	Texts
	Backup
	Origins
	Copies

	// Within returns a TxWriter for the caller's transaction. It returns an ErrTx that says
	// what was given and what is wanted if tx is no transaction of this store's kind.
	Within(tx any) (TxWriter, error)

	// Close closes what the store opened. Calls under way end with an error. A store on a pool
	// of the user's leaves that pool open.
	Close() error
}

// Schema is the part of a Store that brings its database into shape.
type Schema interface {
	// Migrate brings the schema to a version: Newest, or an older one down to 0, the empty
	// database. Many processes may call it at once; one that was killed half way is gone on
	// with. A database that is newer than this program stays as it is, unless its schema row
	// excludes this program: then the error is an ErrSchema.
	Migrate(ctx context.Context, to int) error

	// Ready returns an ErrSchema that names both versions unless the schema can be worked by
	// this program as it is.
	Ready(ctx context.Context) error

	// Versions returns all migrations that this program knows, oldest first.
	Versions(ctx context.Context) ([]SchemaVersion, error)

	// MigrationSQL returns the statements that Migrate would run from one version to another,
	// for people to read or run themselves.
	MigrationSQL(from, to int) (string, error)
}

// A Writer takes new jobs.
type Writer interface {
	// Insert stores jobs, all or none, and answers in their order. A job whose id exists is
	// passed over, and so reported. Sleeping processes that work the queues are woken after
	// the commit.
	//
	// A unique key that is taken does as its Conflict says; of jobs with one key in a call the
	// first is the old one for the next, whatever limits make of it. Two calls with the same key
	// wait for each other. A job under limits is due if each has room and none waits for it that
	// comes before it, and else does as the first one's Full says that has no room. Within a
	// transaction of the caller's limits and turns may be decided later: then the job lies in
	// due, and the claim that comes upon it decides. So may those of a job whose time has not
	// come, always.
	//
	// An edge whose upstream is not there, or a batch that is not there or has ended, refuses the
	// whole call with an ErrUpstream that names it.
	Insert(ctx context.Context, jobs []NewJob) ([]Inserted, error)
}

// A TxWriter is the part of a Store that works inside a transaction of the caller, who
// commits it. Its errors leave the transaction to be rolled back.
type TxWriter interface {
	Writer

	// PutLimits is Gates.PutLimits, within the transaction or beside it: it must not wait for it.
	PutLimits(ctx context.Context, limits []Limit) error

	// Act is Operator.Act, for Cancel.
	Act(ctx context.Context, act Act) ([]Acted, error)

	// Complete moves the lease to done as completed, when the transaction commits. If the lease
	// is gone it returns an ErrLeaseLost and makes the transaction unable to commit.
	Complete(ctx context.Context, process ID, ended Ended) error
}

// A Worker is what runs jobs.
type Worker interface {
	// Claim moves up to req.Limit due jobs of one queue into leases of req.Process: lowest
	// priority number first, then oldest run_at or turn, then id. Jobs that another process is claiming
	// right now are passed over, never waited for. Jobs put back by Release, Reap, Retry or
	// RunNow are found at once, however many wait. Nothing due is no error: nil, nil. A process
	// that was declared lost or is unknown gets ErrLeaseLost and no job. Pause is not looked
	// at: that is the engine's, by Look.
	//
	// Jobs whose limits or turns are not decided yet are decided instead: those that wait go to
	// blocked, those that get through are due. A start under a limit with Per is counted when
	// it is claimed. A unique key with UntilStarted is free when Claim returns.
	Claim(ctx context.Context, req ClaimRequest) ([]Claimed, error)

	// Start is Insert for one plain job that is due now and that the process runs now: it is stored as a
	// lease of its first attempt, as if inserted and claimed, and comes back as claimed, with its
	// input however large. Where its queue or task is paused, or the process is told to be quiet or
	// to stop, was declared lost or is unknown, the job is due as after Insert; then, and where its
	// id exists, claimed is nil.
	Start(ctx context.Context, process ID, job NewJob) (inserted Inserted, claimed *Claimed, err error)

	// ClaimParked is Claim for jobs in blocked: those parked for an unknown task, or a suspect.
	// They keep priority and run_at order. Their time has come, or they are left. Parked jobs
	// under limits hold none: they are decided anew.
	ClaimParked(ctx context.Context, req ParkedRequest) ([]Claimed, error)

	// Inputs returns the inputs of jobs, for those that came as Large.
	Inputs(ctx context.Context, ids []ID) (map[ID][]byte, error)

	// Finish moves leases to where their attempts ended, with failure, result and figures, and
	// returns those that were not this process's any more, for which nothing was written. An
	// attempt that did not complete ends as cancelled if the job's cancel was signalled.
	// Finishing the same attempt again, after an error that leaves doubt, is not a loss. An
	// InTx attempt whose lease is gone and whose job is done by the same attempt is not lost
	// either; it must come alone, and waits at most 5 s for a row lock. One bad row refuses
	// the call: the caller splits it.
	//
	// What leaves a limit lets the next of its key through in the same transaction; an InTx
	// attempt and one that takes longer may leave that to Admit. A job that is due again leaves
	// its limits and is decided anew when its time has come, except that one which is Kept it
	// holds on to while it waits for a retry or a snooze. A Strict limit stops its key with a job that
	// ends as discarded.
	Finish(ctx context.Context, process ID, ended []Ended) (lost []Fence, err error)

	// Release gives leases back: due at their old run_at, in front of what is behind it, with no
	// failure and no crash counted. Leases that are gone are passed over. A job whose cancel
	// was signalled is cancelled instead.
	Release(ctx context.Context, process ID, fences []Fence) error

	// Park moves leases into blocked: as suspects, or else waiting for a process that knows
	// their task. No failure and no crash is counted. A job whose cancel was signalled is
	// cancelled instead. A suspect keeps its limits, others leave those that are not Kept.
	Park(ctx context.Context, process ID, suspect bool, fences []Fence) error

	// ParkFor is Park, not as suspects, for jobs that need something that this process lacks though
	// it knows their task: they wait under the name that TaskNeeding makes of task and need, for a
	// process that claims by that. Pausing the task is not looked at there.
	ParkFor(ctx context.Context, process ID, need string, fences []Fence) error

	// WriteProgress keeps how far running jobs are; those whose lease is gone are passed over.
	WriteProgress(ctx context.Context, process ID, progress []Progress) error
}

// A Member is a process among others.
type Member interface {
	// Join makes the process known. Its ID must be new, or that of a try whose answer was lost:
	// then it counts as a beat.
	Join(ctx context.Context, p Process) error

	// Beat counts up the process's beat, keeps what p says of it, and returns what this process
	// observes. The beat has been committed when Beat returns without error.
	Beat(ctx context.Context, p Process) (Beats, error)

	// Leave releases what leases the process still holds and makes it unknown. It may take
	// several transactions.
	Leave(ctx context.Context, process ID) error

	// Look returns the view of a process.
	Look(ctx context.Context, process ID) (View, error)

	// Reap declares processes lost whose beat still is the one given, and moves all leases
	// without a live process, of these and of earlier ones, a crash counted for each: back in
	// front; if it was cancelled, to cancelled; with SuspectAt crashes, to blocked as a
	// suspect, for SuspectDelay at least; a suspect that was alone in its process with CrashLimit crashes, and
	// one beside which others ran with CrashLimitMost, to discarded with a failure of kind "crash". A process row goes when nothing is left of it.
	// Of each process that it declares lost it keeps a document, of LostKind, in the same transaction.
	// It takes a transaction for each MaxReapAtATime leases.
	Reap(ctx context.Context, lost []Beaten) (Reaped, error)

	// Sleep says whether the process has nothing to do and wants to be woken. It has been
	// committed when Sleep returns: who inserts after that wakes it, what was inserted before
	// can be claimed.
	Sleep(ctx context.Context, process ID, asleep bool) error

	// Listen calls wake when jobs may have become due, inserted here or by another process,
	// until ctx ends. It mends a broken connection itself and calls wake with the zero queue
	// then. It returns nil when ctx has ended. What it misses the next Look finds.
	Listen(ctx context.Context, process ID, wake func(Wake)) error
}

// A Reader answers questions.
type Reader interface {
	// Find returns the jobs that f selects, newest id first, at most f.Max. With f.IDs, inputs
	// and results come whole, however large. A filter that Searches is that of a Search without a
	// budget.
	Find(ctx context.Context, f Filter) ([]Job, error)

	// Search is Find in steps, and says up to where it has looked when its time is over or f.Max
	// jobs are found; a step it makes always. Jobs that come or move meanwhile may be missed.
	// Without f.Soonest its order is that of Find.
	Search(ctx context.Context, s Search) (Found, error)

	// Failures returns the failed attempts of a job, oldest first; none for an unknown id.
	Failures(ctx context.Context, id ID) ([]Failure, error)

	// Counts returns how many jobs are in each state, those of SystemQueue left out. It may
	// read all of done.
	Counts(ctx context.Context) (map[State]int, error)

	// CountUpTo counts what f selects, up to most of each state, whatever f.States says; by queue,
	// task and tag it counts those of f.States among them. Of each state it looks at no more than
	// CountLook times as many, of those that have ended at the newest. It passes over f.Input.
	CountUpTo(ctx context.Context, f Filter, most int) (*Counted, error)

	// Queues returns every queue that has jobs that have not ended, is paused, or has workers set, by name, with
	// counts that stop at most; 0 is no limit.
	Queues(ctx context.Context, most int) ([]Queue, error)

	// Tasks returns the tasks that processes have made known, by name.
	Tasks(ctx context.Context) ([]Task, error)

	// Processes returns the processes, by id.
	Processes(ctx context.Context) ([]Process, error)

	// Figures returns statistics, by start, task, queue and outcome.
	Figures(ctx context.Context, q FigureQuery) ([]Figure, error)

	// Now returns the store's time.
	Now(ctx context.Context) (time.Time, error)

	// Examine looks the database over for the doctor: settings, durability, clock, schema, size,
	// jobs that stand still. It may take seconds.
	Examine(ctx context.Context) ([]Finding, error)
}

// An Operator acts for people.
type Operator interface {
	// Act does something to jobs and says what became of each, in the order of act.IDs. A job
	// that is just moving is looked for again.
	Act(ctx context.Context, act Act) ([]Acted, error)

	// Control pauses, resumes, quiets or stops, and records it if c.Who is set. A process that
	// is not there is an ErrNotFound; a queue or task need not be there yet.
	Control(ctx context.Context, c Control) error

	// PutRecord keeps what somebody did by a job of its own.
	PutRecord(ctx context.Context, r Record) error

	// Records returns what people did since a time, newest first, at most 1,000.
	Records(ctx context.Context, since time.Time) ([]Record, error)

	// RegisterTasks makes tasks known, or known again. Whether one is paused stays.
	RegisterTasks(ctx context.Context, tasks []Task) error
}

// Duties are what some process must do now and then.
type Duties interface {
	// TakeDuty reports whether the duty is this caller's now: once in each period of that
	// length, whoever asks first.
	TakeDuty(ctx context.Context, name string, every time.Duration) (mine bool, err error)

	// Prune removes at most max ended jobs whose time to be kept is over, and what else has had
	// its time (figures, acts, tasks, forgotten crashes, documents), and returns how many jobs it removed.
	// Fewer than max means that it is done for now. It adds up figures older than FiguresByMinute by the hour.
	Prune(ctx context.Context, max int) (int, error)

	// CountEnqueued writes the figures of jobs enqueued in minutes that have passed, by their
	// ids, each minute once.
	CountEnqueued(ctx context.Context) error
}

// Gates hold limits, turns and expiries.
//
// A key of a limit is a gate. What a job holds of it is known by the job and by nothing else:
// from when it is due until it has ended, or with Per until it has started. So a limit is never
// exceeded, and a process that dies takes nothing with it: its jobs hold their limits until they
// are reaped, and after.
//
// Those that wait for a gate are let through by lane, then run_at or turn, then id. With Max 1
// they so start in the order of their insert. A job waits for one gate, the first that had no
// room, and holds none meanwhile. A gate of a limit that is Kept, moreover, a job holds until it
// has ended, and with Strict, a job that was discarded stops it until somebody retries that job, which then is the first
// to go through, or deletes it.
type Gates interface {
	// PutLimits makes limits known, or known again. A person's change stays. What a changed
	// limit has room for now is let through by Admit.
	PutLimits(ctx context.Context, limits []Limit) error

	// Limits returns the limits, by name; with names, those. Without, those are left out that
	// nobody has made known for RetainTasks, nor changed, and of which no key has anything to say:
	// they go on to hold, for jobs that are not due yet and those of schedules. Not counted in
	// the keys are jobs that are not decided yet.
	Limits(ctx context.Context, names ...string) ([]LimitState, error)

	// Admit lets jobs through whose gate has got room without a call that saw it: because time
	// has passed, a transaction of the caller's was committed, a process died half way, a limit
	// was changed. It looks at no more than max jobs, and returns how many it let through or
	// cancelled, and whether there may be more to do. View.Admit says when it is worth a call.
	Admit(ctx context.Context, max int) (moved int, more bool, err error)

	// Expire ends jobs as expired that wait, have not been started and are out of time, at
	// most max, and returns how many. View.Expire says when it is worth a call. A job is out of
	// time Terms.Expire after it was first due: after the run_at that it has until it is
	// started. As started counts what was claimed, unless it was parked for its task.
	Expire(ctx context.Context, max int) (int, error)

	// Place returns what is between a job and its run, or an ErrNotFound.
	Place(ctx context.Context, id ID) (Place, error)
}

// Flows let jobs wait for others.
//
// A job with edges lies in blocked until they allow its run: all that are OnCompleted or OnEnded
// are met, and of those that are OnFailed, where there are any, one. Then it is due, at its time or
// now, and its limits and turn are decided; it can't expire before. When its edges can't be met any more it
// ends as cancelled, which its own downstream sees, or is held. What Upstream means is settled by
// the insert: where a unique key keeps an upstream of the same call out, the job that holds it
// stands in. A full limit that drops one has cancelled it.
//
// A batch (BatchTask) lies in blocked without edges. Jobs with its id in Terms.Batch are its
// members, in the same call, later, or from within; another batch can be one. With none it completes at once.
//
// Who ends a job, or retries or deletes one, on which others wait, leaves a mark in the same
// transaction; Settle takes marks and brings what waits in line with what its upstreams are.
// So nothing is forgotten, whoever dies when. Calls that are not in a transaction of the caller's
// settle what they have marked before they return, as far as they can; what they can't, Settle finds.
//
// Retry of a job reopens what was cancelled for it, or held, downstream of it, and the batch that
// it is a member of, if that has ended; what has run stays as it is, and batches end again. A job
// that a person retries or hurries runs whatever its edges say. Prune keeps a job
// while one that is after it, or its batch, has not ended.
type Flows interface {
	// Settle looks at what waits for jobs that are marked, at most max jobs, and returns how many it moved, and
	// whether there may be more to do. View.Settle says whether it is worth a call.
	Settle(ctx context.Context, max int) (moved int, more bool, err error)

	// Edges returns the edges of jobs, by job, in the order in which each was given them;
	// memberships are not among them. None for unknown ids.
	Edges(ctx context.Context, jobs ...ID) ([]EdgeState, error)

	// Batches counts the members of batches. An id that is no batch's is left out.
	Batches(ctx context.Context, ids ...ID) (map[ID]BatchCount, error)

	// FlowIDs returns the flows that jobs are of, with an id before that one, newest first, at most max.
	// The zero ID is before none.
	FlowIDs(ctx context.Context, before ID, max int) ([]ID, error)
}

// Schedules keeps schedules.
type Schedules interface {
	// PutSchedules stores schedules, or replaces those of their names. What a schedule has done
	// stays, and so does whether it is paused; its Next stays if its Spec is the same. One InCode
	// changes nothing where one is that was made at run time.
	PutSchedules(ctx context.Context, schedules []Schedule) error

	// DropSchedule removes a schedule made at run time, or one of code that no program declares
	// any more, or returns an ErrNotFound. Its jobs stay.
	DropSchedule(ctx context.Context, name string) error

	// Schedules returns all schedules, by name; with names, those.
	Schedules(ctx context.Context, names ...string) ([]Schedule, error)

	// Tick asks tick what each schedule does whose Next has come, at most max, and writes it,
	// each in one transaction with its jobs. Schedules that another process is ticking are passed
	// over. It returns how many it took. tick gets the store's time, must not call the store,
	// and may be called again for the same tick; an error leaves that schedule as it is, and is
	// returned when the others have been asked. View.Tick says when it is worth a call.
	Tick(ctx context.Context, max int, tick func(now time.Time, s Schedule) (Ticked, error)) (int, error)

	// Take is Tick for one schedule, paused or not, whether or not its Next has come: an
	// ErrNotFound if there is none of the name.
	Take(ctx context.Context, name string, tick func(now time.Time, s Schedule) (Ticked, error)) ([]Inserted, error)
}

// Inbox takes jobs from programs that write a row.
type Inbox interface {
	// InboxRows returns rows that were not looked at yet, oldest first, or those that were
	// refused, newest first; at most max.
	InboxRows(ctx context.Context, refused bool, max int) ([]InboxRow, error)

	// MoveInbox does to rows that are still there what their fates say, in one transaction. A
	// unique key that is taken by ConflictFail is kept as the row's error. Rows that were refused
	// are removed RetainEnded after they were written.
	MoveInbox(ctx context.Context, fates []InboxFate) error
}

// Notes keeps what running jobs say, as long as their jobs are kept.
type Notes interface {
	// WriteLogs keeps lines, in their order, as LogLine.Kept says. Those whose lease is gone are
	// passed over, unless that very attempt has ended the job: one that completes its job in a
	// transaction of its own goes on to log. So are those beyond MaxLogLines or MaxLogBytes of a
	// job, but for the first, in whose place LogLine.Last is kept: nothing comes after it.
	WriteLogs(ctx context.Context, process ID, lines []LogLine) error

	// Logs returns lines of a job whose Seq is above after, oldest first, at most max; with
	// max < 0 the newest −max, oldest first. None for an unknown id.
	Logs(ctx context.Context, id ID, after int64, max int) ([]LogLine, error)

	// PutMemo keeps a memo of a running job, in place of one of that name, and has committed it
	// when it returns. It returns an ErrLeaseLost if the lease is gone. The caller has checked
	// lengths, and that names are text; the one beyond MaxMemos is an ErrFull. Memos go when their
	// job has completed; those of a job that ended otherwise stay for a retry by hand.
	PutMemo(ctx context.Context, process ID, f Fence, m Memo) error

	// Memos returns the memos of a job, by name, byte by byte; with names, those.
	Memos(ctx context.Context, id ID, names ...string) ([]Memo, error)
}

// Documents keeps what is small and no job's. What has expired is as good as gone.
type Documents interface {
	// PutDocument writes a document and returns it with its new version, if what is there has the
	// version want; else the error is an ErrStale. It expires after keep; 0 is never. After an error that leaves
	// doubt a version that was read may be stale by the call's own doing.
	PutDocument(ctx context.Context, d Document, want int64, keep time.Duration) (Document, error)

	// Documents returns documents of a kind with these keys; without keys, at most max whose key comes
	// after another, byte by byte. They come by key.
	Documents(ctx context.Context, kind, after string, max int, keys ...string) ([]Document, error)

	// DeleteDocument removes a document of the version want, or nothing if there is none. With another
	// version it is an ErrStale.
	DeleteDocument(ctx context.Context, kind, key string, want int64) error
}

// processName is how people know a process: "web@host/1234".
func processName(name, host string, pid int) string {
	if name != "" {
		name += "@"
	}
	return fmt.Sprintf("%s%s/%d", name, host, pid)
}
