package notify

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/record"
)

// An Item is a notice in a person's list.
type Item struct {
	ID    offload.ID `json:"id"` // of the notice's job
	Kind  string     `json:"kind"`
	Title string     `json:"title"`
	Text  string     `json:"text,omitempty"`
	URL   string     `json:"url,omitempty"`
	At    time.Time  `json:"at"`
	Read  bool       `json:"read,omitempty"`
}

// A List is what a person finds in the program.
type List struct {
	Unread int    `json:"unread"`         // of all that are kept
	Items  []Item `json:"items"`          // the newest first, a hundred at most
	More   bool   `json:"more,omitempty"` // there are older ones: see Older
}

const (
	pageItems = 100
	mostList  = 512 << 10           // bytes of a person's list: what is older goes
	seenFor   = 35 * 24 * time.Hour // longer than Otherwise can wait
	mostSwaps = 50                  // how often a record is read again that others write at the same time
)

func lists(app *offload.App) *record.Kind[[]Item] {
	return record.Encrypted[[]Item](app, "notify.list")
}

func seen(app *offload.App) *record.Kind[bool] { return record.Of[bool](app, "notify.seen") }

// person is the key of what is kept of a person: without slashes.
func person(id string) string { return url.PathEscape(id) }

// Inbox returns the newest 100 notices of a person. Nothing there is no error.
func Inbox(ctx context.Context, app *offload.App, to string) (List, error) {
	all, err := allOf(ctx, app, to)
	return pageOf(all, 0), err
}

// Older returns the 100 notices of a person that come behind another in the list: the last that one has. If that is not kept any more nothing is, that is older.
func Older(ctx context.Context, app *offload.App, to string, than offload.ID) (List, error) {
	all, err := allOf(ctx, app, to)
	from := 1 + slices.IndexFunc(all, func(i Item) bool { return i.ID == than })
	if from == 0 {
		from = len(all)
	}
	return pageOf(all, from), err
}

// allOf is a person's list.
func allOf(ctx context.Context, app *offload.App, to string) ([]Item, error) {
	if err := checkPerson("to", to); err != nil {
		return nil, err
	}
	r, err := lists(app).Get(ctx, person(to))
	if err != nil && !errors.Is(err, offload.ErrNotFound) {
		return nil, err
	}
	return r.Value, nil
}

func pageOf(all []Item, from int) List {
	end := min(from+pageItems, len(all))
	list := List{Items: all[from:end], More: end < len(all)}
	for i := range all {
		if !all[i].Read {
			list.Unread++
		}
	}
	return list
}

// MarkRead marks notices of a person's list as read, all of them if none is named. Those that are not there, or are read, are no error.
func MarkRead(ctx context.Context, app *offload.App, to string, ids ...offload.ID) error {
	return change(ctx, app, to, func(list []Item) []Item {
		changed := false
		for i := range list {
			if !list[i].Read && (len(ids) == 0 || slices.Contains(ids, list[i].ID)) {
				list[i].Read, changed = true, true
			}
		}
		if !changed {
			return nil
		}
		return list
	})
}

// MarkSeen says that a person has seen a notice: an app calls it when a push is opened, whose data have the id as "notice". The notice is read in the list too.
func MarkSeen(ctx context.Context, app *offload.App, to string, id offload.ID) error {
	if err := checkPerson("to", to); err != nil {
		return err
	}
	if _, err := seen(app).Put(ctx, person(to)+"/"+id.String(), true, record.Expire(seenFor)); err != nil {
		return err
	}
	return MarkRead(ctx, app, to, id)
}

// Forget removes what is kept of a person: the list, what was seen, and what waits for a mail. It does not reach jobs.
func Forget(ctx context.Context, app *offload.App, to string) error {
	if err := checkPerson("to", to); err != nil {
		return err
	}
	waiting, err := gatheredOf(app).List(ctx, person(to)+"/")
	for i := range waiting {
		err = errors.Join(err, gatheredOf(app).Delete(ctx, waiting[i].Key))
	}
	past, pastListed := told(app).List(ctx, person(to)+"/")
	for i := range past {
		err = errors.Join(err, told(app).Delete(ctx, past[i].Key))
	}
	marks, listed := seen(app).List(ctx, person(to)+"/")
	for i := range marks {
		err = errors.Join(err, seen(app).Delete(ctx, marks[i].Key))
	}
	return errors.Join(err, pastListed, listed, lists(app).Delete(ctx, person(to)))
}

// wasSeen reports whether a person has opened a notice, or has read it in the list.
func wasSeen(ctx context.Context, app *offload.App, to string, id offload.ID) (bool, error) {
	_, err := seen(app).Get(ctx, person(to)+"/"+id.String())
	if !errors.Is(err, offload.ErrNotFound) {
		return err == nil, err
	}
	list, err := allOf(ctx, app, to)
	return slices.ContainsFunc(list, func(i Item) bool { return i.ID == id && i.Read }), err
}

// add adds a notice to a person's list of at most so many, once.
func add(ctx context.Context, app *offload.App, to string, item Item, most int) error {
	if len(item.Text) > mostText {
		item.Text = strings.ToValidUTF8(item.Text[:mostText], "") + "…"
	}
	return change(ctx, app, to, func(list []Item) []Item {
		if slices.ContainsFunc(list, func(i Item) bool { return i.ID == item.ID }) {
			return nil
		}
		list = append([]Item{item}, list...)
		return fitting(list[:min(len(list), most)])
	})
}

// fitting is as much of a list as can be kept.
func fitting(list []Item) []Item {
	for len(list) > 1 {
		if text, err := json.Marshal(list); err != nil || len(text) <= mostList {
			break // what does not encode is refused when it is kept
		}
		list = list[:len(list)*9/10]
	}
	return list
}

// change changes a person's list by f, which may be called again, and returns nil where there is nothing to do.
func change(ctx context.Context, app *offload.App, to string, f func([]Item) []Item) error {
	if err := checkPerson("to", to); err != nil {
		return err
	}
	for range mostSwaps {
		r, err := lists(app).Get(ctx, person(to))
		if errors.Is(err, offload.ErrNotFound) {
			r, err = record.Record[[]Item]{Key: person(to)}, nil
		}
		if err != nil {
			return err
		}
		if r.Value = f(r.Value); r.Value == nil {
			return nil
		}
		if err := lists(app).Swap(ctx, &r); !errors.Is(err, record.ErrStale) {
			return err
		}
	}
	return record.ErrStale
}
