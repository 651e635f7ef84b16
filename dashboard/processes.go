package dashboard

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// processesView is what the page of processes shows.
type processesView struct {
	Processes []processRow
}

type processRow struct {
	operate.Process
	Slots int // jobs at once, over all its queues
	Acts  []act
}

// Title names a process as people know it.
func (p *processRow) Title() string {
	if p.Name != "" {
		return p.Name
	}
	return fmt.Sprintf("%s/%d", p.Host, p.PID)
}

// QueueList is what it works, and how many jobs of each at once.
func (p *processRow) QueueList() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(p.Queues)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, p.Queues[name]))
	}
	return strings.Join(parts, ", ")
}

// Standing says what is not usual about it, "" if nothing is.
func (p *processRow) Standing() string {
	switch {
	case p.Lost:
		return "lost"
	case p.Stop:
		return "stopping"
	case p.Quiet:
		return "quiet"
	}
	return ""
}

func (r *request) processRow(p *operate.Process) processRow {
	row := processRow{Process: *p}
	for _, n := range p.Queues {
		row.Slots += n
	}
	of := []string{"process", p.ID.String()}
	if !p.Lost && !p.Quiet && !p.Stop {
		row.Acts = append(row.Acts, do("Quiet", "/processes/quiet", Admin, of...).asking("It ends what it runs, and starts nothing more until it is started anew."))
	}
	if !p.Lost && !p.Stop {
		row.Acts = append(row.Acts, do("Stop", "/processes/stop", Admin, of...).asking("It ends, as it would on a signal: what runs has its grace period."))
	}
	return row
}

// processes shows the programs that work jobs.
func (d *dashboard) processes(r *request) (*content, error) {
	found, err := d.readProcesses(r)
	if err != nil {
		return nil, err
	}
	v := processesView{}
	for i := range found {
		v.Processes = append(v.Processes, r.processRow(&found[i]))
	}
	return &content{view: "processes", title: "Processes", data: &v}, nil
}

// processView is what the page of one process shows.
type processView struct {
	processRow
	Up   time.Duration
	Jobs []jobRow
	More bool
}

const processJobs = 100

// process shows one process with what it runs.
func (d *dashboard) process(r *request) (*content, error) {
	id, err := idOf("process", r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	found, err := d.readProcesses(r)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(found, func(p operate.Process) bool { return p.ID == id })
	if at < 0 {
		return nil, fmt.Errorf("process %s: %w", id, offload.ErrNotFound)
	}
	jobs, err := d.app.Jobs(r.Context(), offload.Filter{Process: id, Max: processJobs})
	if err != nil {
		return nil, err
	}
	v := processView{processRow: r.processRow(&found[at]), More: len(jobs) == processJobs}
	v.Up = r.now.Sub(v.Started)
	for _, job := range jobs {
		v.Jobs = append(v.Jobs, r.jobRow(job))
	}
	return &content{view: "process", title: v.Title(), data: &v}, nil
}

func (d *dashboard) quietProcess(r *request) (*done, error) {
	id, err := needID("process", r.PostForm.Get("process"))
	if err != nil {
		return nil, err
	}
	if err := r.op.QuietProcess(r.Context(), id); err != nil {
		return nil, err
	}
	return &done{text: "It ends what it runs, and starts nothing more."}, nil
}

func (d *dashboard) stopProcess(r *request) (*done, error) {
	id, err := needID("process", r.PostForm.Get("process"))
	if err != nil {
		return nil, err
	}
	if err := r.op.StopProcess(r.Context(), id); err != nil {
		return nil, err
	}
	return &done{text: "It was told to stop."}, nil
}
