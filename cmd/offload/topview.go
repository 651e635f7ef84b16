package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offloadhq/offload"
)

// lines returns a picture as lines of at most width characters, at most height of them if that is not
// 0. Where there is no room for all, jobs give way first, but for a few.
func (p *picture) lines(width, height, jobs int) []string {
	lines := []string{p.head(), ""}
	queues := len(p.queues)
	if height > 0 {
		const heads, fewJobs = 6, 4 // lines that are always there
		queues = max(min(queues, height-heads-min(len(p.running), fewJobs)), 1)
		queues = min(queues, len(p.queues))
		jobs = max(height-heads-queues, 0)
	}
	lines = append(lines, fmt.Sprintf("%-20s %6s %9s %6s %6s %6s %7s %6s %6s", "QUEUE", "READY", "RUNNING", "LATER", "RETRY", "BLOCK", "WAITED", "DONE/S", "FAIL/S"))
	for i := range p.queues[:queues] {
		lines = append(lines, p.queue(i))
	}
	if left := len(p.queues) - queues; left > 0 {
		lines[len(lines)-1] = fmt.Sprintf("… and %d more; `offload queues` lists them", left+1)
	}
	if len(p.queues) == 0 {
		lines = append(lines, "no queue has jobs or is worked")
	}
	lines = append(lines, "", fmt.Sprintf("%-36s  %-14s %7s  %s", "JOB", "TASK", "SINCE", "PROGRESS"))
	shown := p.running[:min(len(p.running), jobs)]
	for _, job := range shown {
		lines = append(lines, p.job(job))
	}
	if left := len(p.running) - len(shown); left > 0 && len(shown) > 0 {
		lines[len(lines)-1] = fmt.Sprintf("… and %s more", bounded(left+1))
	}
	if len(p.running) == 0 {
		lines = append(lines, "no job is running")
	}
	if height > 0 && len(lines) > height {
		lines = lines[:height]
	}
	for i, line := range lines {
		lines[i] = strings.TrimRight(cut(clean(line), width), " ")
	}
	return lines
}

// head is the first line.
func (p *picture) head() string {
	working, running, stuck := 0, 0, 0
	for i := range p.processes {
		if !p.processes[i].Lost {
			working++
		}
		running += p.processes[i].Running
		stuck += len(p.processes[i].Stuck)
	}
	text := fmt.Sprintf("%s  %s  ", p.now.Local().Format(time.TimeOnly), counted(working, "process", "processes"))
	text += fmt.Sprintf("%d running", running)
	if stuck > 0 {
		text += fmt.Sprintf("  %d stuck", stuck)
	}
	if p.err != nil {
		return text + "  old, since: " + strings.TrimPrefix(p.err.Error(), "offload: ")
	}
	return text + "  " + p.address
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// queue is the line of a queue.
func (p *picture) queue(i int) string {
	q := &p.queues[i]
	name, waited := q.Name, ""
	switch {
	case q.Paused:
		name = cut(name, 11) + " (paused)"
	case q.Workers == 0:
		name = cut(name, 9) + " (no worker)"
	}
	if !q.Oldest.IsZero() {
		waited = brief(p.now.Sub(q.Oldest))
	}
	r := p.rates[q.Name]
	return fmt.Sprintf("%s %6s %9s %6s %6s %6s %7s %6s %6s", padded(name, 20), short(q.Available), short(q.Running)+"/"+strconv.Itoa(q.Workers),
		short(q.Scheduled), short(q.Retryable), short(q.Blocked), waited, perSecond(r.done), perSecond(r.failed))
}

// job is the line of a running job.
func (p *picture) job(job *offload.Job) string {
	text := ""
	if g := job.Progress; g != nil {
		if g.Total > 0 {
			text = fmt.Sprintf("%d%%", min(100*g.Done/g.Total, 100))
		} else {
			text = strconv.Itoa(g.Done)
		}
		if g.Left > 0 {
			text += ", " + brief(g.Left) + " left"
		}
		if g.Note != "" {
			text += " " + strings.Join(strings.Fields(g.Note), " ")
		}
	}
	return fmt.Sprintf("%-36s  %s %7s  %s", job.ID, padded(job.Task, 14), brief(p.now.Sub(job.StartedAt)), text)
}

// short writes a count that stops above 1,000 in few characters.
func short(n int) string {
	if n > 1000 {
		return "1000+"
	}
	return strconv.Itoa(n)
}

// padded makes a text n characters wide.
func padded(s string, n int) string {
	s = cut(s, n)
	return s + strings.Repeat(" ", n-utf8.RuneCountInString(s))
}

// brief writes a duration in few characters.
func brief(d time.Duration) string {
	switch {
	case d < time.Second:
		return "<1s"
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + "d"
}

// perSecond writes a rate with about three digits.
func perSecond(r float64) string {
	switch {
	case r == 0:
		return "0"
	case r < 0.01:
		return "<0.01"
	case r < 10:
		return strconv.FormatFloat(r, 'f', 2, 64)
	case r < 100:
		return strconv.FormatFloat(r, 'f', 1, 64)
	}
	return strconv.FormatFloat(r, 'f', 0, 64)
}
