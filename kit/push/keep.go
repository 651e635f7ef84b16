package push

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/record"
)

// Keep keeps pushes to any target instead of sending them, for development: Inbox shows them. They are records in the database of the jobs,
// not encrypted; the newest thousand of a week are there.
type Keep struct{}

// Open is for New.
func (Keep) Open() (Carrier, error) { return &keeper{}, nil }

// A keeper is an open Keep.
type keeper struct {
	since atomic.Int64 // pushes, by which it is seen when to throw old ones away
}

// A kept is a push as it is kept, under its job's id: one that comes again is kept once.
type kept struct {
	Message Message         `json:"message"`
	Payload json.RawMessage `json:"payload"`
}

const (
	keptFor  = 7 * 24 * time.Hour
	mostKept = 1000
	cleanAt  = 100 // pushes of a process
)

func keptOf(app *offload.App) *record.Kind[kept] { return record.Of[kept](app, "push.inbox") }

// Carries reports that any is its.
func (k *keeper) Carries(Target) bool { return true }

// Close has nothing to end.
func (k *keeper) Close() error { return nil }

// Carry keeps a push.
func (k *keeper) Carry(ctx context.Context, l *Letter) (Receipt, error) {
	app := offload.AppOf(ctx)
	if app == nil {
		return Receipt{}, errors.New("push.Keep: no app, which has where to keep it")
	}
	m := l.Message
	if m.To.Web != nil {
		web := *m.To.Web
		web.Keys.Auth = "" // which is for nobody to see
		m.To.Web = &web
	}
	all := keptOf(app)
	if _, err := all.Put(ctx, l.ID.String(), kept{m, l.Payload}, record.Expire(keptFor)); err != nil {
		return Receipt{}, err
	}
	if k.since.Add(1)%cleanAt == 0 {
		if err := clean(ctx, all); err != nil {
			offload.Logger(ctx).Warn("throw old pushes away", "error", err)
		}
	}
	return Receipt{Service: "kept", ID: l.ID.String()}, nil
}

// clean leaves the newest thousand.
func clean(ctx context.Context, all *record.Kind[kept]) error {
	found, err := newest(ctx, all)
	if err != nil || len(found) <= mostKept {
		return err
	}
	for _, r := range found[mostKept:] {
		if err := all.Delete(ctx, r.Key); err != nil {
			return err
		}
	}
	return nil
}

// newest returns what is kept, newest first.
func newest(ctx context.Context, all *record.Kind[kept]) ([]record.Record[kept], error) {
	found, err := all.List(ctx, "")
	slices.SortStableFunc(found, func(x, y record.Record[kept]) int { return y.At.Compare(x.At) })
	return found, err
}
