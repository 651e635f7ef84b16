package httpcall

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/reply"
	"github.com/offloadhq/offload/record"
)

// Breaker opens the circuit of a host for all processes when so many requests to it have failed,
// in one process within a time and without one that succeeded between them: for open, and longer
// each time that the one request that tries it then fails too, up to 16 times as long. A failure
// is a network error, a timeout, or a status of 5xx. While it is open, jobs for the host wait
// without using up attempts; why, their log and their progress say. The default is 10 failures
// within a minute and 30 seconds; 0 failures, or no time that it is open,
// switches it off.
func Breaker(failures int, within, open time.Duration) Option {
	return func(c *config) { c.failures, c.within, c.open = failures, within, open }
}

// Of a host that fails two records are kept, both by the clock of the store. "http.circuit" is
// there from its opening until a request has succeeded. "http.circuit.wait" is there while nobody
// may try: it ends by itself, and whoever then makes it anew is the one who tries. So a process
// that dies while it tries blocks nobody for long.
type (
	opened struct {
		Times int       `json:"times"`          // that it was opened, since it was closed
		Error string    `json:"error"`          // of the request that opened it
		Since time.Time `json:"since,omitzero"` // when it was opened first; of one that was opened once it is the record's own time
	}
	wait struct {
		Probing bool `json:"probing,omitempty"`
	}
)

const (
	openedKind = "http.circuit"
	waitKind   = "http.circuit.wait"

	circuitFresh = 2 * time.Second // how long what was read is good for
	circuitKept  = 24 * time.Hour  // a host that nobody has asked for that long is as new
	probeTime    = 2 * time.Minute // how long one who tries is waited for
	mostHosts    = 10_000          // remembered in a process
)

// circuits are those of an app's hosts. A request to a host that is well costs a look at a map,
// and every two seconds a round trip for all of the host's.
type circuits struct {
	config config
	opened *record.Kind[opened]
	waits  *record.Kind[wait]

	mu    sync.Mutex
	hosts map[string]*host
}

// A host is what this process knows of one.
type host struct {
	read     time.Time // when, zero: not yet
	open     bool
	failures int
	first    time.Time // of these failures
}

func newCircuits(c config, app *offload.App) *circuits {
	return &circuits{
		config: c, hosts: map[string]*host{},
		opened: record.Of[opened](app, openedKind), waits: record.Of[wait](app, waitKind),
	}
}

func hostOf(u *url.URL) string { return strings.ToLower(u.Hostname()) + ":" + portOf(u) }

// of returns a host for a look at it or a change of it, in f.
func (c *circuits) of(name string, f func(h *host)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[name]
	if h == nil {
		if len(c.hosts) >= mostHosts {
			clear(c.hosts)
		}
		h = &host{}
		c.hosts[name] = h
	}
	f(h)
}

// enter says whether a request to the host may be made. If not, the error puts the job off. If
// probes is set, it is the one that tries whether the host is well again.
func (c *circuits) enter(ctx context.Context, name string) (probes bool, err error) {
	stale, open := false, false
	c.of(name, func(h *host) {
		stale, open = time.Since(h.read) >= circuitFresh, h.open
		if stale {
			h.read = time.Now() // one reads, the others go by what was known
		}
	})
	if stale {
		_, err := c.opened.Get(ctx, name)
		if err != nil && !errors.Is(err, offload.ErrNotFound) {
			c.of(name, func(h *host) { h.read = time.Time{} })
			return false, err
		}
		open = err == nil
		c.of(name, func(h *host) { h.open = open })
	}
	if !open {
		return false, nil
	}
	try := record.Record[wait]{Key: name, Value: wait{Probing: true}}
	err = c.waits.Swap(ctx, &try, record.Expire(probeTime))
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, record.ErrStale) {
		return false, err
	}
	left := min(c.config.open, 5*time.Second) // as long as one tries
	if r, err := c.waits.Get(ctx, name); err == nil && !r.Value.Probing {
		left = min(max(time.Until(r.Expires), left), r.Expires.Sub(r.At)) // whatever our clock says
	}
	left += rand.N(left/5 + time.Second)
	offload.Progress(ctx, 0, 0, fmt.Sprintf("the circuit of %s is open: waits %s", name, left.Round(time.Second)))
	offload.Logger(ctx).Warn("circuit is open", "host", name, "wait", left)
	return false, offload.Snooze(left)
}

// left is told how the request went: nil is that the host is well.
func (c *circuits) left(ctx context.Context, name string, probes bool, failure error) error {
	// The attempt may be over, and its host failing just for that.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if failure == nil {
		c.of(name, func(h *host) { h.failures = 0 })
		if !probes {
			return nil
		}
		return c.close(ctx, name)
	}
	enough := false
	c.of(name, func(h *host) {
		if now := time.Now(); h.failures == 0 || now.Sub(h.first) > c.config.within {
			h.failures, h.first = 0, now
		}
		if h.failures++; h.failures >= c.config.failures {
			h.failures, enough = 0, true
		}
	})
	if !probes && !enough {
		return nil
	}
	return c.openFor(ctx, name, probes, enough, failure)
}

// openFor opens the circuit, for longer when it was open before: after the failure of one who tried, or after enough of them.
func (c *circuits) openFor(ctx context.Context, name string, probed, enough bool, failure error) error {
	r, err := c.opened.Get(ctx, name)
	if err != nil && !errors.Is(err, offload.ErrNotFound) {
		return err
	}
	switch {
	case err == nil && !probed:
		return nil // another was faster
	case err != nil && !enough:
		return nil // it was closed by hand while one tried, whose failure is one as others are
	}
	since := r.Value.Since
	if since.IsZero() {
		since = r.At
	}
	r = record.Record[opened]{Key: name, Version: r.Version, Value: opened{r.Value.Times + 1, reply.Text([]byte(failure.Error()), mostInError), since}}
	// First the wait, then what makes others look at it: between the two nobody may try.
	open := c.config.open << min(r.Value.Times-1, 4)
	if _, err := c.waits.Put(ctx, name, wait{}, record.Expire(open)); err != nil {
		return err
	}
	if err := c.opened.Swap(ctx, &r, record.Expire(circuitKept)); err != nil && !errors.Is(err, record.ErrStale) {
		return err
	}
	c.of(name, func(h *host) { h.open, h.read = true, time.Now() })
	offload.Logger(ctx).Warn("circuit opened", "host", name, "for", open)
	return nil
}

func (c *circuits) close(ctx context.Context, name string) error {
	if err := closeCircuit(ctx, c.opened, c.waits, name); err != nil {
		return err
	}
	c.of(name, func(h *host) { h.open, h.read = false, time.Now() })
	offload.Logger(ctx).Info("circuit closed", "host", name)
	return nil
}

// closeCircuit closes one for all processes, which see it within two seconds. Between the two deletions it is closed already.
func closeCircuit(ctx context.Context, open *record.Kind[opened], waits *record.Kind[wait], name string) error {
	if err := open.Delete(ctx, name); err != nil {
		return err
	}
	return waits.Delete(ctx, name)
}
