package offload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

// inbox says what becomes of rows that other programs have written into the inbox: the jobs
// that NewCall would have made of them, or why they are none. Rows whose key this app lacks it leaves
// for a while to others. An error is none of the rows', and leaves them for later.
func (a *App) inbox(ctx context.Context, rows []store.InboxRow) ([]store.InboxFate, error) {
	var fates []store.InboxFate
	for i := range rows {
		fate := store.InboxFate{Number: rows[i].Number}
		job, err := a.inboxJob(ctx, &rows[i])
		var refused *InputError
		switch {
		case err == nil:
			fate.Job = &job
		case errors.Is(err, ErrUnknownKey) && time.Since(rows[i].At) < inboxPatience:
			continue
		case errors.As(err, &refused) || errors.Is(err, ErrUnknownTask) || errors.Is(err, ErrUnknownKey):
			fate.Error = err.Error()
		default:
			return nil, err
		}
		fates = append(fates, fate)
	}
	return fates, nil
}

// inboxPatience is how long a row waits for a process that has the key for it.
const inboxPatience = time.Minute

func (a *App) inboxJob(ctx context.Context, row *store.InboxRow) (job store.NewJob, err error) {
	opts, err := optionsOfJSON(row.Task, row.Options)
	if err != nil {
		return job, err
	}
	input := row.Input
	if len(input) == 0 {
		input = []byte("null")
	}
	p, err := a.plan(ctx, []*Call{NewCall(row.Task, input, opts...)}, false)
	if err != nil {
		return job, err
	}
	return p.news[0].NewJob, a.limits.ensure(ctx, a.store, nil, p.used)
}

// optionsOfJSON reads the options of a job as other programs write them: an object with the
// names of the fields of a job and of the command's flags. None, null and {} are no options.
func optionsOfJSON(task string, text []byte) ([]EnqueueOption, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(text, &given); err != nil {
		return nil, &InputError{Task: task, Field: "options", Got: string(text), Want: `a JSON object such as {"queue": "mail"}`}
	}
	var opts []EnqueueOption
	for _, name := range slices.Sorted(maps.Keys(given)) {
		read, ok := jsonOptions[name]
		if !ok {
			return nil, &InputError{
				Task: task, Field: "options", Got: name,
				Want: "one of " + strings.Join(slices.Sorted(maps.Keys(jsonOptions)), ", "),
			}
		}
		if string(given[name]) == "null" {
			continue
		}
		some, want := read(given[name])
		if want != "" {
			return nil, &InputError{Task: task, Field: "options." + name, Got: string(given[name]), Want: want}
		}
		opts = append(opts, some...)
	}
	return opts, nil
}

// A jsonOption makes options of their JSON, or says what is wanted.
type jsonOption func(value json.RawMessage) (opts []EnqueueOption, want string)

var jsonOptions = map[string]jsonOption{
	"queue":         textOption(func(s string) EnqueueOption { return Queue(s) }),
	"priority":      numberOption(Priority),
	"max_attempts":  numberOption(MaxAttempts),
	"timeout":       durationOption(func(d time.Duration) EnqueueOption { return Timeout(d) }),
	"give_up_after": durationOption(func(d time.Duration) EnqueueOption { return GiveUpAfter(d) }),
	"retain":        durationOption(func(d time.Duration) EnqueueOption { return Retain(d) }),
	"expires":       durationOption(func(d time.Duration) EnqueueOption { return Expire(d) }),
	"in":            durationOption(Delay),
	"at": func(value json.RawMessage) ([]EnqueueOption, string) {
		var t time.Time
		if json.Unmarshal(value, &t) != nil {
			return nil, `a time such as "2026-05-01T03:00:00Z"`
		}
		return []EnqueueOption{At(t)}, ""
	},
	"id": func(value json.RawMessage) ([]EnqueueOption, string) {
		var id ID
		if json.Unmarshal(value, &id) != nil {
			return nil, "a UUID of version 7"
		}
		return []EnqueueOption{WithID(id)}, ""
	},
	"after":         idsOption(After[ID]),
	"after_end":     idsOption(AfterEnd[ID]),
	"after_failure": idsOption(AfterFailure[ID]),
	"after_hold":    idsOption(AfterHold[ID]),
	"in_batch": func(value json.RawMessage) ([]EnqueueOption, string) {
		var id ID
		if json.Unmarshal(value, &id) != nil {
			return nil, "the id of a batch, a UUID of version 7"
		}
		return []EnqueueOption{InBatch(id)}, ""
	},
	"tags": func(value json.RawMessage) (opts []EnqueueOption, want string) {
		var tags map[string]string
		if json.Unmarshal(value, &tags) != nil {
			return nil, `an object of texts such as {"customer": "7"}`
		}
		for name, text := range tags {
			opts = append(opts, Tag(name, text))
		}
		return opts, ""
	},
	"unique": func(value json.RawMessage) ([]EnqueueOption, string) {
		var key string
		if json.Unmarshal(value, &key) == nil {
			return []EnqueueOption{Unique{Key: key}}, ""
		}
		u := struct {
			*Unique
			For jsonDuration `json:"for"`
		}{Unique: &Unique{}}
		if strict(value, &u) != nil {
			return nil, `a key, or an object of by, key, until, for ("1h") and on_conflict`
		}
		u.Unique.For = time.Duration(u.For)
		return []EnqueueOption{*u.Unique}, ""
	},
	"fair": func(value json.RawMessage) ([]EnqueueOption, string) {
		var key string
		if json.Unmarshal(value, &key) == nil {
			return []EnqueueOption{Fair{Key: key}}, ""
		}
		var f Fair
		if strict(value, &f) != nil {
			return nil, "a key, or an object of by, key and weight"
		}
		return []EnqueueOption{f}, ""
	},
	"limits": func(value json.RawMessage) (opts []EnqueueOption, want string) {
		var limits []struct {
			Limit
			Per jsonDuration `json:"per"`
		}
		if strict(value, &limits) != nil {
			return nil, `a list of objects of name, max, per ("1m"), burst, cost, by, key, when_full and strict`
		}
		for _, l := range limits {
			l.Limit.Per = time.Duration(l.Per)
			opts = append(opts, l.Limit)
		}
		return opts, ""
	},
}

func textOption(option func(string) EnqueueOption) jsonOption {
	return func(value json.RawMessage) ([]EnqueueOption, string) {
		var text string
		if json.Unmarshal(value, &text) != nil {
			return nil, "a text"
		}
		return []EnqueueOption{option(text)}, ""
	}
}

func numberOption(option func(int) JobOption) jsonOption {
	return func(value json.RawMessage) ([]EnqueueOption, string) {
		var n int
		if json.Unmarshal(value, &n) != nil {
			return nil, "a whole number"
		}
		return []EnqueueOption{option(n)}, ""
	}
}

func idsOption(option func(...ID) EnqueueOption) jsonOption {
	return func(value json.RawMessage) ([]EnqueueOption, string) {
		var ids []ID
		if json.Unmarshal(value, &ids) != nil {
			return nil, "a list of ids of jobs or batches, UUIDs of version 7"
		}
		return []EnqueueOption{option(ids...)}, ""
	}
}

func durationOption(option func(time.Duration) EnqueueOption) jsonOption {
	return func(value json.RawMessage) ([]EnqueueOption, string) {
		var d jsonDuration
		if json.Unmarshal(value, &d) != nil {
			return nil, `a duration such as "30s", "5m" or "7d"`
		}
		return []EnqueueOption{option(time.Duration(d))}, ""
	}
}

// strict decodes a value that has no names but those known.
func strict(value json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(value))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// A jsonDuration is a duration as people write it, with days too.
type jsonDuration time.Duration

// UnmarshalText reads "90s", "1h30m" or "7d".
func (d *jsonDuration) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is no number of days", days)
		}
		*d = jsonDuration(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	parsed, err := time.ParseDuration(string(text))
	*d = jsonDuration(parsed)
	return err
}
