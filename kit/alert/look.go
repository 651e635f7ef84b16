package alert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/record"
)

// Alerts are the rules and incidents of an app. It is safe for concurrent use.
type Alerts struct {
	kit *Kit
	app *offload.App

	rules *record.Kind[Rule] // made or changed while programs run
	open  *record.Kind[Incident]
	ended *record.Kind[Incident]
	duty  *record.Kind[duty]
}

// For returns the rules and incidents of an app. It costs nothing.
func (k *Kit) For(app *offload.App) *Alerts {
	return &Alerts{
		kit: k, app: app, rules: record.Of[Rule](app, "alert.rule"),
		open: record.Of[Incident](app, "alert.open"), ended: record.Of[Incident](app, "alert.ended"),
		duty: record.Of[duty](app, "alert.duty"),
	}
}

// duty says who watches. Its record is written with each look, so that its version tells whether they do.
type duty struct {
	Watcher string `json:"watcher"`
}

const (
	dutyKey = "watch"
	// deadAfter is how many looks a watcher may miss before another watches.
	deadAfter = 3
	lastTime  = 2 * time.Second // for what is done when a process ends
	beatEvery = time.Minute
)

// watch keeps the watch, or waits for the one who does to miss looks, until ctx ends.
func (k *Kit) watch(ctx context.Context) {
	a := k.For(offload.AppOf(ctx))
	w := &watcher{alerts: a, name: offload.NewID().String()}
	tick := time.NewTicker(k.every)
	defer tick.Stop()
	silent := false
	for {
		err := w.turn(ctx)
		if err != nil && ctx.Err() == nil && !silent {
			offload.Logger(ctx).Warn("offload: alerts can't be looked for just now", "error", err)
		}
		silent = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
			defer cancel()
			if err := w.resign(last); err != nil {
				offload.Logger(ctx).Warn("offload: nobody watches for the next half minute", "error", err)
			}
			return
		}
	}
}

// A watcher is a process that may have the duty. It is of one goroutine.
type watcher struct {
	alerts *Alerts
	name   string

	version int64     // of the duty, as last seen
	since   time.Time // since when it has been so, by this process's clock
	patient time.Duration
	beaten  time.Time
}

// turn looks, if it is this watcher's duty, or that of one who has missed looks.
func (w *watcher) turn(ctx context.Context) error {
	r, err := w.alerts.readDuty(ctx)
	if err != nil {
		return err
	}
	if r.Version != 0 && r.Value.Watcher != "" && r.Value.Watcher != w.name {
		if r.Version != w.version || w.since.IsZero() {
			w.version, w.since = r.Version, time.Now()
			w.patient = deadAfter*w.alerts.kit.every + rand.N(w.alerts.kit.every) // so that not all come at once
		}
		if time.Since(w.since) < w.patient {
			return nil
		}
	}
	looked, err := w.alerts.lookAs(ctx, w.name, r)
	if looked && err == nil {
		w.beat(ctx)
	}
	return err
}

// beat tells who watches the watch that there is one.
func (w *watcher) beat(ctx context.Context) {
	k := w.alerts.kit
	if k.beat == "" || !w.beaten.IsZero() && time.Since(w.beaten) < beatEvery-k.every/2 {
		return
	}
	w.beaten = time.Now()
	limited, cancel := context.WithTimeout(ctx, k.every)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodGet, k.beat, http.NoBody)
	if err != nil {
		return // New has looked at it
	}
	req.Header.Set("User-Agent", userAgent)
	resp, err := k.transport.RoundTrip(req)
	if err != nil {
		offload.Logger(ctx).Warn("offload: the heartbeat was not taken", "error", networkError(ctx, limited, req.URL.Host, err))
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, mostAnswer)) // so that the connection can be used again
	if resp.StatusCode >= 400 {
		offload.Logger(ctx).Warn("offload: the heartbeat was not taken", "host", req.URL.Host, "status", resp.StatusCode)
	}
}

// resign lets another take the duty at once.
func (w *watcher) resign(ctx context.Context) error {
	r, err := w.alerts.readDuty(ctx)
	if err != nil || r.Value.Watcher != w.name {
		return err
	}
	r.Value.Watcher = ""
	return stale(w.alerts.duty.Swap(ctx, &r))
}

func (a *Alerts) readDuty(ctx context.Context) (record.Record[duty], error) {
	r, err := a.duty.Get(ctx, dutyKey)
	if errors.Is(err, offload.ErrNotFound) {
		return record.Record[duty]{Key: dutyKey}, nil
	}
	return r, err
}

// Look looks once, now, whoever has the duty, and enqueues what is to be told: for tests, and for a
// program that watches by itself. Processes that look at the same time do no harm: one of them finds
// that another was faster, and leaves it at that.
func (a *Alerts) Look(ctx context.Context) error {
	r, err := a.readDuty(ctx)
	if err != nil {
		return fmt.Errorf("alert: %w", err)
	}
	if _, err = a.lookAs(ctx, r.Value.Watcher, r); err != nil {
		return fmt.Errorf("alert: %w", err)
	}
	return nil
}

// lookAs looks as a watcher, if nobody was faster since the duty was read.
func (a *Alerts) lookAs(ctx context.Context, name string, r record.Record[duty]) (looked bool, err error) {
	r.Value.Watcher = name
	if err := a.duty.Swap(ctx, &r); err != nil {
		return false, stale(err)
	}
	rules, err := a.Rules(ctx)
	if err != nil {
		return false, err
	}
	s := &sight{
		alerts: a, by: operate.As(a.app, who), now: r.At, // the store's clock
		errors: map[string][]operate.ErrorGroup{}, stats: map[time.Duration]map[string]operate.StatsStep{},
	}
	byName := map[string]*Rule{}
	found := map[string][]finding{}
	var errs []error
	for i := range rules {
		rule := &rules[i].Rule
		byName[rule.Name] = rule
		if rule.Off {
			continue
		}
		findings, err := s.find(ctx, rule)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found[rule.Name] = append([]finding{}, findings...) // not nil: it was looked at
	}
	errs = append(errs, a.settle(ctx, byName, found, s.now))
	return true, errors.Join(errs...)
}

// A KnownRule is a rule as it holds now.
type KnownRule struct {
	Rule
	InCode  bool      // this program has a rule of the name
	Changed time.Time // when it was made or changed while programs ran; zero: it is as in the code
}

// Rules returns all rules, by name: those of this program's code, and those made or changed by Set.
func (a *Alerts) Rules(ctx context.Context) ([]KnownRule, error) {
	kept, err := a.rules.List(ctx, "")
	if err != nil {
		return nil, err
	}
	var all []KnownRule
	for _, r := range kept {
		inCode := slices.ContainsFunc(a.kit.rules, func(c Rule) bool { return c.Name == r.Value.Name })
		all = append(all, KnownRule{r.Value, inCode, r.At})
	}
	for _, c := range a.kit.rules {
		if !slices.ContainsFunc(all, func(r KnownRule) bool { return r.Name == c.Name }) {
			all = append(all, KnownRule{Rule: c, InCode: true})
		}
	}
	slices.SortFunc(all, func(x, y KnownRule) int { return strings.Compare(x.Name, y.Name) })
	return all, nil
}

// mostRules is how many rules can be made beside those in code.
const mostRules = 200

// Set makes a rule, or changes the one of its name, that of the code too, from the next look on.
// It is kept in the database, for all processes.
func (a *Alerts) Set(ctx context.Context, r Rule) error {
	if err := a.kit.checkRule(&r); err != nil {
		return err
	}
	all, err := a.rules.List(ctx, "")
	if err != nil {
		return err
	}
	if len(all) >= mostRules && !slices.ContainsFunc(all, func(k record.Record[Rule]) bool { return k.Key == r.Name }) {
		return r.refuse("Name", r.Name, fmt.Sprintf("at most %d rules: remove some", mostRules))
	}
	_, err = a.rules.Put(ctx, r.Name, r)
	return err
}

// Switch switches a rule off or on again. What it has told is over then.
func (a *Alerts) Switch(ctx context.Context, name string, on bool) error {
	all, err := a.Rules(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Name == name {
			r.Off = !on
			_, err := a.rules.Put(ctx, name, r.Rule)
			return err
		}
	}
	return fmt.Errorf("alert: rule %q: %w", name, offload.ErrNotFound)
}

// Remove takes away what Set and Switch have kept of a rule: one of the code is as in the code again.
func (a *Alerts) Remove(ctx context.Context, name string) error {
	if !isName(name) {
		return refuse("name", name, nameWant)
	}
	return a.rules.Delete(ctx, name)
}
