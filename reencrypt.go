package offload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/internal/seal"
	"github.com/offloadhq/offload/store"
)

// keysPage is how many jobs are read at a time to look at all they say.
const keysPage = 100

// runKeys goes through all that jobs say, counts by which keys it is encrypted, and encrypts it anew
// if asked to. A text that changes meanwhile is left: who writes it has the new key.
func (a *App) runKeys(ctx context.Context, in *inside.ActInput) ([]byte, error) {
	w := keyWalk{app: a, count: keyCount{Keys: map[string]int{}}}
	if in.Verb == inside.Reencrypt {
		if err := w.encryptWith(in.Key); err != nil {
			return nil, err
		}
	}
	filter := in.Filter
	filter.Max = keysPage
	for more := true; more; {
		var jobs []store.Job
		var err error
		if jobs, more, err = a.next(ctx, &filter); err != nil {
			return nil, fmt.Errorf("find jobs: %w", err)
		}
		if err := w.page(ctx, jobs); err != nil {
			return nil, err
		}
		Progress(ctx, w.count.Changed, 0, fmt.Sprintf("%s %d jobs so far", in.Verb, w.count.Jobs))
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
	}
	if in.Filter.All {
		if err := w.schedules(ctx); err != nil {
			return nil, err
		}
		if err := w.documents(ctx); err != nil {
			return nil, err
		}
	}
	Progress(ctx, w.count.Changed, w.count.Changed, fmt.Sprintf("%s %d jobs: %d texts changed", in.Verb, w.count.Jobs, w.count.Changed))
	return json.Marshal(w.count)
}

// A keyCount is what is said of keys: operate.KeyCount.
type keyCount struct {
	Jobs    int            `json:"jobs"`
	Changed int            `json:"changed"`
	Lacking int            `json:"lacking,omitempty"`
	Keys    map[string]int `json:"keys"`
}

// A keyWalk goes through jobs.
type keyWalk struct {
	app   *App
	to    string // the key to encrypt with; "" only counts
	texts []store.Text
	count keyCount
}

// encryptWith says which key is wanted, the current one if id is "".
func (w *keyWalk) encryptWith(id string) error {
	keys := w.app.keys
	switch {
	case keys == nil && id == "":
		return &needError{needKeys, fmt.Errorf("%w: this process has none", ErrUnknownKey)}
	case id == "":
		id = keys.current
	case keys == nil || keys.byID[id] == nil:
		return &needError{needKey + id, unknownKey(id)}
	}
	w.to = id
	return nil
}

func (w *keyWalk) page(ctx context.Context, jobs []store.Job) error {
	var large []ID
	for i := range jobs {
		if j := &jobs[i]; j.Input == nil && j.InputSize > 0 || j.Result == nil && j.State == Completed {
			large = append(large, j.ID) // its result may be large as well
		}
	}
	whole := map[ID]*store.Job{}
	if len(large) > 0 {
		found, err := w.app.store.Find(ctx, store.Filter{IDs: large, Max: len(large)})
		if err != nil {
			return fmt.Errorf("read jobs: %w", err)
		}
		for i := range found {
			whole[found[i].ID] = &found[i]
		}
	}
	for i := range jobs {
		job := &jobs[i]
		if w := whole[job.ID]; w != nil {
			job = w
		}
		if err := w.job(ctx, job); err != nil {
			return err
		}
	}
	w.count.Jobs += len(jobs)
	return w.flush(ctx)
}

// job looks at all that one job says.
func (w *keyWalk) job(ctx context.Context, j *store.Job) error {
	input, sealedInput := seal.FromJSON(j.Input)
	if sealedInput {
		w.text(store.Text{ID: j.ID, Kind: store.TextInput, Old: j.Input}, input, placeOfInput(input, j.ID, j.Task, j.Terms))
	}
	result, sealedResult := seal.FromJSON(j.Result)
	if sealedResult {
		w.text(store.Text{ID: j.ID, Kind: store.TextResult, Old: j.Result}, result, placeOf(j.ID, store.TextResult, ""))
	}
	if !sealedInput && !sealedResult {
		config, _, err := w.app.defaultsOf(ctx, &Call{task: j.Task})
		if errors.Is(err, ErrUnknownTask) || err == nil && !config.encrypt {
			return nil
		} else if err != nil {
			return err
		}
	}
	if j.Attempt == 0 {
		return nil
	}
	memos, err := w.app.store.Memos(ctx, j.ID)
	if err != nil {
		return fmt.Errorf("read memos of job %s: %w", j.ID, err)
	}
	for _, m := range memos {
		if sealed, ok := seal.FromJSON(m.Data); ok {
			w.text(store.Text{ID: j.ID, Kind: store.TextMemo, Name: m.Name, Old: m.Data}, sealed, placeOf(j.ID, store.TextMemo, m.Name))
		}
	}
	return w.log(ctx, j.ID)
}

func (w *keyWalk) log(ctx context.Context, id ID) error {
	for after := int64(0); ; {
		lines, err := w.app.store.Logs(ctx, id, after, logPage)
		if err != nil {
			return fmt.Errorf("read the log of job %s: %w", id, err)
		}
		for i := range lines {
			l := &lines[i]
			after = l.Seq
			if sealed, ok := seal.FromText(l.Text); ok {
				w.text(store.Text{ID: id, Kind: store.TextLine, Seq: l.Seq, Old: []byte(l.Text)}, sealed, placeOf(id, store.TextLine, ""))
			}
			if sealed, ok := seal.FromJSON(l.Attrs); ok {
				w.text(store.Text{ID: id, Kind: store.TextAttrs, Seq: l.Seq, Old: l.Attrs}, sealed, placeOf(id, store.TextAttrs, ""))
			}
		}
		if err := w.flush(ctx); err != nil {
			return err
		}
		if len(lines) < logPage {
			return nil
		}
	}
}

// text counts a text, or encrypts it anew.
func (w *keyWalk) text(t store.Text, sealed string, at seal.Place) {
	again, id, ok := w.again(sealed, at)
	if !ok {
		w.count.Keys[id]++
		return
	}
	if t.New = seal.JSON(again); t.Kind == store.TextLine {
		t.New = []byte(seal.Text(again))
	}
	w.texts = append(w.texts, t)
}

// again encrypts a text anew. If it is not ok, it stays with the key of the id that it has.
func (w *keyWalk) again(sealed string, at seal.Place) (again, id string, ok bool) {
	_, id, err := seal.Parse(sealed)
	if err != nil {
		id = "?"
	}
	if w.to == "" || id == w.to {
		return "", id, false
	}
	keys := w.app.keys
	clear, err := keys.open(sealed, at)
	if err == nil {
		again, err = keys.byID.Seal(w.to, clear, at)
	}
	if err != nil {
		w.count.Lacking++
		return "", id, false
	}
	return again, id, true
}

// flush writes what was encrypted anew.
func (w *keyWalk) flush(ctx context.Context) error {
	if len(w.texts) == 0 {
		return nil
	}
	n, err := w.app.store.Rewrite(ctx, w.texts)
	if err != nil {
		return fmt.Errorf("write what was encrypted anew: %w", err)
	}
	w.count.Changed += n
	w.count.Keys[w.to] += n
	w.texts = w.texts[:0]
	return nil
}

// schedules does the same with the inputs of schedules that were set at run time. Those of code are
// encrypted anew by the next process that declares them with another key.
func (w *keyWalk) schedules(ctx context.Context) error {
	found, err := w.app.store.Schedules(ctx)
	if err != nil {
		return fmt.Errorf("read schedules: %w", err)
	}
	for i := range found {
		s := &found[i]
		spec, _, err := readSpec(s)
		if err != nil {
			continue // it does not tick either
		}
		sealed, ok := seal.FromJSON(spec.Input)
		if !ok {
			continue
		}
		again, id, ok := w.again(sealed, schedulePlace(s.Name))
		if !ok || s.InCode {
			w.count.Keys[id]++
			continue
		}
		own := ownSchedule{s.Name, *spec}
		own.spec.Input = seal.JSON(again)
		put, err := own.stored(false)
		if err != nil {
			return err
		}
		put.Next = s.Next
		if err := w.app.store.PutSchedules(ctx, []store.Schedule{put}); err != nil {
			return fmt.Errorf("write schedule %q: %w", s.Name, err)
		}
		w.count.Changed++
		w.count.Keys[w.to]++
	}
	return nil
}

// documents does the same with documents of the kinds that are encrypted where there are keys. What
// was kept before there were any is encrypted, too.
func (w *keyWalk) documents(ctx context.Context) error {
	return w.eachDocument(ctx, inside.SealedKinds, func(kind *store.Document) error {
		return w.eachDocument(ctx, kind.Key, func(d *store.Document) error {
			again, err := w.document(d)
			if err != nil || again == nil {
				return err
			}
			keep := time.Duration(0)
			if !d.Expires.IsZero() {
				now, err := w.app.store.Now(ctx)
				if err != nil {
					return fmt.Errorf("read the time: %w", err)
				}
				if keep = d.Expires.Sub(now); keep <= 0 {
					return nil // it is as good as gone
				}
			}
			_, err = w.app.store.PutDocument(ctx, store.Document{Kind: d.Kind, Key: d.Key, Value: again}, d.Version, keep)
			switch {
			case errors.Is(err, store.ErrStale):
				return nil // who wrote it has the new key
			case err != nil:
				return fmt.Errorf("write record %s %q: %w", d.Kind, d.Key, err)
			}
			w.count.Changed++
			w.count.Keys[w.to]++
			return nil
		})
	})
}

// document counts a document, or returns its value encrypted anew.
func (w *keyWalk) document(d *store.Document) ([]byte, error) {
	at := documentPlace(d.Kind, d.Key)
	if sealed, ok := seal.FromJSON(d.Value); ok {
		again, id, ok := w.again(sealed, at)
		if !ok {
			w.count.Keys[id]++
			return nil, nil
		}
		return seal.JSON(again), nil
	}
	if w.to == "" {
		return nil, nil
	}
	again, err := w.app.keys.byID.Seal(w.to, d.Value, at)
	if err != nil {
		return nil, fmt.Errorf("encrypt record %s %q: %w", d.Kind, d.Key, err)
	}
	return seal.JSON(again), nil
}

func (w *keyWalk) eachDocument(ctx context.Context, kind string, f func(d *store.Document) error) error {
	for after := ""; ; {
		page, err := w.app.store.Documents(ctx, kind, after, keysPage)
		if err != nil {
			return fmt.Errorf("read records %s: %w", kind, err)
		}
		for i := range page {
			after = page[i].Key
			if err := f(&page[i]); err != nil {
				return err
			}
		}
		if len(page) < keysPage {
			return nil
		}
	}
}
