package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// everythingPage is how many jobs are read at a time, with all that is known of them.
const everythingPage = 500

// everything writes all that is stored, oldest job first, then what lies beside jobs. Each line
// says in "type" what it is; docs/leaving.md describes them.
func (l *jobList) everything(ctx context.Context, app *offload.App) error {
	s, err := inside.Store(app)
	if err != nil {
		return err
	}
	for after, more := (offload.ID{}), true; more; {
		page, err := s.Export(ctx, after, everythingPage)
		if err != nil {
			return err
		}
		if more = len(page) > 0; more {
			after = page[len(page)-1].ID
		}
		if err := l.wholeJobs(ctx, app, page); err != nil {
			return err
		}
	}
	return l.beside(ctx, s)
}

// A wholeJob is a job with all that is known of it.
type wholeJob struct {
	Type string `json:"type"` // "job"
	*jobFields
	Timeout float64   `json:"timeout"` // seconds; 0 is none
	Retain  float64   `json:"retain"`  // seconds; 0 is the default of its outcome
	History []failure `json:"history"`
	Logs    []logLine `json:"logs"`
	Memos   []memo    `json:"memos"`
	After   []after   `json:"after"`
	CutOff  bool      `json:"cut_off,omitempty"` // it was cancelled for one of these, and comes back when that is retried
	Members []member  `json:"members,omitempty"` // of a batch
}

// An after is what a job waits for, or has waited for.
type after struct {
	Upstream offload.ID     `json:"upstream"`
	On       string         `json:"on"`
	Else     string         `json:"else"`
	State    *offload.State `json:"state"` // as the job knows it; null while it has not ended
}

// A member is one of a batch, as the batch knows it.
type member struct {
	Job      offload.ID     `json:"job"`
	State    *offload.State `json:"state"`
	StandsIn bool           `json:"stands_in,omitempty"` // for one whose unique key it holds
}

// endOf is how a job has ended, nil if it has not.
func endOf(s store.State) *offload.State {
	if s == "" {
		return nil
	}
	return &s
}

type logLine struct {
	Time    *moment         `json:"time"`
	Attempt int             `json:"attempt"`
	Level   string          `json:"level"`
	Text    string          `json:"text"`
	Attrs   json.RawMessage `json:"attrs,omitempty"`
}

// A memo is what a job keeps between attempts: its checkpoint under the name "", else a step.
type memo struct {
	Name string          `json:"name"`
	Data json.RawMessage `json:"data"`
}

// wholeJobs writes the jobs of a page that are still there.
func (l *jobList) wholeJobs(ctx context.Context, app *offload.App, page []store.Copied) error {
	ids := make([]offload.ID, len(page))
	for i := range page {
		ids[i] = page[i].ID
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := app.Jobs(ctx, offload.Filter{IDs: ids, Max: len(ids)})
	if err != nil {
		return err
	}
	jobs := make(map[offload.ID]*offload.Job, len(found))
	for _, job := range found {
		jobs[job.ID] = job
	}
	for i := range page {
		c := &page[i]
		job := jobs[c.ID]
		if job == nil {
			continue // deleted: its id alone is kept for a while
		}
		whole := wholeJob{
			Type: "job", jobFields: jobLine(job), Timeout: c.Timeout.Seconds(), Retain: c.Retain.Seconds(),
			History: []failure{}, Logs: []logLine{}, Memos: []memo{}, After: []after{}, CutOff: c.Cut,
		}
		for _, f := range c.Failures {
			whole.History = append(whole.History, failure{offload.Failure(f), momentOf(f.StartedAt), momentOf(f.FailedAt)})
		}
		for _, g := range c.Logs {
			whole.Logs = append(whole.Logs, logLine{momentOf(g.At), g.Attempt, g.Level, g.Text, g.Attrs})
		}
		for _, m := range c.Memos {
			whole.Memos = append(whole.Memos, memo{m.Name, jsonOf(m.Data)})
		}
		for _, e := range c.Edges {
			whole.After = append(whole.After, after{e.Upstream, string(e.On), string(e.Else), endOf(e.State)})
		}
		for _, m := range c.Members {
			whole.Members = append(whole.Members, member{m.ID, endOf(m.State), m.StandsIn})
		}
		if err := l.object(whole); err != nil {
			return err
		}
	}
	return nil
}

// jsonOf is data as JSON: as it is if it is that, else as a text in base64.
func jsonOf(data []byte) json.RawMessage {
	if json.Valid(data) {
		return data
	}
	text, _ := json.Marshal(data) // bytes always can be
	return text
}

// beside writes schedules, limits, tasks, paused queues and unique keys.
func (l *jobList) beside(ctx context.Context, s store.Store) error {
	book, err := s.ExportBook(ctx)
	if err != nil {
		return err
	}
	for _, c := range book.Schedules {
		line := struct {
			Type   string          `json:"type"`
			Name   string          `json:"name"`
			Spec   json.RawMessage `json:"spec"`
			InCode bool            `json:"in_code"`
			Paused bool            `json:"paused"`
			Next   *moment         `json:"next"`
			Last   *moment         `json:"last"`
		}{"schedule", c.Name, jsonOf(c.Spec), c.InCode, c.Paused, momentOf(c.Next), momentOf(c.Last)}
		if err := l.object(line); err != nil {
			return err
		}
	}
	for _, c := range book.Limits {
		line := struct {
			Type   string  `json:"type"`
			Name   string  `json:"name"`
			Max    int     `json:"max"`
			Per    float64 `json:"per"` // seconds; 0: jobs at once
			Burst  int     `json:"burst"`
			Strict bool    `json:"strict"`
			ByHand bool    `json:"by_hand"`
		}{"limit", c.Name, c.Max, c.Per.Seconds(), c.Burst, c.Strict, c.ByHand}
		if err := l.object(line); err != nil {
			return err
		}
	}
	for _, c := range book.Tasks {
		line := struct {
			Type   string `json:"type"`
			Name   string `json:"name"`
			Queue  string `json:"queue"`
			Paused bool   `json:"paused"`
		}{"task", c.Name, c.Queue, c.Paused}
		if err := l.object(line); err != nil {
			return err
		}
	}
	for _, name := range book.Queues {
		line := struct {
			Type string `json:"type"`
			Name string `json:"name"`
		}{"paused_queue", name}
		if err := l.object(line); err != nil {
			return err
		}
	}
	return l.keys(ctx, s)
}

func (l *jobList) keys(ctx context.Context, s store.Store) error {
	for after := (store.CopiedKey{}); ; {
		page, err := s.ExportKeys(ctx, after, everythingPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, k := range page {
			line := struct {
				Type    string     `json:"type"`
				Task    string     `json:"task"`
				Key     string     `json:"key"`
				Job     offload.ID `json:"job"`
				Until   string     `json:"until"` // "" with expires_at
				Expires *moment    `json:"expires_at"`
			}{"unique_key", k.Task, k.Key, k.ID, string(k.Until), momentOf(k.ExpiresAt)}
			if err := l.object(line); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
		after = page[len(page)-1]
	}
}
