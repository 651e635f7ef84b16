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
	store         store.Store
	owned         bool // Open opened the store, so Close closes it
	tasks         map[string]*boundTask
	defaults      []TaskOption
	workers       map[string]setting[int]
	grace         time.Duration
	log           *slog.Logger
	maxInput      int
	beside        []func(context.Context)
	onClose       []func() error
	aroundEnqueue []enqueueFunc // outermost first
	schedules     []ownSchedule
	keys          *keyring // nil is none
	sealed        sync.Map // kinds of records that stand in the database as encrypted

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
		store: s, tasks: p.tasks, defaults: p.defaults, workers: p.workers, beside: p.beside, onClose: p.onClose,
		aroundEnqueue: p.aroundEnqueue,
		grace:         p.grace.or(25 * time.Second), log: p.log.or(slog.Default()), maxInput: p.maxInput.or(1 << 20),
		keys: p.keys.or(nil),
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

// Enqueue stores the calls, all or none, and returns their jobs in order: of a chain its last,
// of a batch the batch's. Enqueueing the same Call again is safe and makes no second job: it
// returns the job that is there, with Existing set, and so does a call of a Unique job whose key
// another holds. When Enqueue returns without error the jobs are durable. ErrUpstream says that
// one is after, or in a batch, that is not stored.
//
// Without a store it tries again for up to 10 s, as long as ctx lasts, and then returns
// ErrUnavailable. A commit that has begun is finished even when ctx ends: a store that hangs then holds
// the call for up to 10 s more.
func (a *App) Enqueue(ctx context.Context, calls ...*Call) ([]*Job, error) {
	if err := a.open(); err != nil {
		return nil, err
	}
	return a.enqueueAround(ctx, calls, a.enqueue)
}

func (a *App) enqueue(ctx context.Context, calls []*Call) ([]*Job, error) {
	p, err := a.plan(ctx, calls, false)
	if err != nil || len(p.news) == 0 {
		return nil, err
	}
	if err := a.limits.ensure(ctx, a.store, nil, p.used); err != nil {
		return nil, err
	}
	stored := storedJobs(p.news)
	inserted, err := a.enqueuer.Insert(ctx, stored)
	if err != nil {
		return nil, fmt.Errorf("offload: enqueue: %w", err)
	}
	all := p.jobs(inserted, false)
	jobs := p.answers(all)
	if err := a.readUnknown(ctx, p, jobs); err != nil {
		return nil, err
	}
	a.unworked.note(a, stored)
	a.hearEnqueued(all)
	return jobs, nil
}

// readUnknown fills in what the jobs of a plan's calls are now that were there already, or of which
// the insert didn't tell.
func (a *App) readUnknown(ctx context.Context, p *plan, jobs []*Job) error {
	var ids []ID
	for _, job := range jobs {
		if job.Existing || job.State == "" {
			ids = append(ids, job.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := a.byID(ctx, ids)
	if err != nil {
		return err
	}
	show := &shower{app: a}
	for i, job := range jobs {
		old, there := found[job.ID]
		if !there {
			continue // gone by now: what the caller wanted is what we know
		}
		now := show.hiding(&old, p.newOf(i).secrets)
		if old.Task != p.newOf(i).Task {
			if now, err = show.job(ctx, &old); err != nil {
				return err
			}
		}
		now.Existing, now.Replaced = job.Existing, job.Replaced
		*job = *now
	}
	return nil
}

// existingPage is how many jobs are read at once.
const existingPage = 1000

// byID returns jobs as they are now, with all of their inputs and results.
func (a *App) byID(ctx context.Context, ids []ID) (map[ID]store.Job, error) {
	jobs := make(map[ID]store.Job, len(ids))
	for some := range slices.Chunk(ids, existingPage) {
		found, err := a.store.Find(ctx, store.Filter{IDs: some, Max: len(some)})
		if err != nil {
			return nil, fmt.Errorf("offload: read jobs: %w", err)
		}
		for _, job := range found {
			jobs[job.ID] = job
		}
	}
	return jobs, nil
}
