package offload

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

// rules are a task's defaults as they are registered in the store, so that whoever enqueues
// by name (the command, the dashboard, another program) obeys them.
type rules struct {
	Priority    int               `json:"priority"`
	MaxAttempts int               `json:"max_attempts"`
	Timeout     time.Duration     `json:"timeout"` // nanoseconds
	GiveUpAfter *time.Duration    `json:"give_up_after,omitempty"`
	Retain      *time.Duration    `json:"retain,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// taskConfig returns what app and task say of the task's jobs.
func (a *App) taskConfig(def *definition) taskConfig {
	config := taskConfig{jobConfig: defaultConfig()}
	config.apply(a.defaults)
	config.apply(def.options)
	return config
}

// defaultsOf returns what a call starts from: app and task, or, where this app doesn't have
// the task, what a process has registered of it.
func (a *App) defaultsOf(ctx context.Context, c *Call) (jobConfig, error) {
	bound := a.tasks[c.task]
	switch {
	case bound != nil && (c.def == nil || c.def == bound.definition):
		return bound.config.jobConfig, nil
	case c.def != nil:
		return a.taskConfig(c.def).jobConfig, nil
	}
	return a.registry.defaults(ctx, a.store, c.task)
}

// registrations are the tasks of this app as it makes them known.
func (a *App) registrations() []store.Task {
	var tasks []store.Task
	for name, bound := range a.tasks {
		config := &bound.config
		encoded, err := json.Marshal(rules{
			Priority: config.priority, MaxAttempts: config.maxAttempts, Timeout: config.timeout,
			GiveUpAfter: config.giveUpAfter, Retain: config.retain, Tags: config.tags,
		})
		if err != nil {
			panic(err) // numbers and checked text always encode
		}
		tasks = append(tasks, store.Task{Name: name, Queue: config.queue, Rules: encoded})
	}
	return tasks
}

// A registry remembers for a while what processes have registered in the store.
type registry struct {
	mu    sync.Mutex // held while the store is asked, so that it is asked once
	tasks map[string]store.Task
	read  time.Time
}

// registryAge is how old what a registry remembers may be. A name it lacks is asked for anew.
const registryAge = 10 * time.Second

func (r *registry) defaults(ctx context.Context, s store.Store, task string) (jobConfig, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, found := r.tasks[task]
	if !found || time.Since(r.read) > registryAge {
		if err := r.ask(ctx, s); err != nil {
			return jobConfig{}, err
		}
		known, found = r.tasks[task]
	}
	if !found {
		return jobConfig{}, fmt.Errorf("%w %q: no process has made it known", ErrUnknownTask, task)
	}
	return rulesOf(known)
}

func (r *registry) ask(ctx context.Context, s store.Store) error {
	tasks, err := s.Tasks(ctx)
	if err != nil {
		return fmt.Errorf("offload: look the task up: %w", err)
	}
	r.tasks = make(map[string]store.Task, len(tasks))
	for _, t := range tasks {
		r.tasks[t.Name] = t
	}
	r.read = time.Now()
	return nil
}

func rulesOf(t store.Task) (jobConfig, error) {
	config := defaultConfig()
	config.queue = t.Queue
	if len(t.Rules) == 0 {
		return config, nil
	}
	var r rules
	if err := json.Unmarshal(t.Rules, &r); err != nil {
		return config, fmt.Errorf("offload: registered rules of task %q: %w", t.Name, err)
	}
	config.priority, config.maxAttempts, config.timeout = r.Priority, r.MaxAttempts, r.Timeout
	config.giveUpAfter, config.retain, config.tags = r.GiveUpAfter, r.Retain, r.Tags
	return config, nil
}
