package offload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/store"
)

// Version is the version of this release of offload.
const Version = "0.1.0"

// An App is a connection to a store and the parts that this process brings along.
// Make it with Open or New; the nil *App refuses every call with ErrClosed.
type App struct {
	store     store.Store
	owned     bool // Open opened the store, so Close closes it
	tasks     map[string]*boundTask
	defaults  []TaskOption
	workers   map[string]setting[int]
	grace     time.Duration
	log       *slog.Logger
	maxInput  int
	onClose   []func() error
	schedules []ownSchedule

	enqueuer *engine.Enqueuer
	registry registry  // tasks that other processes have made known
	limits   limitBook // limits that this process has made known
	waiting  waiters   // calls of Wait in this process
	unworked unworked  // queues that nobody may be working
	hooks    *hooks    // what is told of changes that this process makes
	watching watchers  // calls of Watch in this process

	mu     sync.Mutex // held for moments; guards what follows
	run    *running   // the Run under way, nil if none
	closed bool
}

// Open connects to the store at address: a path ("offload.db"), "sqlite:…" or
// "postgres://…". The package of that store must be imported. It migrates the database
// unless NoMigrate is given, checks every part, makes the tasks known, and starts nothing. Of a
// database that is a copy of another nothing is run, until somebody calls `offload adopt`.
//
// The errors are an *InputError for a wrong part, ErrRefused for an address or a database
// that cannot be used, ErrSchema for a database that excludes this program, and
// ErrUnavailable for one that does not answer.
func Open(ctx context.Context, address string, parts ...Part) (*App, error) {
	gathered, err := gather(parts)
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, address)
	if err != nil {
		return nil, err
	}
	app, err := newApp(ctx, s, gathered)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	app.owned = true
	return app, nil
}

// New is Open on a store that the program made itself, on its own pool. Close leaves that
// store open.
func New(ctx context.Context, s store.Store, parts ...Part) (*App, error) {
	if s == nil {
		return nil, &InputError{Field: "store", Got: "nil", Want: "a store made by its package's New"}
	}
	gathered, err := gather(parts)
	if err != nil {
		return nil, err
	}
	return newApp(ctx, s, gathered)
}

func newApp(ctx context.Context, s store.Store, p *parts) (*App, error) {
	a := &App{
		store: s, tasks: p.tasks, defaults: p.defaults, workers: p.workers, onClose: p.onClose,
		grace: p.grace.or(25 * time.Second), log: p.log.or(slog.Default()), maxInput: p.maxInput.or(1 << 20),
	}
	a.hooks = newHooks(a, p.onEvent)
	p.bind(actTask.def, a.runAct, nil)
	if err := a.checkTasks(p); err != nil {
		return nil, err
	}
	if err := a.prepare(ctx, p.migrate.or(true)); err != nil {
		return nil, err
	}
	if err := a.sayAway(ctx); err != nil {
		return nil, err
	}
	if err := a.register(ctx); err != nil {
		return nil, err
	}
	if err := a.resolveSchedules(ctx, p.schedules); err != nil {
		return nil, err
	}
	if err := a.declareSchedules(ctx); err != nil {
		return nil, err
	}
	a.enqueuer = engine.NewEnqueuer(s, a.wake)
	a.enqueuer.StartIn(a.working)
	return a, nil
}

// checkTasks refuses tasks whose options, or the app's defaults for them, are wrong, and keeps
// what these add up to.
func (a *App) checkTasks(p *parts) error {
	for _, def := range p.declared {
		config, err := a.taskConfig(def)
		if err == nil {
			err = config.check(def.name, def)
		}
		if err == nil && slices.ContainsFunc(config.around, func(f aroundFunc) bool { return f == nil }) {
			err = errNoAround(def.name)
		}
		if err == nil {
			err = a.sayLimits(def.name, &config.jobConfig)
		}
		if err != nil {
			p.refuse(err)
		}
		for _, bound := range a.tasks {
			if bound.definition == def {
				bound.config = config
			}
		}
	}
	return errors.Join(p.errs...)
}

// sayLimits keeps what a task says of limits.
func (a *App) sayLimits(task string, c *jobConfig) error {
	for i := range c.limits {
		if err := a.limits.say(task, c.limits[i].definition()); err != nil {
			return err
		}
	}
	if c.unique == nil {
		return nil
	}
	if _, behind := c.unique.terms(task, ""); behind != nil {
		return a.limits.say(task, *behind)
	}
	return nil
}

// register makes limits and tasks known to the store, or known again. Who enqueues by the name
// of a task finds its limits there.
func (a *App) register(ctx context.Context) error {
	if err := a.limits.declare(ctx, a.store); err != nil {
		return err
	}
	if err := a.store.RegisterTasks(ctx, a.registrations()); err != nil {
		return fmt.Errorf("offload: make tasks known: %w", err)
	}
	return nil
}

// prepare migrates the database, or only looks whether it can be worked.
func (a *App) prepare(ctx context.Context, migrate bool) error {
	if !migrate {
		return a.store.Ready(ctx)
	}
	if err := a.store.Migrate(ctx, store.Newest); err != nil {
		return fmt.Errorf("offload: migrate: %w", err)
	}
	return nil
}

// sayAway says in the log that the database is a copy, which is taken for the original easily.
func (a *App) sayAway(ctx context.Context) error {
	o, err := a.store.Origin(ctx)
	if err != nil || !o.Away {
		return err
	}
	a.log.Warn("offload: THIS DATABASE IS A COPY. It takes jobs, and runs none, so that nothing is done twice. "+
		"Is it the one to work on? Then say so: `offload adopt`; for a test `offload adopt --discard-waiting`", "made", o.Made, "here", o.Here)
	return nil
}

// Close ends a Run that is still going and waits for it, calls what OnClose was given, and
// closes the store if Open opened it. Closing twice, or a nil App, is fine.
func (a *App) Close() error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return nil
	}
	a.closed = true
	run := a.run
	a.mu.Unlock()

	if run != nil {
		run.stop()
		<-run.ended
	}
	a.unworked.stop()
	a.hooks.flush()
	var errs []error
	for _, f := range slices.Backward(a.onClose) {
		errs = append(errs, f())
	}
	if a.owned {
		errs = append(errs, a.store.Close())
	}
	return errors.Join(errs...)
}

// open returns ErrClosed for an app that is nil or closed.
func (a *App) open() error {
	if a == nil {
		return ErrClosed
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return ErrClosed
	}
	return nil
}

// Enqueue stores the calls, all or none, and returns their jobs in order. Enqueueing the same
// Call again is safe and makes no second job: it returns the job that is there, with Existing
// set, and so does a call of a Unique job whose key another holds. When Enqueue returns without
// error the jobs are durable.
//
// Without a store it tries again for up to 10 s, as long as ctx lasts, and then returns
// ErrUnavailable. A commit that has begun is finished even when ctx ends: a store that hangs then holds
// the call for up to 10 s more.
func (a *App) Enqueue(ctx context.Context, calls ...*Call) ([]*Job, error) {
	news, used, err := a.newJobs(ctx, calls)
	if err != nil || len(news) == 0 {
		return nil, err
	}
	if err := a.limits.ensure(ctx, a.store, nil, used); err != nil {
		return nil, err
	}
	inserted, err := a.enqueuer.Insert(ctx, news)
	if err != nil {
		return nil, fmt.Errorf("offload: enqueue: %w", err)
	}
	jobs := jobsOfNew(news, inserted)
	if err := a.readExisting(ctx, jobs); err != nil {
		return nil, err
	}
	a.unworked.note(a, news)
	a.hearEnqueued(jobs)
	return jobs, nil
}

// newJobs resolves and checks calls, and returns the limits of their jobs. The same call twice
// is refused.
func (a *App) newJobs(ctx context.Context, calls []*Call) ([]store.NewJob, []usedLimit, error) {
	if err := a.open(); err != nil {
		return nil, nil, err
	}
	news := make([]store.NewJob, len(calls))
	var used []usedLimit
	for i, c := range calls {
		job, limits, err := a.newJob(ctx, c)
		if err != nil {
			return nil, nil, err
		}
		news[i], used = job, append(used, limits...)
	}
	if len(calls) > 1 {
		seen := make(map[ID]bool, len(calls))
		for _, c := range calls {
			if seen[c.id] {
				return nil, nil, &InputError{Task: c.task, Field: "calls", Got: "the id " + c.id.String() + " twice", Want: "each call once"}
			}
			seen[c.id] = true
		}
	}
	return news, used, nil
}

// jobsOfNew returns the jobs of an insert, as far as that tells: of one that was there already
// no more than its id.
func jobsOfNew(news []store.NewJob, inserted []store.Inserted) []*Job {
	now := time.Now()
	jobs := make([]*Job, len(news))
	for i, in := range inserted {
		job := jobOfNew(&news[i], now)
		job.Existing, job.Replaced = in.Existing, in.Replaced
		switch in.State {
		case Blocked:
			job.State, job.Waits = Blocked, store.WaitsLimit
		case Cancelled:
			job.State, job.FinishedAt = Cancelled, now
		}
		if in.ID != job.ID {
			job.ID, job.State = in.ID, ""
		}
		jobs[i] = job
	}
	return jobs
}

// readExisting replaces jobs that were there already by what they are now.
func (a *App) readExisting(ctx context.Context, jobs []*Job) error {
	var ids []ID
	for _, job := range jobs {
		if job.Existing {
			ids = append(ids, job.ID)
		}
	}
	found := make(map[ID]*store.Job, len(ids))
	for some := range slices.Chunk(ids, existingPage) {
		olds, err := a.store.Find(ctx, store.Filter{IDs: some, Max: len(some)})
		if err != nil {
			return fmt.Errorf("offload: read what was there already: %w", err)
		}
		for i := range olds {
			found[olds[i].ID] = &olds[i]
		}
	}
	for i, job := range jobs {
		old := found[job.ID]
		if !job.Existing || old == nil { // gone by now: what the caller wanted is what we know
			continue
		}
		jobs[i] = jobOf(old)
		jobs[i].Existing, jobs[i].Replaced = true, job.Replaced
	}
	return nil
}

// existingPage is how many jobs that were there already are read at once.
const existingPage = 1000
