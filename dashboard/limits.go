package dashboard

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// limitsView is what the page of limits shows.
type limitsView struct {
	Limits []limitRows
}

// limitRows is a limit with its keys.
type limitRows struct {
	Name  string
	Words string // what it allows
	Hand  string // what a person changed; "" is nothing
	Acts  []act
	Keys  []limitRow
}

// A limitRow is one key as it is now.
type limitRow struct {
	operate.Limit
	ID      string // of its row
	Waiters string // the address of the jobs that wait; "" is of none
	Acts    []act
}

// limits shows each limit with the keys that jobs hold or wait for.
func (d *dashboard) limits(r *request) (*content, error) {
	found, err := d.readLimits(r)
	if err != nil {
		return nil, err
	}
	var v limitsView
	for i := range found {
		l := &found[i]
		if n := len(v.Limits); n == 0 || v.Limits[n-1].Name != l.Name {
			v.Limits = append(v.Limits, limitHead(l))
		}
		of := &v.Limits[len(v.Limits)-1]
		of.Keys = append(of.Keys, r.limitRow(l))
	}
	return &content{view: "limits", title: "Limits", data: v}, nil
}

// readLimits reads the keys of all limits for whoever needs them now.
func (d *dashboard) readLimits(r *request) ([]operate.Limit, error) {
	return shared(r, "limits", stripAge, func(ctx context.Context) ([]operate.Limit, error) { return r.op.Limits(ctx) })
}

// limitHead is what holds for all keys of a limit.
func limitHead(l *operate.Limit) limitRows {
	rows := limitRows{Name: l.Name, Words: limitWords(l)}
	change := do("Change", "/limits/set", Admin, "limit", l.Name).with(input{
		Label: "At once", Name: "max", Kind: "number", Value: strconv.Itoa(l.Max), Hint: "Holds in all processes, until it is reset. What runs goes on.",
	})
	if l.Per > 0 {
		change.Inputs[0].Label = "Starts " + each(l.Per)
	}
	rows.Acts = []act{change}
	if l.ByHand {
		rows.Hand = "changed by hand; programs say " + number(l.Declared)
		rows.Acts = append(rows.Acts, do("Reset to "+number(l.Declared), "/limits/reset", Admin, "limit", l.Name))
	}
	return rows
}

// limitWords says what a limit allows.
func limitWords(l *operate.Limit) string {
	words := number(l.Max) + " at once"
	if l.Per > 0 {
		words = plural(l.Max, "start", "starts") + " " + each(l.Per)
		if l.Burst > 0 && l.Burst != l.Max {
			words += ", " + number(l.Burst) + " at once after a pause"
		}
	}
	if l.Strict {
		words += ", in strict order"
	}
	switch l.WhenFull {
	case "", offload.FullWait:
	default:
		words += "; a job that finds no room: " + string(l.WhenFull)
	}
	return words
}

func (r *request) limitRow(l *operate.Limit) limitRow {
	row := limitRow{Limit: *l, ID: "l-" + l.Name + "-" + l.Key}
	if l.Waiting > 0 {
		row.Waiters = r.link("/jobs", "state", string(offload.Blocked), "limit", l.Name, "key", l.Key)
	}
	of := []string{"limit", l.Name, "key", l.Key}
	if !l.Paused.IsZero() && l.Paused.After(r.now) {
		row.Acts = append(row.Acts, do("Resume", "/limits/pause", Operator, append(of, "for", "0s")...).main())
	} else {
		row.Acts = append(row.Acts, do("Pause", "/limits/pause", Operator, of...).with(input{
			Label: "For", Name: "for", Kind: "text", Value: "15m", Hint: "30s, 15m, 2h30m. What runs goes on.",
		}))
	}
	if !l.Stopped.IsZero() {
		row.Acts = append(row.Acts, do("Go on", "/limits/skip", Operator, of...).asking(
			"The job that was discarded stays so, and those behind it run though it has not completed.").main())
	}
	return row
}

func (d *dashboard) setLimit(r *request) (*done, error) {
	name, text := r.PostForm.Get("limit"), strings.TrimSpace(r.PostForm.Get("max"))
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil, badField("max", text, "a number, 1 or more")
	}
	if err := r.op.SetLimit(r.Context(), name, n); err != nil {
		return nil, err
	}
	undo := do("Reset", "/limits/reset", Admin, "limit", name)
	return &done{text: fmt.Sprintf("%s allows %s now, in all processes.", name, number(n)), undo: &undo}, nil
}

func (d *dashboard) resetLimit(r *request) (*done, error) {
	name := r.PostForm.Get("limit")
	if err := r.op.ResetLimit(r.Context(), name); err != nil {
		return nil, err
	}
	return &done{text: name + " allows again what programs say."}, nil
}

func (d *dashboard) pauseLimit(r *request) (*done, error) {
	name, key, text := r.PostForm.Get("limit"), r.PostForm.Get("key"), strings.TrimSpace(r.PostForm.Get("for"))
	length, err := time.ParseDuration(text)
	if err != nil || length < 0 {
		return nil, badField("for", text, "a duration such as 30s, 15m or 2h30m")
	}
	if err := r.op.PauseLimit(r.Context(), name, key, length); err != nil {
		return nil, err
	}
	if length == 0 {
		return &done{text: "Resumed " + keyWords(name, key) + "."}, nil
	}
	undo := do("Resume", "/limits/pause", Operator, "limit", name, "key", key, "for", "0s")
	return &done{text: fmt.Sprintf("Paused %s for %s.", keyWords(name, key), span(length)), undo: &undo}, nil
}

func (d *dashboard) skipLimit(r *request) (*done, error) {
	name, key := r.PostForm.Get("limit"), r.PostForm.Get("key")
	if err := r.op.SkipLimit(r.Context(), name, key); err != nil {
		return nil, err
	}
	return &done{text: "The jobs of " + keyWords(name, key) + " go on."}, nil
}

// keyWords names a key of a limit.
func keyWords(name, key string) string {
	if key == "" {
		return name
	}
	return "key " + key + " of " + name
}
