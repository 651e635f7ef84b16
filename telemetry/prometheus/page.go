package prometheus

import (
	"bytes"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/telemetry"
)

// writePage writes what was read. Without an answer of the store only what stays true is written.
func writePage(b *bytes.Buffer, r *telemetry.Reading, up bool) {
	p := &page{b}
	p.family("offload_build_info", gauge, "1, with the version of offload.")
	p.sample("offload_build_info", 1, "version", offload.Version)
	p.family("offload_up", gauge, "1 if the store has answered.")
	p.sample("offload_up", truth(up))
	if r == nil {
		return
	}
	if up {
		writeQueues(p, r.Queues)
		writeProcesses(p, r.Processes)
		writeSchedules(p, r.Schedules)
	}
	writeTotals(p, r.Totals)
}

// waiting are the states that offload_queue_jobs has, in every queue.
var waiting = []offload.State{offload.Scheduled, offload.Available, offload.Blocked, offload.Running, offload.Retryable}

func writeQueues(p *page, queues []telemetry.Queue) {
	p.family("offload_queue_jobs", gauge, "Jobs that have not ended, by state; counts stop at 100,000.")
	for i := range queues {
		for _, state := range waiting {
			p.sample("offload_queue_jobs", float64(queues[i].Jobs[state]), "queue", queues[i].Name, "state", string(state))
		}
	}
	each := func(name, help string, value func(*telemetry.Queue) float64) {
		p.family(name, gauge, help)
		for i := range queues {
			p.sample(name, value(&queues[i]), "queue", queues[i].Name)
		}
	}
	each("offload_queue_oldest_wait_seconds", "How long the job that is due longest waits for a worker.",
		func(q *telemetry.Queue) float64 { return q.Oldest.Seconds() })
	each("offload_queue_paused", "1 if the queue is paused.", func(q *telemetry.Queue) float64 { return truth(q.Paused) })
	each("offload_queue_workers", "Jobs that processes run of the queue at once.",
		func(q *telemetry.Queue) float64 { return float64(q.Workers) })
	each("offload_queue_processes", "Processes that work the queue.",
		func(q *telemetry.Queue) float64 { return float64(q.Need.Working) })
	each("offload_queue_processes_needed", "Processes that the queue needs to be done in time, from its backlog and rates.",
		func(q *telemetry.Queue) float64 { return float64(q.Need.Processes) })
}

func writeProcesses(p *page, n telemetry.Processes) {
	p.family("offload_processes", gauge, "Processes that work jobs, by state.")
	for _, s := range []struct {
		state string
		n     int
	}{{"working", n.Working}, {"quiet", n.Quiet}, {"stopping", n.Stopping}, {"lost", n.Lost}} {
		p.sample("offload_processes", float64(s.n), "state", s.state)
	}
	p.family("offload_running", gauge, "Attempts under way, as processes have last said.")
	p.sample("offload_running", float64(n.Running))
	p.family("offload_stuck", gauge, "Attempts whose handlers ignore that their context has ended.")
	p.sample("offload_stuck", float64(n.Stuck))
}

func writeSchedules(p *page, schedules []telemetry.Schedule) {
	p.family("offload_schedule_overdue_seconds", gauge, "For how long a tick of the schedule should have been taken.")
	for i := range schedules {
		p.sample("offload_schedule_overdue_seconds", schedules[i].Overdue.Seconds(), "schedule", schedules[i].Name)
	}
}

// writeTotals writes counters and histograms. Totals come by queue, task and outcome.
func writeTotals(p *page, totals []telemetry.Total) {
	p.family("offload_jobs_enqueued_total", counter, "Jobs enqueued. They are counted up to two minutes late.")
	for i := range totals {
		if t := &totals[i]; t.Outcome == enqueued {
			p.sample("offload_jobs_enqueued_total", float64(t.Count), "queue", t.Queue, "task", t.Task)
		}
	}
	p.family("offload_attempts_total", counter, "Attempts that have ended, by outcome; retry and discarded are those that failed.")
	for i := range totals {
		if t := &totals[i]; t.Outcome != enqueued {
			p.sample("offload_attempts_total", float64(t.Count), "queue", t.Queue, "task", t.Task, "outcome", t.Outcome)
		}
	}
	writeDurations(p, "offload_wait_seconds", "From when a job is due to the start of its attempt; the sum is estimated from the buckets.", totals,
		func(t *telemetry.Total) *store.Histogram { return &t.Wait })
	writeDurations(p, "offload_run_seconds", "From the start to the end of attempts; the sum is estimated from the buckets.", totals,
		func(t *telemetry.Total) *store.Histogram { return &t.Run })
}

// enqueued is the outcome that counts jobs and not attempts.
const enqueued = "enqueued"

// Of a store's buckets, which are √2 apart, these are shown: twice apart, from 1.6 ms to 56 minutes.
const (
	firstBucket = 8
	lastBucket  = 50
)

func writeDurations(p *page, name, help string, totals []telemetry.Total, of func(*telemetry.Total) *store.Histogram) {
	p.family(name, histogram, help)
	for i := 0; i < len(totals); {
		var sum store.Histogram
		first := &totals[i]
		for ; i < len(totals) && totals[i].Queue == first.Queue && totals[i].Task == first.Task; i++ {
			sum.Add(of(&totals[i]))
		}
		if sum.Total() > 0 {
			p.histogram(name, &sum, "queue", first.Queue, "task", first.Task)
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
