package dashboard

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// goneView is what is known of a job that is not there.
type goneView struct {
	ID      offload.ID
	Made    time.Time    // as its id says; zero is not known
	Deleted *operate.Act // that named it
	Others  int          // that it named too
	Maybe   []operation  // acts that deleted jobs since it was made, and may have deleted it
}

const (
	goneWithin = 90 * 24 * time.Hour // so long it is kept who did what
	goneMaybe  = 5
)

// goneJob says of a job that is not there, instead of only that, who deleted it, or what may have.
func (d *dashboard) goneJob(r *request, id offload.ID) (*content, error) {
	v := goneView{ID: id}
	since := r.now.Add(-goneWithin)
	if made := id.Time(); made.Before(r.now.Add(time.Minute)) && made.Year() > 2000 {
		v.Made = made
		if made.After(since) {
			since = made
		}
	}
	acts, err := r.op.Acts(r.Context(), since)
	if err != nil {
		return nil, err
	}
	for i := range acts {
		a := &acts[i]
		if !strings.HasPrefix(a.What, "delete") {
			continue
		}
		var named struct{ IDs []offload.ID }
		if json.Unmarshal(a.Filter, &named) == nil && len(named.IDs) > 0 {
			if !slices.Contains(named.IDs, id) {
				continue
			}
			undone, err := d.undone(r, a)
			if err != nil {
				return nil, err
			}
			if !undone {
				v.Deleted, v.Others, v.Maybe = a, len(named.IDs)-1, nil
				break
			}
			continue
		}
		if len(v.Maybe) < goneMaybe {
			v.Maybe = append(v.Maybe, operationOf(a, nil))
		}
	}
	title := "No such job"
	if v.Deleted != nil {
		title = "Deleted job"
	}
	return &content{view: "gone", title: title, status: http.StatusNotFound, data: &v, still: true}, nil
}

// undone reports whether an act in the background was ended before it began.
func (d *dashboard) undone(r *request, a *operate.Act) (bool, error) {
	if a.By.IsZero() {
		return false, nil
	}
	job, err := d.app.Job(r.Context(), a.By)
	if errors.Is(err, offload.ErrNotFound) {
		return false, nil
	}
	return err == nil && job.State == offload.Cancelled, err
}
