package offload

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/offloadhq/offload/internal/seal"
	"github.com/offloadhq/offload/store"
)

// Encrypt keeps what the task's jobs say under AES-256-GCM in the database: input, result,
// checkpoint, results of steps, and log lines, with the Keys of the app that enqueues or runs them.
// Each text is bound to its job: one that was changed, or put elsewhere, is found out.
//
// In the clear stay the names of task and queue, tags, the keys of limits, turns and unique jobs
// that come of the input, errors of the job itself, progress, and what handlers hand to the app's own logger. Jobs
// that were enqueued before the task had Encrypt go on to be read as they are.
func Encrypt() TaskOption { return taskOption(func(c *taskConfig) { c.encrypt = true }) }

// Keys are what tasks with Encrypt are encrypted with: new texts with Current, old ones are read
// with the key of the id that stands in front of them. A job whose key a process lacks waits for
// one that has it. To change keys, give the new one to all processes beside the old, then make it
// Current, then operate.ReencryptAll; operate.CountKeys says which keys are still in use.
type Keys struct {
	Current string            // the id of the key for new texts
	ByID    map[string][]byte // 32 random bytes each; ids are made like names of queues
}

func (k Keys) part(p *parts) {
	if err := k.check(); err != nil {
		p.refuse(err)
		return
	}
	own := make(seal.Keys, len(k.ByID))
	for id, key := range k.ByID {
		own[id] = bytes.Clone(key)
	}
	p.keys.put(&keyring{current: k.Current, byID: own, tried: map[string]time.Time{}}, p.depth)
}

// check refuses keys without showing anything of them.
func (k Keys) check() error {
	refuse := func(field string, got any, want string) error {
		return &InputError{Field: "Keys " + field, Got: got, Want: want}
	}
	for _, id := range slices.Sorted(maps.Keys(k.ByID)) {
		if checkName("", "", id) != nil {
			return refuse("ByID", id, "ids of "+nameWant)
		}
		switch n := len(k.ByID[id]); {
		case n != seal.KeySize:
			return refuse(fmt.Sprintf("ByID %q", id), fmt.Sprintf("a key of %d bytes", n), "32 random bytes, such as openssl rand 32 makes")
		case bytes.Equal(k.ByID[id], make([]byte, seal.KeySize)):
			return refuse(fmt.Sprintf("ByID %q", id), "a key of zeros", "32 random bytes, such as openssl rand 32 makes")
		}
	}
	if k.ByID[k.Current] == nil {
		return refuse("Current", k.Current, "the id of a key in ByID")
	}
	return nil
}

// A keyring is the keys of an app. The nil keyring has none.
type keyring struct {
	current string
	byID    seal.Keys
	mu      sync.Mutex           // held for moments
	tried   map[string]time.Time // when a text last did not open with the key of its id
}

// What a job may need that is parked: see engine.Verdict.Need.
const (
	needKey   = "key:"    // and an id: that key
	needOpen  = "open:"   // and an id: another key of that id, for with this one it does not open
	needKeys  = "keys"    // any keys, to encrypt with
	tryAgain  = time.Hour // after which a text is tried again that did not open
	sayAgain  = time.Minute
	hiddenFor = "(encrypted with key %s)"
)

// A needError says that a text of a job that this process runs can't be read here: the job waits.
type needError struct {
	need string
	err  error
}

func (e *needError) Error() string { return e.err.Error() }
func (e *needError) Unwrap() error { return e.err }

func unknownKey(id string) error { return fmt.Errorf("%w %q", ErrUnknownKey, id) }

// seal encrypts a text with the current key.
func (k *keyring) seal(text []byte, at seal.Place) (string, error) {
	if k == nil {
		return "", ErrUnknownKey
	}
	return k.byID.Seal(k.current, text, at)
}

// open decrypts a text. An error is a *needError.
func (k *keyring) open(sealed string, at seal.Place) ([]byte, error) {
	_, id, err := seal.Parse(sealed)
	if err == nil && checkName("", "", id) != nil {
		err = seal.ErrForm
	}
	if err != nil {
		return nil, &needError{needOpen + "?", fmt.Errorf("offload: read an encrypted text: %w", err)}
	}
	if k == nil || k.byID[id] == nil {
		return nil, &needError{needKey + id, unknownKey(id)}
	}
	text, err := k.byID.Open(sealed, at)
	if err != nil {
		return nil, &needError{needOpen + id, fmt.Errorf("offload: open a text with key %q: %w", id, err)}
	}
	return text, nil
}

// has reports whether jobs may be taken that were parked for a need. Those whose text does not open
// are tried when a process has started, and seldom after.
func (k *keyring) has(need string) bool {
	if k == nil {
		return false
	}
	if id, ok := strings.CutPrefix(need, needKey); ok {
		return k.byID[id] != nil
	}
	if id, ok := strings.CutPrefix(need, needOpen); ok {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.byID[id] != nil && time.Since(k.tried[id]) >= tryAgain
	}
	return need == needKeys
}

// failed keeps that a text did not open, and reports whether that is to be said.
func (k *keyring) failed(need string) bool {
	id, ok := strings.CutPrefix(need, needOpen)
	if !ok || k == nil {
		return true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.tried[id]
	k.tried[id] = time.Now()
	return time.Since(before) >= sayAgain
}

// placeOf is where a text of a job belongs.
func placeOf(id ID, kind store.TextKind, name string) seal.Place {
	return seal.Place{Bound: seal.ToJob, Owner: id.String(), Kind: string(kind), Name: name}
}

// inputPlace is where the input of a new job belongs. One that may replace that of an earlier job
// is bound to what the two have in common.
func inputPlace(id ID, task string, t *store.Terms) seal.Place {
	if t != nil && t.Unique != nil {
		switch t.Unique.OnConflict {
		case store.ConflictReplace, store.ConflictDebounce:
			return uniquePlace(task, t.Unique.Key)
		}
	}
	return placeOf(id, store.TextInput, "")
}

func uniquePlace(task, key string) seal.Place {
	return seal.Place{Bound: seal.ToUnique, Owner: task + " " + key, Kind: string(store.TextInput)}
}

func schedulePlace(name string) seal.Place {
	return seal.Place{Bound: seal.ToSchedule, Owner: name, Kind: string(store.TextInput)}
}

// documentPlace is where the value of a document belongs. Neither kinds nor keys have a NUL in them.
func documentPlace(kind, key string) seal.Place {
	return seal.Place{Bound: seal.ToRecord, Owner: kind + "\x00" + key, Kind: "value"}
}

// openDocument returns the value of a document in the clear.
func (k *keyring) openDocument(kind, key string, value []byte) ([]byte, error) {
	sealed, ok := seal.FromJSON(value)
	if !ok {
		return value, nil
	}
	return k.open(sealed, documentPlace(kind, key))
}

// placeOfInput is where an input belongs that was found with a job: all jobs of a schedule have the
// schedule's own text.
func placeOfInput(sealed string, id ID, task string, t *store.Terms) seal.Place {
	bound, _, _ := seal.Parse(sealed)
	switch {
	case bound == seal.ToUnique && t != nil && t.Unique != nil:
		return uniquePlace(task, t.Unique.Key)
	case bound == seal.ToSchedule && t != nil && t.Schedule != "":
		return schedulePlace(t.Schedule)
	}
	return placeOf(id, store.TextInput, "")
}

// openInput returns the input of a job in the clear.
func (k *keyring) openInput(input []byte, id ID, task string, t *store.Terms) ([]byte, error) {
	sealed, ok := seal.FromJSON(input)
	if !ok {
		return input, nil
	}
	return k.open(sealed, placeOfInput(sealed, id, task, t))
}

// openJSON returns another text of a job in the clear.
func (k *keyring) openJSON(data []byte, at seal.Place) ([]byte, error) {
	sealed, ok := seal.FromJSON(data)
	if !ok {
		return data, nil
	}
	return k.open(sealed, at)
}

// sealJSON encrypts a text that is kept as JSON.
func (k *keyring) sealJSON(data []byte, at seal.Place) ([]byte, error) {
	sealed, err := k.seal(data, at)
	if err != nil {
		return nil, err
	}
	return seal.JSON(sealed), nil
}

// sealInput encrypts the input of a new job, if its task says so.
func (a *App) sealInput(c *jobConfig, job *store.NewJob) error {
	if !c.encrypt {
		return nil
	}
	if a.keys == nil {
		return c.noKeys(job.Task)
	}
	sealed, err := a.keys.sealJSON(job.Input, inputPlace(job.ID, job.Task, job.Terms))
	if err != nil {
		return fmt.Errorf("offload: encrypt the input of task %q: %w", job.Task, err)
	}
	job.Input = sealed
	return nil
}

// noKeys says which key an app would need that has none.
func (c *jobConfig) noKeys(task string) error {
	if c.key == "" {
		return fmt.Errorf("%w: task %q is encrypted, and this app has no Keys", ErrUnknownKey, task)
	}
	return fmt.Errorf("%w: task %q is encrypted with %q, and this app has no Keys", ErrUnknownKey, task, c.key)
}

// errSealed refuses an input that looks encrypted.
func errSealed(task string) error {
	return &InputError{Task: task, Field: "input", Got: "an encrypted text", Want: "the input in the clear: an encrypted one belongs to its job"}
}

// needOf returns what a job needs whose handler, or what stands before it, returned err.
func needOf(err error) (need string, ok bool) {
	var lack *needError
	if errors.As(err, &lack) {
		return lack.need, true
	}
	return "", false
}
