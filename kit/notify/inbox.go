package notify

import (
	"context"
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
	Unread int    `json:"unread"`
	Items  []Item `json:"items"` // the newest first
}

const (
	mostItems = 100
	seenFor   = 35 * 24 * time.Hour // longer than Otherwise can wait
	mostSwaps = 50                  // how often a record is read again that others write at the same time
)

func lists(app *offload.App) *record.Kind[[]Item] { return record.Of[[]Item](app, "notify.list") }

func seen(app *offload.App) *record.Kind[bool] { return record.Of[bool](app, "notify.seen") }

// person is the key of what is kept of a person: without slashes.
func person(id string) string { return url.PathEscape(id) }

// Inbox returns the newest 100 notices of a person. Nothing there is no error.
func Inbox(ctx context.Context, app *offload.App, to string) (List, error) {
	if err := checkPerson("to", to); err != nil {
		return List{}, err
	}
	r, err := lists(app).Get(ctx, person(to))
	if err != nil && !errors.Is(err, offload.ErrNotFound) {
		return List{}, err
	}
	list := List{Items: r.Value}
	for _, item := range list.Items {
		if !item.Read {
			list.Unread++
		}
	}
	return list, nil
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
	list, err := Inbox(ctx, app, to)
	return slices.ContainsFunc(list.Items, func(i Item) bool { return i.ID == id && i.Read }), err
}

// add adds a notice to a person's list, once.
func add(ctx context.Context, app *offload.App, to string, item Item) error {
	if len(item.Text) > mostText {
		item.Text = strings.ToValidUTF8(item.Text[:mostText], "") + "…"
	}
	return change(ctx, app, to, func(list []Item) []Item {
		if slices.ContainsFunc(list, func(i Item) bool { return i.ID == item.ID }) {
			return nil
		}
		list = append([]Item{item}, list...)
		return list[:min(len(list), mostItems)]
	})
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
