package offload

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload/internal/seal"
	"github.com/offloadhq/offload/store"
)

// A Call is a job, or by Chain and Batch several, not yet enqueued. It has an identity: its id is
// known before it is stored, so that After may name it, and storing it twice stores it once.
type Call struct {
	def     *definition // nil for a call by name
	task    string
	input   []byte
	options []EnqueueOption
	id      ID
	err     error // what was wrong when it was made; reported by what takes it

	form   form
	parts  []*Call // of a chain or batch
	hollow bool    // a chain or batch without any job
	linked bool    // it says which others it has to do with
	sealed bool    // input is encrypted: it was read from a schedule by a program without its key
}

func newCall(def *definition, task string, input []byte, opts []EnqueueOption, err error) *Call {
	c := &Call{def: def, task: task, input: input, options: opts, err: err}
	c.settle()
	return c
}

// settle takes the id from WithID, or keeps or makes one, and notes whether the call is linked.
func (c *Call) settle() {
	config := c.config()
	c.linked = c.form != oneJob || len(config.after) > 0 || config.batch != nil
	switch {
	case c.form == aChain:
		c.id = endOf(c.parts)
	case config.id != nil:
		c.id = *config.id
	case c.id.IsZero():
		c.id = NewID()
	}
}

// NewCall is a call by the task's name, for programs that don't have the task's type. The
// input is JSON. Enqueue refuses a name that neither the app nor any process has made known.
func NewCall(task string, input json.RawMessage, opts ...EnqueueOption) *Call {
	return newCall(nil, task, bytes.Clone(input), slices.Clone(opts), nil)
}

// ID returns the id that the job has or will have: of a Chain, the last call's; of a Batch,
// the batch's.
func (c *Call) ID() ID {
	if c == nil {
		return ID{}
	}
	return c.id
}

// Task returns the name of the call's task; "" for a chain or batch.
func (c *Call) Task() string {
	if c == nil {
		return ""
	}
	return c.task
}

// Input returns the call's input as JSON, as it will be stored. It must not be changed.
func (c *Call) Input() json.RawMessage {
	if c == nil {
		return nil
	}
	return c.input
}

// With returns the same call, with its id unless WithID is given, with more options; those
// given last win.
func (c *Call) With(opts ...EnqueueOption) *Call {
	if c == nil {
		return nil
	}
	more := *c
	more.options = append(slices.Clone(c.options), opts...)
	more.settle()
	return &more
}

// config returns what the call's own options say, apart from those of app and task.
func (c *Call) config() *enqueueConfig {
	var config enqueueConfig
	config.apply(c.options)
	return &config
}

func (c *enqueueConfig) apply(opts []EnqueueOption) {
	for _, o := range opts {
		if o != nil {
			o.applyEnqueue(c)
		}
	}
}

// An Enqueuer takes calls: an *App, a *Tx, an app of offloadtest, or your own.
type Enqueuer interface {
	// Enqueue stores the calls, all or none, and returns their jobs in order: of a chain its
	// last, of a batch the batch's.
	Enqueue(ctx context.Context, calls ...*Call) ([]*Job, error)
}

// enqueueTo hands calls to an enqueuer, which may be missing or somebody else's.
func enqueueTo(ctx context.Context, to Enqueuer, calls ...*Call) ([]*Job, error) {
	if to == nil {
		return nil, fmt.Errorf("enqueue to a nil Enqueuer: %w", ErrClosed)
	}
	jobs, err := to.Enqueue(ctx, calls...)
	if err == nil && len(jobs) != len(calls) {
		err = fmt.Errorf("offload: the Enqueuer %T returned %d jobs for %d calls", to, len(jobs), len(calls))
	}
	return jobs, err
}

// A newJob is a job as it is stored, and what of it is shown.
type newJob struct {
	store.NewJob
	clear   []byte // its input
	secrets secrets
}

func storedJobs(news []newJob) []store.NewJob {
	jobs := make([]store.NewJob, len(news))
	for i := range news {
		jobs[i] = news[i].NewJob
	}
	return jobs
}

// newJob resolves a call of one job against the app's defaults and checks all of it. It returns
// the limits that the job is under, and what the call says of others, too.
func (a *App) newJob(ctx context.Context, c *Call) (job newJob, used []usedLimit, own links, err error) {
	config, def, err := a.resolve(ctx, c)
	if err != nil {
		return job, nil, own, err
	}
	terms, limits, err := config.terms(c.task, def, c.input)
	if err != nil {
		return job, nil, own, err
	}
	used = config.used(c.task, limits)
	job = newJob{config.newJob(c.task, c.input, c.id), c.input, config.secrets}
	job.Terms = terms
	return job, used, config.links, a.sealInput(&config.jobConfig, &job.NewJob)
}

// used says of limits whether they are this app's own word.
func (c *enqueueConfig) used(task string, limits []store.Limit) (used []usedLimit) {
	for _, l := range limits {
		used = append(used, usedLimit{l, task, !c.registered[l.Name]})
	}
	return used
}

// resolve returns what a call's job is made of, all of it checked, and the task's definition, nil
// if this app knows no more than its name.
func (a *App) resolve(ctx context.Context, c *Call) (config enqueueConfig, def *definition, err error) {
	switch {
	case c == nil:
		return config, nil, &InputError{Field: "call", Got: "nil", Want: "a call made by Task.Call or NewCall"}
	case c.err != nil:
		return config, nil, c.err
	}
	if err := checkName(c.task, "task name", c.task); err != nil {
		return config, nil, err
	}
	config.jobConfig, def, err = a.defaultsOf(ctx, c)
	if err != nil {
		return config, nil, err
	}
	settled := len(config.limits)
	config.apply(c.options)
	if len(config.limits) > settled {
		if err := config.settleLimits(c.task); err != nil {
			return config, nil, err
		}
	}
	if err := config.check(c.task, def); err != nil {
		return config, nil, err
	}
	return config, def, a.checkInput(c, &config.jobConfig)
}

func (c *enqueueConfig) newJob(task string, input []byte, id ID) store.NewJob {
	job := store.NewJob{
		ID: id, Task: task, Input: input, Queue: c.queue, Priority: c.priority, Tags: c.tags,
		MaxAttempts: c.maxAttempts, Timeout: c.timeout,
	}
	if c.at != nil {
		job.RunAt = *c.at
	}
	if c.delay != nil {
		job.Delay = *c.delay
	}
	if c.giveUpAfter != nil {
		job.GiveUpAfter = *c.giveUpAfter
	}
	if c.retain != nil {
		job.Retain = *c.retain
	}
	return job
}

// checkInput refuses what is no JSON, too long, or, where the app knows the type, none of it.
func (a *App) checkInput(c *Call, config *jobConfig) error {
	if c.sealed {
		return nil
	}
	if len(c.input) > a.maxInput {
		return &InputError{
			Task: c.task, Field: "input", Got: fmt.Sprintf("%d bytes", len(c.input)),
			Want: fmt.Sprintf("at most %d (MaxInput); keep large data elsewhere and enqueue its name", a.maxInput),
		}
	}
	if seal.LooksSealed(c.input) {
		return errSealed(c.task)
	}
	if config.secrets.input.Masked(c.input) {
		return errMasked(c.task)
	}
	if c.def != nil {
		return nil // made of the type itself
	}
	if !json.Valid(c.input) {
		got := string(c.input)
		if config.encrypt || len(config.secrets.input) > 0 {
			got = "text that is none"
		}
		return &InputError{Task: c.task, Field: "input", Got: got, Want: "JSON"}
	}
	if bound := a.tasks[c.task]; bound != nil {
		return bound.accepts(c.input)
	}
	return nil
}

// job is a job as it stands right after its insert.
func (n *newJob) job(now time.Time) *Job {
	j := &Job{
		ID: n.ID, Task: n.Task, Queue: n.Queue, State: Available, Priority: n.Priority,
		MaxAttempts: n.MaxAttempts, RunAt: now.Add(n.Delay), CreatedAt: now, Tags: n.Tags, Input: n.secrets.input.Hide(n.clear),
	}
	if n.RunAt.After(now) {
		j.RunAt = n.RunAt
	}
	if j.RunAt.After(now) {
		j.State = Scheduled
	}
	j.setTerms(n.Terms)
	return j
}
