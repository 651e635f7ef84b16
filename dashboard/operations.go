package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// operationsView is what the page of operations shows.
type operationsView struct {
	Within []choice
	Acts   []operation
	Cut    bool // there are more than are shown
}

// An operation is something that somebody did.
type operation struct {
	operate.Act
	Filter string // in words
	Job    *offload.Job
	Bar    int // of 100, while it goes on; -1 is not known
	Undo   *act
}

var operationRanges = []timeRange{{"1h", "1 h", time.Hour}, {"24h", "24 h", 24 * time.Hour}, {"7d", "7 d", 7 * 24 * time.Hour}, {"30d", "30 d", 30 * 24 * time.Hour}}

const operationsShown = 200

// operations shows who did what, to how many jobs, and how far it is.
func (d *dashboard) operations(r *request) (*content, error) {
	within := r.URL.Query().Get("within")
	at := slices.IndexFunc(operationRanges, func(t timeRange) bool { return t.Value == within })
	switch {
	case within == "":
		at = 1
	case at < 0:
		return nil, badField("within", shortened(within, 40), "one of 1h, 24h, 7d, 30d")
	}
	acts, err := r.op.Acts(r.Context(), r.now.Add(-operationRanges[at].Length))
	if err != nil {
		return nil, err
	}
	v := operationsView{Cut: len(acts) > operationsShown}
	for i, t := range operationRanges {
		v.Within = append(v.Within, choice{Label: t.Label, URL: r.link("/operations", "within", t.Value), Chosen: i == at})
	}
	acts = acts[:min(len(acts), operationsShown)]
	jobs, err := d.jobsBy(r.Context(), acts)
	if err != nil {
		return nil, err
	}
	for i := range acts {
		v.Acts = append(v.Acts, operationOf(&acts[i], jobs[acts[i].By]))
	}
	return &content{view: "operations", title: "Operations", data: &v}, nil
}

// jobsBy reads the jobs that do acts in the background.
func (d *dashboard) jobsBy(ctx context.Context, acts []operate.Act) (map[offload.ID]*offload.Job, error) {
	var ids []offload.ID
	for i := range acts {
		if !acts[i].By.IsZero() {
			ids = append(ids, acts[i].By)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	jobs, err := d.app.Jobs(ctx, offload.Filter{IDs: ids, Max: len(ids)})
	if err != nil {
		return nil, err
	}
	by := map[offload.ID]*offload.Job{}
	for _, job := range jobs {
		by[job.ID] = job
	}
	return by, nil
}

func operationOf(a *operate.Act, job *offload.Job) operation {
	o := operation{Act: *a, Job: job, Bar: -1, Filter: filterWords(a.Filter)}
	if job != nil && !job.State.Ended() {
		if p := job.Progress; p != nil && p.Total > 0 {
			o.Bar = percent(p.Done, p.Total)
		}
		label := "End it"
		if strings.HasPrefix(a.What, "delete") && job.State != offload.Running {
			label = "Undo"
		}
		if len(a.Filter) > 0 {
			undo := do(label, "/operations/cancel", Operator, "id", job.ID.String())
			o.Undo = &undo
		}
		return o
	}
	o.Undo = inverse(a.What)
	return o
}

// inverse is the act that takes another back, nil if none does.
func inverse(what string) *act {
	for prefix, back := range map[string]act{
		"pause queue ":    do("Resume", "/queues/resume", Operator, "queue"),
		"pause task ":     do("Resume", "/tasks/resume", Operator, "task"),
		"pause schedule ": do("Resume", "/schedules/resume", Operator, "schedule"),
		"set limit ":      do("Reset", "/limits/reset", Admin, "limit"),
	} {
		if name, is := strings.CutPrefix(what, prefix); is {
			if prefix == "set limit " {
				name, _, _ = strings.Cut(name, " ")
			}
			field := strings.TrimSuffix(prefix[strings.IndexByte(prefix, ' ')+1:], " ")
			back.Fields = [][2]string{{field, name}}
			return &back
		}
	}
	return nil
}

// filterWords says in words which jobs a filter selects.
func filterWords(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil {
		return string(raw)
	}
	var parts []string
	for name, value := range fields {
		switch v := value.(type) {
		case bool:
			continue
		case []any:
			words := make([]string, len(v))
			for i := range v {
				words[i] = fmt.Sprint(v[i])
			}
			if len(words) > 5 {
				words = append(words[:5], number(len(v)-5)+" more")
			}
			parts = append(parts, name+" "+strings.Join(words, ", "))
		default:
			parts = append(parts, fmt.Sprintf("%s %v", name, v))
		}
	}
	if len(parts) == 0 {
		return "all jobs"
	}
	slices.Sort(parts)
	return seen(strings.Join(parts, "; "))
}

// cancelOperation ends an act in the background; one that has not begun has never been.
func (d *dashboard) cancelOperation(r *request) (*done, error) {
	id, err := needID("id", r.PostForm.Get("id"))
	if err != nil {
		return nil, err
	}
	if err := r.op.Cancel(r.Context(), id); err != nil {
		return nil, err
	}
	return &done{text: "It was ended. What it has done stays done."}, nil
}
