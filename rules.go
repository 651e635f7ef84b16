package offload

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/offloadhq/offload/internal/fields"
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
	Unique      *Unique           `json:"unique,omitempty"`
	Limits      []Limit           `json:"limits,omitempty"`
	Fair        *Fair             `json:"fair,omitempty"`
	Expire      *time.Duration    `json:"expire,omitempty"`

	Dangerous    bool           `json:"dangerous,omitempty"`
	Encrypt      bool           `json:"encrypt,omitempty"`
	Key          string         `json:"key,omitempty"`           // id of the one that the process encrypts with
	Secret       fields.Secrets `json:"secret,omitempty"`        // of the input
	SecretResult fields.Secrets `json:"secret_result,omitempty"` // of the result
}

// rules returns what is registered of a task's defaults, beside its queue.
func (c *jobConfig) rules() rules {
	return rules{
		Priority: c.priority, MaxAttempts: c.maxAttempts, Timeout: c.timeout, GiveUpAfter: c.giveUpAfter,
		Retain: c.retain, Tags: c.tags, Unique: c.unique, Limits: c.limits, Fair: c.fair, Expire: c.expire,
		Encrypt: c.encrypt, Key: c.key, Secret: c.secrets.input, SecretResult: c.secrets.result,
	}
}

// config is the way back from rules.
func (r *rules) config(queue string) jobConfig {
	return jobConfig{
		queue: queue, priority: r.Priority, maxAttempts: r.MaxAttempts, timeout: r.Timeout, giveUpAfter: r.GiveUpAfter,
		retain: r.Retain, tags: r.Tags, unique: r.Unique, limits: r.Limits, fair: r.Fair, expire: r.Expire,
		encrypt: r.Encrypt, key: r.Key, secrets: secrets{r.Secret, r.SecretResult},
	}
}

// taskConfig returns what app and task say of the task's jobs. The app's defaults are not for
// offload's own tasks.
func (a *App) taskConfig(def *definition) (config taskConfig, err error) {
	config.jobConfig = defaultConfig()
	if def != actTask.def {
		config.apply(a.defaults)
	}
	config.apply(def.options)
	if config.secrets, err = def.secrets(); err != nil {
		return config, err
	}
	return config, config.settleLimits(def.name)
}

// defaultsOf returns what a call starts from: app and task, or, where this app doesn't have
// the task, what a process has registered of it. Then there is no definition.
func (a *App) defaultsOf(ctx context.Context, c *Call) (jobConfig, *definition, error) {
	bound := a.tasks[c.task]
	switch {
	case bound != nil && (c.def == nil || c.def == bound.definition):
		return bound.config.jobConfig, bound.definition, nil
	case c.def != nil:
		config, err := a.taskConfig(c.def)
		return config.jobConfig, c.def, err
	}
	config, err := a.registry.known(ctx, a.store, c.task, true)
	return config, nil, err
}

// registrations are the tasks of this app as it makes them known.
func (a *App) registrations() []store.Task {
	var tasks []store.Task
	for name, bound := range a.tasks {
		config := &bound.config
		known := config.rules()
		known.Dangerous = config.danger
		if config.encrypt && a.keys != nil {
			known.Key = a.keys.current
		}
		encoded, err := json.Marshal(known)
		if err != nil {
			panic(err) // numbers and checked text always encode
		}
		tasks = append(tasks, store.Task{Name: name, Queue: config.queue, Rules: encoded, Schema: fields.SchemaOf(bound.definition.input)})
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

// known returns what a process has registered of a task. For one that is not known here the store is
// asked anew if ask is set.
func (r *registry) known(ctx context.Context, s store.Store, task string, ask bool) (jobConfig, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, found := r.tasks[task]
	if !found && ask || time.Since(r.read) > registryAge {
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

// secrets returns what of each registered task's jobs is secret.
func (r *registry) secrets(ctx context.Context, s store.Store) (map[string]secrets, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.ask(ctx, s); err != nil {
		return nil, err
	}
	all := make(map[string]secrets, len(r.tasks))
	for name, t := range r.tasks {
		config, err := rulesOf(t)
		if err != nil {
			return nil, err
		}
		all[name] = config.secrets
	}
	return all, nil
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
	config = r.config(t.Queue)
	for i := range config.limits {
		if config.registered == nil {
			config.registered = map[string]bool{}
		}
		config.registered[config.limits[i].Name] = true
	}
	return config, nil
}
