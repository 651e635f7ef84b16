package offload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"
)

// A Part is something an App is made of: a task, a kit, a setting. A type of another package
// becomes a Part by embedding one.
type Part interface{ part(*parts) }

// parts is what the Parts of an app add up to.
type parts struct {
	tasks         map[string]*boundTask // by name and by alias
	declared      []*definition         // in order, each once
	workers       map[string]setting[int]
	defaults      []TaskOption
	beside        []func(context.Context)
	onClose       []func() error
	onEvent       []func(context.Context, Event)
	aroundEnqueue []enqueueFunc
	schedules     []Schedule
	grace         setting[time.Duration]
	log           setting[*slog.Logger]
	maxInput      setting[int]
	keys          setting[*keyring]
	migrate       setting[bool]
	depth         int // how many Parts we are inside of
	errs          []error
}

// A boundTask is a task with the function this app runs it by.
type boundTask struct {
	*definition
	run    runFunc    // nil: known, not worked, unless by many
	many   *manyFunc  // in place of run
	config taskConfig // what app and task say of its jobs, once all parts are known
}

// A setting remembers how deep inside of Parts it was made: what is given beside wins.
type setting[T any] struct {
	value T
	depth int
	set   bool
}

func (s *setting[T]) put(value T, depth int) {
	if !s.set || depth <= s.depth {
		*s = setting[T]{value, depth, true}
	}
}

func (s setting[T]) or(otherwise T) T {
	if s.set {
		return s.value
	}
	return otherwise
}

// gather adds up parts and returns all that was wrong with them.
func gather(given []Part) (*parts, error) {
	p := &parts{tasks: map[string]*boundTask{}, workers: map[string]setting[int]{}}
	for i, part := range given {
		p.add(fmt.Sprintf("part %d", i+1), part)
	}
	return p, errors.Join(p.errs...)
}

// add adds one part. A zero kit has a nil Part embedded: calling it panics, which is made the
// error that it is.
func (p *parts) add(name string, part Part) {
	if part == nil {
		p.refuse(&InputError{Field: name, Got: "nil", Want: "a task, a kit or a setting"})
		return
	}
	defer func() {
		if v := recover(); v != nil {
			p.refuse(&InputError{Field: name, Got: fmt.Sprintf("a zero or nil %v", reflect.TypeOf(part)), Want: "one made by its package's New"})
		}
	}()
	part.part(p)
}

func (p *parts) refuse(err error) { p.errs = append(p.errs, err) }

// worked reports whether this app runs the task's jobs.
func (b *boundTask) worked() bool { return b.run != nil || b.many != nil }

// bind makes a task known, and worked if one of run and many is not nil.
func (p *parts) bind(def *definition, run runFunc, many *manyFunc) {
	config := taskConfig{jobConfig: defaultConfig()}
	config.apply(def.options)
	for _, name := range append([]string{def.name}, config.aliases...) {
		if err := checkName(def.name, "task name", name); err != nil {
			p.refuse(err)
			return
		}
		old, bound := p.tasks[name], &boundTask{definition: def, run: run, many: many}
		switch {
		case old != nil && old.definition != def:
			p.refuse(&InputError{Task: def.name, Field: "task name", Got: name, Want: "a name that no other task of this app has"})
			return
		case old != nil && old.worked() && bound.worked() && p.depth == 0 && name == def.name:
			p.refuse(&InputError{Task: def.name, Field: "Handle", Got: "two functions", Want: "one function for each task"})
			return
		case old != nil && !bound.worked():
			continue // known already, perhaps with its function
		}
		p.tasks[name] = bound
	}
	p.declared = append(p.declared, def)
}

func (c *taskConfig) apply(opts []TaskOption) {
	for _, o := range opts {
		if o != nil {
			o.applyTask(c)
		}
	}
}

// A binding is the Part that Handle makes.
type binding struct {
	def *definition
	run runFunc
}

func (b binding) part(p *parts) {
	if b.run == nil {
		p.refuse(&InputError{Task: b.def.name, Field: "Handle", Got: "nil", Want: "a function"})
		return
	}
	p.bind(b.def, b.run, nil)
}

// A refusedPart is what a call that cannot return an error returns.
type refusedPart struct{ err error }

func (r refusedPart) part(p *parts) { p.refuse(r.err) }

// A partFunc is a setting.
type partFunc func(*parts)

func (f partFunc) part(p *parts) { f(p) }

// Parts makes one Part of many: what a kit embeds. A setting given beside it wins over the
// same setting inside.
func Parts(many ...Part) Part {
	return partFunc(func(p *parts) {
		p.depth++
		defer func() { p.depth-- }()
		for i, part := range many {
			p.add(fmt.Sprintf("part %d of Parts", i+1), part)
		}
	})
}

// Workers lets this process run up to n jobs of the queue at once, 0 to 10,000. The default is
// 100; 0 works none of it. With the name "" it is the limit of all queues together, by default
// 500.
func Workers(queue string, n int) Part {
	return partFunc(func(p *parts) {
		if queue != "" {
			if err := checkName("", "Workers", queue); err != nil {
				p.refuse(err)
				return
			}
		}
		if n < 0 || n > 10_000 || n == 0 && queue == "" {
			p.refuse(&InputError{Field: fmt.Sprintf("Workers(%q)", queue), Got: n, Want: "0 (none) to 10,000"})
			return
		}
		s := p.workers[queue]
		s.put(n, p.depth)
		p.workers[queue] = s
	})
}

// Grace is how long handlers may go on after Run's context has ended, 0 or more. The default
// is 25 s, as orchestrators commonly kill after 30.
func Grace(d time.Duration) Part {
	return partFunc(func(p *parts) {
		if d < 0 {
			p.refuse(&InputError{Field: "Grace", Got: d, Want: "0 or more"})
			return
		}
		p.grace.put(d, p.depth)
	})
}

// LogTo sends what offload and handlers log to l. The default is slog.Default().
func LogTo(l *slog.Logger) Part {
	return partFunc(func(p *parts) {
		if l == nil {
			p.refuse(&InputError{Field: "LogTo", Got: "nil", Want: "a logger; slog.New(slog.DiscardHandler) keeps silent"})
			return
		}
		p.log.put(l, p.depth)
	})
}

// NoMigrate makes Open fail with ErrSchema instead of changing the database.
func NoMigrate() Part { return partFunc(func(p *parts) { p.migrate.put(false, p.depth) }) }

// MaxInput refuses inputs of more than n bytes, 1 to 256 MiB. The default is 1 MiB.
func MaxInput(n int) Part {
	return partFunc(func(p *parts) {
		if n < 1 || n > 256<<20 {
			p.refuse(&InputError{Field: "MaxInput", Got: n, Want: "1 byte to 256 MiB"})
			return
		}
		p.maxInput.put(n, p.depth)
	})
}

// Beside calls f in a goroutine of its own while Run runs, once for each Run: for what shall go on beside jobs, such as to keep something
// true. The context of f has the app (AppOf), and ends when the last handler has; Run returns after f has. A panic is logged.
func Beside(f func(ctx context.Context)) Part {
	return partFunc(func(p *parts) {
		if f == nil {
			p.refuse(&InputError{Field: "Beside", Got: "nil", Want: "a function"})
			return
		}
		p.beside = append(p.beside, f)
	})
}

// OnClose calls f when the app is closed, after the last handler has ended; those given last
// are called first.
func OnClose(f func() error) Part {
	return partFunc(func(p *parts) {
		if f == nil {
			p.refuse(&InputError{Field: "OnClose", Got: "nil", Want: "a function"})
			return
		}
		p.onClose = append(p.onClose, f)
	})
}

// Defaults are task options for every task of this app; a task's own come after them. Give
// the same to every process, since some take effect at the enqueue and some at the run.
func Defaults(opts ...TaskOption) Part {
	return partFunc(func(p *parts) { p.defaults = append(p.defaults, opts...) })
}
