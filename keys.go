package offload

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/offloadhq/offload/internal/fields"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// A refusal makes errors that name a task, an option of it and a field of that.
type refusal struct {
	task   string
	option string      // "" is none
	limit  string      // the option is the limit of that name
	def    *definition // of the task, nil if this app knows no more than its name

	secrets fields.Secrets // of the input
}

// in names the option.
func (r refusal) in(option string) refusal {
	r.option = option
	return r
}

// of names a limit.
func (r refusal) of(limit string) refusal {
	r.option, r.limit = "Limit", limit
	return r
}

func (r refusal) refuse(field string, got any, want string) error {
	switch {
	case r.limit != "":
		field = fmt.Sprintf("%s %q %s", r.option, r.limit, field)
	case r.option != "":
		field = r.option + " " + field
	}
	return &InputError{Task: r.task, Field: field, Got: got, Want: want}
}

// checkKey refuses a key, or fields of one, that no job can have.
func (r refusal) checkKey(by, key string) error {
	if by == "" {
		return r.checkText("Key", key)
	}
	if key != "" {
		return r.refuse("By", fmt.Sprintf("%q beside Key %q", by, key), "By or Key")
	}
	_, err := r.paths(by)
	return err
}

// checkText refuses a key that some database cannot keep.
func (r refusal) checkText(field, key string) error {
	switch {
	case len(key) > store.MaxKey:
		return r.refuse(field, fmt.Sprintf("%q, %d bytes", cut(key, 40), len(key)), fmt.Sprintf("at most %d bytes", store.MaxKey))
	case !inside.IsText(key):
		return r.refuse(field, key, textWant)
	}
	return nil
}

const byWant = `fields of the input, such as "tenant" or "order.id, kind", or "." for all of it`

// paths reads the fields of a key and looks whether the task's input has them.
func (r refusal) paths(by string) (fields.Paths, error) {
	if r.def != nil {
		if paths, ok := r.def.paths.Load(by); ok {
			return paths.(fields.Paths), nil
		}
	}
	paths, err := fields.Parse(by)
	if err != nil {
		return nil, r.refuse("By", by, byWant)
	}
	if slices.ContainsFunc(paths, r.secrets.Meets) {
		return nil, r.refuse("By", by, "fields that are not secret: keys are kept in the clear")
	}
	if r.def == nil {
		return paths, nil
	}
	if unknown := paths.Check(r.def.input); unknown != nil {
		return nil, r.unknown(unknown)
	}
	r.def.paths.Store(by, paths)
	return paths, nil
}

// unknown says which fields there are instead of one that there is not.
func (r refusal) unknown(u *fields.Unknown) error {
	last := len(u.Path) - 1
	where := strings.Join(append([]string{"input"}, u.Path[:last]...), ".")
	want := fmt.Sprintf("a field of %s: %s", where, strings.Join(u.Has, ", "))
	if len(u.Has) == 0 {
		want = fmt.Sprintf("no field of %s, which has none", where)
		if last == 0 {
			want += `; "." is all of it`
		}
	}
	return r.refuse("By", strings.Join(u.Path, "."), want)
}

// knownPaths remembers the fields of keys that a task's input was found to have, by how they
// are written. It never holds more than the options of a program say.
type knownPaths = sync.Map

// A keyMaker makes the keys of one job of its input, which is JSON.
type keyMaker struct {
	refusal
	input []byte
}

// key returns the key that an option means, and whether the input has any of its fields.
func (k *keyMaker) key(r refusal, by, key string) (_ string, found bool, err error) {
	if by == "" {
		return key, key != "", nil // checked with the option
	}
	paths, err := r.paths(by)
	if err != nil {
		return "", false, err
	}
	key, found = paths.Key(k.input)
	if len(key) > store.MaxKey || !inside.IsText(key) {
		return "", false, r.checkText(fmt.Sprintf("By %q", by), key)
	}
	return key, found, nil
}

// unique returns the key of a unique job. All of an input may be long: its hash stands for it. A
// key of fields says which, "account=7", since jobs of one task may be unique by different ones.
func (k *keyMaker) unique(u *Unique) (string, error) {
	if u.By == "" && u.Key == "" {
		sum := sha256.Sum256(fields.Canonical(k.input))
		return base64.RawURLEncoding.EncodeToString(sum[:]), nil
	}
	r := k.in("Unique")
	key, found, err := k.key(r, u.By, u.Key)
	switch {
	case err != nil || u.By == "":
		return key, err
	case !found:
		return "", r.refuse("By", u.By, "a field that the input has: without it all such jobs would be the same")
	}
	paths, err := r.paths(u.By)
	if err != nil {
		return "", err
	}
	key = paths.String() + "=" + key
	return key, r.checkText(fmt.Sprintf("By %q", u.By), key)
}

// terms returns what a job's options make of its input, which is JSON: nil for a plain job.
// limits are what the store must know of them.
func (c *jobConfig) terms(task string, def *definition, input []byte) (t *store.Terms, limits []store.Limit, err error) {
	if c.unique == nil && len(c.limits) == 0 && c.fair == nil && c.expire == nil {
		return nil, nil, nil
	}
	k := keyMaker{refusal: refusal{task: task, def: def, secrets: c.secrets.input}, input: input}
	t = &store.Terms{}
	if c.expire != nil {
		t.Expire = *c.expire
	}
	for i := range c.limits {
		l := &c.limits[i]
		key, _, err := k.key(k.of(l.Name), l.By, l.Key)
		if err != nil {
			return nil, nil, err
		}
		t.Limits = append(t.Limits, store.Use{Limit: l.Name, Key: key, Cost: l.Cost})
		limits = append(limits, l.definition())
	}
	if c.fair != nil {
		key, _, err := k.key(k.in("Fair"), c.fair.By, c.fair.Key)
		if err != nil {
			return nil, nil, err
		}
		t.Turn = c.fair.terms(key)
	}
	if c.unique != nil {
		key, err := k.unique(c.unique)
		if err != nil {
			return nil, nil, err
		}
		unique, behind := c.unique.terms(task, key)
		t.Unique = unique
		if behind != nil {
			t.Limits = slices.Insert(t.Limits, 0, store.Use{Limit: behind.Name, Key: key})
			limits = append(limits, *behind)
		}
	}
	return t, limits, nil
}

// checkTerms returns what of the options can be seen to be wrong without an input.
func (c *jobConfig) checkTerms(task string, def *definition) error {
	r := refusal{task: task, def: def, secrets: c.secrets.input}
	if len(c.limits) > mostLimits {
		return r.refuse("Limit", fmt.Sprintf("%d limits", len(c.limits)), fmt.Sprintf("at most %d limits", mostLimits))
	}
	for i := range c.limits {
		if err := c.limits[i].check(r); err != nil {
			return err
		}
	}
	if c.unique != nil {
		if err := c.unique.check(r); err != nil {
			return err
		}
	}
	if c.fair != nil {
		if err := c.fair.check(r); err != nil {
			return err
		}
	}
	if c.expire != nil && (*c.expire <= 0 || *c.expire > farFuture) {
		return r.refuse("Expire", *c.expire, "more than 0, at most 100 years")
	}
	return nil
}

// oneOf lists the words of an option.
func oneOf[T ~string](words ...T) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = fmt.Sprintf("%q", string(w))
	}
	return "one of " + strings.Join(texts, ", ")
}
