package dashboard

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// A jobQuery is which jobs a list shows, as its address says.
type jobQuery struct {
	filter offload.Filter
	text   string // that was searched for, as it was typed
	within string // one of ranges, "" is any time
	values url.Values
}

// A timeRange is how far back something goes.
type timeRange struct {
	Value, Label string
	Length       time.Duration
}

// jobRanges are how far back a list of jobs may go.
var jobRanges = []timeRange{
	{"", "any time", 0},
	{"15m", "15 min", 15 * time.Minute},
	{"1h", "1 h", time.Hour},
	{"24h", "24 h", 24 * time.Hour},
	{"7d", "7 d", 7 * 24 * time.Hour},
	{"30d", "30 d", 30 * 24 * time.Hour},
}

// jobQuery reads an address.
func (r *request) jobQuery(values url.Values) (q jobQuery, err error) {
	q.values = values
	f := &q.filter
	for _, s := range values["state"] {
		state := offload.State(s)
		if !slices.Contains(states, state) {
			return q, badField("state", shortened(s, 40), "one of scheduled, available, blocked, running, retryable, completed, discarded, cancelled, expired")
		}
		f.States = append(f.States, state)
	}
	f.Queues, f.Tasks = given(values["queue"]), given(values["task"])
	f.Tag, f.Key, f.Limit, f.Schedule = values.Get("tag"), values.Get("key"), values.Get("limit"), values.Get("schedule")
	for name, into := range map[string]*offload.ID{"process": &f.Process, "flow": &f.Flow, "batch": &f.Batch} {
		if *into, err = idOf(name, values.Get(name)); err != nil {
			return q, err
		}
	}
	f.Group = values.Get("group")
	if text := values.Get("after"); text != "" {
		if f.After, err = offload.ParseCursor(text); err != nil {
			return q, badField("after", shortened(text, 60), "a place that a list gave")
		}
	}
	for _, text := range given(values["priority"]) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 9 {
			return q, badField("priority", shortened(text, 20), "0 to 9")
		}
		f.Priorities = append(f.Priorities, n)
	}
	q.within = values.Get("within")
	if i := slices.IndexFunc(jobRanges, func(t timeRange) bool { return t.Value == q.within }); i < 0 {
		return q, badField("within", shortened(q.within, 40), "one of 15m, 1h, 24h, 7d, 30d")
	} else if i > 0 {
		f.Since = r.now.Add(-jobRanges[i].Length)
	}
	q.text = strings.TrimSpace(values.Get("q"))
	return q, searchInto(f, q.text)
}

// given are the values that are not empty.
func given(values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
}

// searchInto reads what was typed into the search: words such as tag:kind=order, input.order.id:42 or the id of a job, and the rest as text of an error.
func searchInto(f *offload.Filter, text string) error {
	var rest []string
	for _, word := range strings.Fields(text) {
		if id, err := offload.ParseID(word); err == nil {
			f.IDs = append(f.IDs, id)
			continue
		}
		name, value, named := strings.Cut(word, ":")
		if path, is := strings.CutPrefix(name, "input"); is && named && (path == "" || path[0] == '.') {
			if value == "" {
				return badField("search", word, "something behind the colon, such as input.order.id:42")
			}
			f.Input = append(f.Input, offload.Match{Path: strings.TrimPrefix(path, "."), Value: value})
			continue
		}
		into := map[string]*string{"tag": &f.Tag, "key": &f.Key, "limit": &f.Limit, "schedule": &f.Schedule}[name]
		list := map[string]*[]string{"task": &f.Tasks, "queue": &f.Queues}[name]
		switch {
		case named && value != "" && into != nil:
			*into = value
		case named && value != "" && list != nil:
			*list = append(*list, value)
		case named && value == "" && (into != nil || list != nil):
			return badField("search", word, "something behind the colon, such as tag:kind=order")
		default:
			rest = append(rest, word)
		}
	}
	f.Search = strings.Join(rest, " ")
	return nil
}

// A chip is a part of a query that can be taken away.
type chip struct {
	Name, Value string
	Without     string // the address without it
}

// chips are the parts of a query that have no place of their own in the form.
func (q *jobQuery) chips(at func(url.Values) string) (chips []chip) {
	for _, name := range []string{"tag", "key", "limit", "schedule", "process", "flow", "batch", "group", "priority"} {
		for _, value := range q.values[name] {
			if value == "" && name != "key" {
				continue
			}
			without := clone(q.values)
			without.Del(name)
			without.Del("after")
			chips = append(chips, chip{name, value, at(without)})
		}
	}
	return chips
}

func clone(values url.Values) url.Values {
	all := url.Values{}
	for name, v := range values {
		all[name] = slices.Clone(v)
	}
	return all
}
