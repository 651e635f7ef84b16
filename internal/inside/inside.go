// Package inside is the only door from an App to what is in it, for the packages of this
// module that are built on it. The root package fills it.
package inside

import (
	"context"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/store"
)

// App is an *offload.App, which this package cannot name.
type App any

var (
	// Store returns the store of an app, or why it has none: it is nil or closed.
	Store func(app App) (store.Store, error)

	// Drain runs what is due on an app in the caller's goroutine.
	Drain func(ctx context.Context, app App) (engine.Count, error)

	// Tick takes the ticks of schedules that are due, and returns how many there were.
	Tick func(ctx context.Context, app App) (int, error)

	// TickAt takes the ticks that a schedule has up to a time, whatever the store's clock says.
	TickAt func(ctx context.Context, app App, name string, at time.Time) error

	// Pulse returns how the heart of the Run under way beats; none if no Run is.
	Pulse func(app App) (engine.Pulse, bool)

	// Outcome tells what follows of the error of the attempt of ctx, a store.Outcome or "released", and
	// the kind of the error, as failures have it.
	Outcome func(ctx context.Context, err error) (outcome, kind string)

	// CheckInput returns why an input is none for the task, as far as this app can tell.
	CheckInput func(app App, task string, input []byte) error

	// CheckName refuses what can be no name of a queue or task.
	CheckName func(field, name string) error

	// CheckFilter refuses what can select nothing because it is misspelt.
	CheckFilter func(f store.Filter) error

	// CheckAt refuses a time that no job can be due at.
	CheckAt func(field string, at time.Time) error

	// ActError makes an error of what became of jobs.
	ActError func(ctx context.Context, app App, verb store.Verb, acted []store.Acted) error

	// EditInput checks a new input of a job, in which masks stand for what stays secret, and returns
	// it as it is stored, with the terms that the job has with it, nil for a plain job.
	EditInput func(ctx context.Context, app App, id store.ID, input []byte) ([]byte, *store.Terms, error)

	// ShowInput returns an input of a task as others than its handler see it.
	ShowInput func(ctx context.Context, app App, task string, input []byte) ([]byte, error)

	// SealDocument returns the value of a document as it is kept: encrypted for its kind and key, or as it is
	// if the app has no keys.
	SealDocument func(app App, kind, key string, value []byte) ([]byte, error)

	// OpenDocument is the other way. One that is in the clear it returns as it is.
	OpenDocument func(app App, kind, key string, value []byte) ([]byte, error)

	// Sealed returns the kinds of documents that an app has said in the database are encrypted.
	Sealed func(app App) *sync.Map

	// CurrentKey returns the id of the key with which an app encrypts, "" if it has none.
	CurrentKey func(app App) string

	// ReadSchedule returns the offload.Schedule that a store keeps, as others than handlers see it.
	ReadSchedule func(ctx context.Context, app App, s store.Schedule) (any, error)

	// RunSchedule says for store.Schedules.Take what a schedule does that a person runs now: an
	// error says that it may not, since an earlier job has not ended.
	RunSchedule func(now time.Time, s store.Schedule) (store.Ticked, error)

	// PassSchedule says for store.Schedules.Take that ticks up to now are passed over: before one is
	// resumed.
	PassSchedule func(now time.Time, s store.Schedule) (store.Ticked, error)
)

// SealedKinds is the kind of the documents whose keys are the kinds of documents that are encrypted
// where there are keys.
const SealedKinds = "offload.sealed"

// ActTask is the name of the task that acts on many jobs.
const ActTask = "offload.act"

// An ActInput is the input of a job of ActTask: what shall be done to which jobs.
type ActInput struct {
	Verb   store.Verb   `json:"verb"`
	Who    string       `json:"who,omitempty"`
	Filter store.Filter `json:"filter"`
	Edit   *store.Edit  `json:"edit,omitempty"`
	Heed   bool         `json:"heed,omitempty"`
	Key    string       `json:"key,omitempty"` // with Reencrypt: the id of the key to encrypt with
}

// What an act does beside the verbs of a store.
const (
	Reencrypt store.Verb = "re-encrypt"
	CountKeys store.Verb = "count keys of"
)

// MeantWant says what a filter needs that acts.
const MeantWant = "a field that selects jobs, or All: true to act on everything"

// GroupWant says what the id of a group of errors is.
const GroupWant = "16 hexadecimal digits, as operate.Operator.Errors and `offload errors` list them"

// Meant reports whether a filter may act: it selects jobs, or says that all are meant.
func Meant(f store.Filter) bool {
	return f.All || len(f.IDs)+len(f.States)+len(f.Tasks)+len(f.Queues)+len(f.Priorities)+len(f.Input) > 0 || f.Tag+f.Key+f.Limit+f.Schedule+f.Group != "" ||
		!f.Process.IsZero() || !f.Flow.IsZero() || !f.Batch.IsZero() || f.Search != "" || !f.Since.IsZero() || !f.Until.IsZero()
}

// IsText reports whether every database keeps s as it is: valid UTF-8 without NUL.
func IsText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
