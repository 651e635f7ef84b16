package offload

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// A TaskOption is a default for the jobs of a task.
type TaskOption interface{ applyTask(*taskConfig) }

// An EnqueueOption shapes one job.
type EnqueueOption interface{ applyEnqueue(*enqueueConfig) }

// A JobOption is both: a default for a task, or the word of one job, which wins. Defaults of
// the app come first, then the task's, then those of the call; the last wins, and tags and
// limits add up.
type JobOption interface {
	TaskOption
	EnqueueOption
}

// A jobConfig is what options valid in both places shape.
type jobConfig struct {
	queue       string
	priority    int
	maxAttempts int
	timeout     time.Duration
	giveUpAfter *time.Duration
	retain      *time.Duration
	tags        map[string]string
	unique      *Unique
	limits      []Limit
	fair        *Fair
	expire      *time.Duration
	encrypt     bool
	key         string // that the process encrypts with by whose rules this is known; "" if it is this one
	secrets     secrets
	registered  map[string]bool // limits that are known by the rules of another process only
}

// A taskConfig is what the options of a task shape.
type taskConfig struct {
	jobConfig
	backoff func(failures int, err error) time.Duration
	aliases []string
	offline bool
	danger  bool
	around  []aroundFunc // outermost first
}

// An enqueueConfig is what the options of one job shape.
type enqueueConfig struct {
	jobConfig
	delay *time.Duration
	at    *time.Time
	id    *ID
	links
}

// links are what a call says of others.
type links struct {
	after []edge
	batch *ID // nil is none
}

func defaultConfig() jobConfig {
	return jobConfig{queue: "default", priority: 5, maxAttempts: 25, timeout: time.Hour}
}

// A jobOption sets something of the jobConfig.
type jobOption func(*jobConfig)

func (o jobOption) applyTask(c *taskConfig)       { o(&c.jobConfig) }
func (o jobOption) applyEnqueue(c *enqueueConfig) { o(&c.jobConfig) }

// Queue puts jobs into the queue: 1 to 128 letters, digits, _ - . : or /. The default is
// "default".
func Queue(name string) JobOption { return jobOption(func(c *jobConfig) { c.queue = name }) }

// Priority orders due jobs of a queue: 0 first, 9 last. The default is 5.
func Priority(p int) JobOption { return jobOption(func(c *jobConfig) { c.priority = p }) }

// MaxAttempts is how often a job may fail before it is discarded, 1 or more. The default is
// 25. A snooze, a stop or a loss of the process is no failure.
func MaxAttempts(n int) JobOption { return jobOption(func(c *jobConfig) { c.maxAttempts = n }) }

// Timeout ends the context of an attempt with ErrTimeout after d. The default is an hour; 0
// is none.
func Timeout(d time.Duration) JobOption { return jobOption(func(c *jobConfig) { c.timeout = d }) }

// GiveUpAfter discards a job that fails when the next retry would come later than d after
// the enqueue, whatever attempts are left. The default is no such end.
func GiveUpAfter(d time.Duration) JobOption {
	return jobOption(func(c *jobConfig) { c.giveUpAfter = &d })
}

// Retain keeps an ended job for d after its end, however it ended, but 10 minutes at least.
// The default is 24 hours for completed, 7 days for cancelled and expired, 30 days for
// discarded jobs.
func Retain(d time.Duration) JobOption { return jobOption(func(c *jobConfig) { c.retain = &d }) }

// Tag marks jobs, to be found by. Names are made like those of queues; a value may be any
// text up to 256 bytes. Tags of task and job add up; for one name the job's wins.
func Tag(name, value string) JobOption {
	return jobOption(func(c *jobConfig) {
		tags := maps.Clone(c.tags) // the map may be shared with the task's
		if tags == nil {
			tags = map[string]string{}
		}
		tags[name] = value
		c.tags = tags
	})
}

// A taskOption is valid for tasks only.
type taskOption func(*taskConfig)

func (o taskOption) applyTask(c *taskConfig) { o(c) }

// Backoff is the wait before the next attempt, after the given number of failures, the last
// of which was err. The default is n⁴ + 15 s after n failures, and up to a tenth more, at most
// a day. A wait below 0 is taken as 0. It must be safe for concurrent use.
func Backoff(f func(failures int, err error) time.Duration) TaskOption {
	return taskOption(func(c *taskConfig) { c.backoff = f })
}

// Alias makes the task run jobs that were enqueued under earlier names too.
func Alias(names ...string) TaskOption {
	return taskOption(func(c *taskConfig) { c.aliases = append(c.aliases[:len(c.aliases):len(c.aliases)], names...) })
}

// Offline lets an attempt go on while its process is cut off from the store. It may then run
// twice at once; a late result is still refused. By default its context is cancelled with
// ErrLeaseLost before another process can be given the job.
func Offline() TaskOption { return taskOption(func(c *taskConfig) { c.offline = true }) }

// Dangerous marks a task whose input says what a worker does on its machine or in its network: a
// command, an address to call. Whoever may enqueue it may do that. The dashboard lets only admins
// enqueue its jobs, change their inputs or schedule it, and only where the program allows it.
func Dangerous() TaskOption { return taskOption(func(c *taskConfig) { c.danger = true }) }

// An enqueueOption is valid for one job only.
type enqueueOption func(*enqueueConfig)

func (o enqueueOption) applyEnqueue(c *enqueueConfig) { o(c) }

// Delay lets the job run d after the enqueue at the earliest, by the store's clock. The
// default is no delay. It takes the place of an earlier At.
func Delay(d time.Duration) EnqueueOption {
	return enqueueOption(func(c *enqueueConfig) { c.delay, c.at = &d, nil })
}

// At lets the job run at t at the earliest, by the store's clock. A time in the past is now.
// It takes the place of an earlier Delay.
func At(t time.Time) EnqueueOption {
	return enqueueOption(func(c *enqueueConfig) { c.at, c.delay = &t, nil })
}

// WithID gives the job an id made by NewID, so that the caller can keep it beforehand.
// Enqueueing with an id that exists makes no second job.
func WithID(id ID) EnqueueOption { return enqueueOption(func(c *enqueueConfig) { c.id = &id }) }

// check returns the first value that was refused, as an *InputError.
func (c *jobConfig) check(task string, def *definition) error {
	refuse := func(field string, got any, want string) error {
		return &InputError{Task: task, Field: field, Got: got, Want: want}
	}
	if err := checkName(task, "Queue", c.queue); err != nil {
		return err
	}
	switch {
	case c.queue == store.SystemQueue && task != inside.ActTask:
		return refuse("Queue", c.queue, "a queue of yours; this is offload's own")
	case c.priority < 0 || c.priority > 9:
		return refuse("Priority", c.priority, "0 (first) to 9 (last)")
	case c.maxAttempts < 1 || c.maxAttempts > 1_000_000:
		return refuse("MaxAttempts", c.maxAttempts, "1 to 1,000,000")
	case c.timeout < 0:
		return refuse("Timeout", c.timeout, "0 (none) or more")
	case c.giveUpAfter != nil && *c.giveUpAfter <= 0:
		return refuse("GiveUpAfter", *c.giveUpAfter, "more than 0")
	case c.retain != nil && *c.retain <= 0:
		return refuse("Retain", *c.retain, "more than 0")
	case c.ownTags() > 20:
		return refuse("Tag", fmt.Sprintf("%d tags", len(c.tags)), "at most 20 tags")
	}
	for name, value := range c.tags {
		if err := checkName(task, "Tag", name); err != nil {
			return err
		}
		if len(value) > 256 || !inside.IsText(value) {
			return refuse("Tag "+name, value, textWant+", at most 256 bytes")
		}
	}
	return c.checkTerms(task, def)
}

// traceTags are the tags that keep the context of a trace, as W3C names its headers. They don't
// count against the number of tags, so that no call is refused because it is traced.
var traceTags = []string{"traceparent", "tracestate"}

// ownTags counts the tags beside those of a trace.
func (c *jobConfig) ownTags() int {
	n := len(c.tags)
	for _, name := range traceTags {
		if _, ok := c.tags[name]; ok {
			n--
		}
	}
	return n
}

func (c *enqueueConfig) check(task string, def *definition) error {
	if err := c.jobConfig.check(task, def); err != nil {
		return err
	}
	switch {
	case c.delay != nil && *c.delay < 0:
		return &InputError{Task: task, Field: "Delay", Got: *c.delay, Want: "0 or more"}
	case c.delay != nil && *c.delay > farFuture:
		return &InputError{Task: task, Field: "Delay", Got: *c.delay, Want: "at most 100 years"}
	case c.id != nil && c.id.IsZero():
		return &InputError{Task: task, Field: "WithID", Got: "the zero id", Want: "an id made by NewID"}
	}
	if err := c.checkFlow(task); err != nil {
		return err
	}
	if c.at != nil {
		return checkAt(task, "At", *c.at)
	}
	return nil
}

// checkAt refuses times that some database cannot keep.
func checkAt(task, field string, at time.Time) error {
	if year := at.UTC().Year(); year < 1970 || year > 2262 {
		return &InputError{Task: task, Field: field, Got: at, Want: "a time between 1970 and 2262"}
	}
	return nil
}

const farFuture = 100 * 365 * 24 * time.Hour

// textWant describes text that every database keeps as it is.
const textWant = "valid UTF-8 without NUL"

// nameWant describes a valid name of a task, queue or tag.
const nameWant = "1 to 128 letters, digits, or _ - . : /"

// checkName refuses names that could not be shown, typed and put into a path everywhere.
func checkName(task, field, name string) error {
	good := len(name) >= 1 && len(name) <= 128
	for i := 0; good && i < len(name); i++ {
		b := name[i]
		good = b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("_-.:/", b) >= 0
	}
	if !good {
		return &InputError{Task: task, Field: field, Got: name, Want: nameWant}
	}
	return nil
}
