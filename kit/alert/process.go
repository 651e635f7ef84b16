package alert

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/record"
)

// A process with the kit keeps a record of itself while it runs jobs, and takes it away when it ends as it
// should. One whose record is there, and which itself is not, was lost: whoever watches sees that, also
// when nobody was watching at the time.
type processRecord struct {
	Host string    `json:"host"`
	PID  int       `json:"pid"`
	Boot string    `json:"boot"`          // another each time that a program starts
	Lost time.Time `json:"lost,omitzero"` // when that was seen
}

// boot tells this process from others of the same host and PID, such as those of a container that is
// started again.
var boot = offload.NewID().String()

// joinTime is how long a process has to be among those that work. Tests shorten it.
var joinTime = 30 * time.Second

// lostKept is how long it is remembered that a process was lost.
const lostKept = mostSpan + time.Hour

// A presence is the record of this process, for one Run.
type presence struct {
	kind *record.Kind[processRecord]
	key  string
	kept bool
}

func newPresence(app *offload.App) *presence {
	return &presence{kind: processesOf(app), key: boot + "/" + offload.NewID().String()}
}

func processesOf(app *offload.App) *record.Kind[processRecord] {
	return record.Of[processRecord](app, "alert.process")
}

// keep keeps the record, if it is not kept yet.
func (p *presence) keep(ctx context.Context) error {
	if p.kept {
		return nil
	}
	host, _ := os.Hostname() // as that of the process's own row
	_, err := p.kind.Put(ctx, p.key, processRecord{Host: host, PID: os.Getpid(), Boot: boot})
	p.kept = err == nil
	return err
}

// leave takes the record away. It is tried even if it may not be there: an answer may have been lost.
func (p *presence) leave(ctx context.Context) error { return p.kind.Delete(ctx, p.key) }

// A lostProcess is one that was seen to be lost.
type lostProcess struct {
	name string
	at   time.Time
}

// lostProcesses returns those that are lost, and notes which are new among them.
func (a *Alerts) lostProcesses(ctx context.Context, now time.Time, living []operate.Process) (lost []lostProcess, err error) {
	type place struct {
		host string
		pid  int
	}
	alive := map[place]bool{}
	for i := range living {
		if p := &living[i]; !p.Lost {
			alive[place{p.Host, p.PID}] = true
		}
	}
	all, err := a.processes.List(ctx, "")
	if err != nil {
		return nil, err
	}
	newest := map[place]*record.Record[processRecord]{}
	for i := range all {
		at := place{all[i].Value.Host, all[i].Value.PID}
		if other := newest[at]; other == nil || all[i].Value.Boot > other.Value.Boot { // ids of boots grow with time
			newest[at] = &all[i]
		}
	}
	for i := range all {
		r := &all[i]
		at := place{r.Value.Host, r.Value.PID}
		living := alive[at] && newest[at].Value.Boot == r.Value.Boot // else its PID is another's by now
		was := r.Value.Lost
		switch {
		case living:
			r.Value.Lost = time.Time{}
		case was.IsZero() && (alive[at] || now.Sub(r.At) >= joinTime):
			r.Value.Lost = now
		}
		switch err := a.mark(ctx, r, was); {
		case errors.Is(err, record.ErrStale):
			continue // it has left, or somebody else has seen it
		case err != nil:
			return nil, err
		}
		if !r.Value.Lost.IsZero() {
			lost = append(lost, lostProcess{fmt.Sprintf("process %d of %s", r.Value.PID, r.Value.Host), r.Value.Lost})
		}
	}
	return lost, nil
}

// mark keeps that a process was lost, or is back, if that is news.
func (a *Alerts) mark(ctx context.Context, r *record.Record[processRecord], was time.Time) error {
	switch {
	case r.Value.Lost.Equal(was):
		return nil
	case r.Value.Lost.IsZero():
		return a.processes.Swap(ctx, r)
	}
	return a.processes.Swap(ctx, r, record.Expire(lostKept))
}
