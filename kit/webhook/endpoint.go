package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/safedial"
	"github.com/offloadhq/offload/record"
)

// An Endpoint is where a subscriber wants events to be sent.
type Endpoint struct {
	ID      string    `json:"id"`                // Owner, a slash and something of its own; made by Add
	Owner   string    `json:"owner,omitempty"`   // whose events it gets: a tenant; "" those without an owner
	URL     string    `json:"url"`               // absolute, https or http
	Types   []string  `json:"types,omitempty"`   // "order.paid", "order.*"; all if empty
	Ordered bool      `json:"ordered,omitempty"` // deliveries go one after another
	Keys    []Key     `json:"keys"`              // the newest first; Add makes one if there is none
	Created time.Time `json:"created"`

	Disabled   string    `json:"disabled,omitempty"` // why; "": it is not
	DisabledAt time.Time `json:"disabled_at,omitzero"`
}

// shown is an endpoint's URL as anybody may see it.
func (e *Endpoint) shown() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return "(no URL)"
	}
	plain := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return plain.String()
}

// wants reports whether events of a type go to the endpoint.
func (e *Endpoint) wants(kind string) bool {
	return len(e.Types) == 0 || slices.ContainsFunc(e.Types, func(filter string) bool {
		prefix, open := strings.CutSuffix(filter, "*")
		return filter == kind || open && strings.HasPrefix(kind, prefix)
	})
}

const (
	mostTypes = 100
	mostKeys  = 8
)

// check returns the first value of an endpoint that is wrong, as an *offload.InputError.
func (c *config) check(e *Endpoint) error {
	if err := c.checkURL(e.URL); err != nil {
		return err
	}
	if strings.Contains(e.Owner, "/") || len(e.Owner) > 200 || !plainText(e.Owner) {
		return refuse("owner", e.Owner, "up to 200 bytes of text without / and control characters")
	}
	if len(e.Types) > mostTypes {
		return refuse("types", fmt.Sprintf("%d types", len(e.Types)), fmt.Sprintf("at most %d", mostTypes))
	}
	for i, filter := range e.Types {
		if name := strings.TrimSuffix(filter, "*"); filter != "*" && (!isType(strings.TrimSuffix(name, ".")) || name != filter && !strings.HasSuffix(name, ".")) {
			return refuse(fmt.Sprintf("types[%d]", i), filter, `a type such as "order.paid", or "order.*"`)
		}
	}
	if len(e.Keys) == 0 || len(e.Keys) > mostKeys {
		return refuse("keys", fmt.Sprintf("%d keys", len(e.Keys)), fmt.Sprintf("1 to %d", mostKeys))
	}
	for i, k := range e.Keys {
		if _, err := k.Secret.parse(); err != nil {
			return refuse(fmt.Sprintf("keys[%d].secret", i), k.Secret, wantSecret)
		}
	}
	return nil
}

var errNoURL = errors.New("not such a text") // stands for one that may hold a secret

// checkURL is asked when an endpoint is kept and before each attempt. What a name stands for
// is seen when it is dialled.
func (c *config) checkURL(given string) error {
	const want = `an absolute URL such as "https://host/path"`
	u, err := url.Parse(given)
	switch {
	case err != nil || len(given) > 4<<10:
		return refuse("url", errNoURL, want)
	case u.Scheme != "https" && u.Scheme != "http":
		return refuse("url", errors.New("not of the scheme https or http"), want)
	case u.Hostname() == "":
		return refuse("url", errors.New("without a host"), want)
	case u.User != nil:
		return refuse("url", errors.New("with a user"), "one without: messages are signed")
	case u.Fragment != "":
		return refuse("url", errors.New("with a fragment"), "one without")
	}
	port := uint16(443)
	if u.Scheme == "http" {
		port = 80
	}
	if text := u.Port(); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return refuse("url", errors.New("with port "+text), "a port from 1 to 65535")
		}
		port = uint16(n)
	}
	if len(c.ports) > 0 && !slices.Contains(c.ports, port) {
		return refuse("url", fmt.Errorf("with port %d", port), fmt.Sprintf("a port of %v", c.ports))
	}
	host := u.Hostname()
	if low := strings.TrimSuffix(strings.ToLower(host), "."); low == "localhost" || strings.HasSuffix(low, ".localhost") {
		host = "127.0.0.1" // RFC 6761: it stands for nothing else
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		var at *safedial.AddrError
		if errors.As(c.guard.Check(addr), &at) {
			return refuse("url", fmt.Errorf("at %s, which is %s", at.Addr, at.Is), "an address of the public internet")
		}
	}
	return nil
}

// Hooks are the endpoints of an app. It is safe for concurrent use.
type Hooks struct {
	kit     *Kit
	app     *offload.App
	records *record.Kind[Endpoint]
	failing *record.Kind[failing]

	mu      sync.Mutex
	byOwner map[string]known
}

// known is what was read of an owner's endpoints.
type known struct {
	endpoints []Endpoint
	failing   map[string]bool
	read      time.Time
}

const (
	fresh      = time.Second // how long what was read is good for
	mostOwners = 10_000      // remembered
)

func newHooks(k *Kit, app *offload.App) *Hooks {
	return &Hooks{
		kit: k, app: app, byOwner: map[string]known{},
		records: record.Encrypted[Endpoint](app, "webhook.endpoint"), failing: record.Of[failing](app, "webhook.failing"),
	}
}

// Add keeps a new endpoint and returns it with its ID and, if it had none, its key. Other
// processes publish to it within a second.
func (h *Hooks) Add(ctx context.Context, e Endpoint) (Endpoint, error) {
	e.ID, e.Created, e.Disabled, e.DisabledAt = e.Owner+"/"+offload.NewID().String(), time.Now(), "", time.Time{}
	if len(e.Keys) == 0 {
		e.Keys = []Key{{Secret: NewSecret()}}
	}
	if err := h.kit.config.check(&e); err != nil {
		return Endpoint{}, err
	}
	if err := h.records.Swap(ctx, &record.Record[Endpoint]{Key: e.ID, Value: e}); err != nil {
		return Endpoint{}, err
	}
	h.forget(e.Owner)
	return e, nil
}

// Get returns an endpoint, or offload.ErrNotFound.
func (h *Hooks) Get(ctx context.Context, id string) (Endpoint, error) {
	r, err := h.records.Get(ctx, id)
	return r.Value, err
}

// List returns the endpoints of an owner, oldest first.
func (h *Hooks) List(ctx context.Context, owner string) ([]Endpoint, error) {
	return valuesOf(h.records.List(ctx, owner+"/"))
}

// All returns the endpoints of all owners.
func (h *Hooks) All(ctx context.Context) ([]Endpoint, error) {
	return valuesOf(h.records.List(ctx, ""))
}

func valuesOf(records []record.Record[Endpoint], err error) ([]Endpoint, error) {
	all := make([]Endpoint, len(records))
	for i, r := range records {
		all[i] = r.Value
	}
	return all, err
}

// Change changes an endpoint by f, which may be called more than once, and returns what it is
// now. ID, Owner and Created stay.
func (h *Hooks) Change(ctx context.Context, id string, f func(e *Endpoint)) (Endpoint, error) {
	for {
		r, err := h.records.Get(ctx, id)
		if err != nil {
			return Endpoint{}, err
		}
		e := r.Value
		e.Types, e.Keys = slices.Clone(e.Types), slices.Clone(e.Keys)
		f(&e)
		e.ID, e.Owner, e.Created = r.Value.ID, r.Value.Owner, r.Value.Created
		if err := h.kit.config.check(&e); err != nil {
			return Endpoint{}, err
		}
		r.Value = e
		switch err := h.records.Swap(ctx, &r); {
		case errors.Is(err, record.ErrStale):
			continue
		case err != nil:
			return Endpoint{}, err
		}
		h.forget(e.Owner)
		return e, nil
	}
}

// Rotate gives an endpoint a new key. For the time of overlap messages carry a signature of
// every older key too, so that the subscriber can change over without losing one.
func (h *Hooks) Rotate(ctx context.Context, id string, to Secret, overlap time.Duration) (Endpoint, error) {
	now := time.Now()
	return h.Change(ctx, id, func(e *Endpoint) {
		keys := []Key{{Secret: to}}
		for _, k := range e.Keys {
			if end := now.Add(overlap); k.Until.IsZero() || k.Until.After(end) {
				k.Until = end
			}
			if k.Until.After(now) && k.Secret != to {
				keys = append(keys, k)
			}
		}
		e.Keys = keys
	})
}

// Disable stops deliveries to an endpoint: no new ones are made, and those that wait are
// cancelled when they are due. It tells nobody.
func (h *Hooks) Disable(ctx context.Context, id, why string) error {
	if why == "" {
		why = "by hand"
	}
	_, err := h.Change(ctx, id, func(e *Endpoint) {
		if e.Disabled == "" {
			e.Disabled, e.DisabledAt = why, time.Now()
		}
	})
	return err
}

// Enable lets an endpoint have events again, from now on.
func (h *Hooks) Enable(ctx context.Context, id string) error {
	if err := h.failing.Delete(ctx, id); err != nil {
		return err
	}
	_, err := h.Change(ctx, id, func(e *Endpoint) { e.Disabled, e.DisabledAt = "", time.Time{} })
	return err
}

// Remove forgets an endpoint. Deliveries to it that wait are cancelled when they are due.
func (h *Hooks) Remove(ctx context.Context, id string) error {
	if err := h.records.Delete(ctx, id); err != nil {
		return err
	}
	owner, _, _ := strings.Cut(id, "/")
	h.forget(owner)
	return h.failing.Delete(ctx, id)
}

func (h *Hooks) forget(owner string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.byOwner, owner)
}

// of returns what is known of an owner's endpoints, at most a second old: a delivery costs no
// round trip for it.
func (h *Hooks) of(ctx context.Context, owner string) (known, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if k, ok := h.byOwner[owner]; ok && time.Since(k.read) < fresh {
		return k, nil
	}
	k := known{read: time.Now(), failing: map[string]bool{}}
	var err error
	if k.endpoints, err = h.List(ctx, owner); err != nil {
		return k, err
	}
	failures, err := h.failing.List(ctx, owner+"/")
	if err != nil {
		return k, err
	}
	for _, f := range failures {
		k.failing[f.Key] = true
	}
	if len(h.byOwner) >= mostOwners {
		clear(h.byOwner)
	}
	h.byOwner[owner] = k
	return k, nil
}

func (k *known) endpoint(id string) *Endpoint {
	for i := range k.endpoints {
		if k.endpoints[i].ID == id {
			return &k.endpoints[i]
		}
	}
	return nil
}

func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// isType reports whether s is the type of an event: words of letters, digits, _ and -, with
// dots between them.
func isType(s string) bool {
	for word := range strings.SplitSeq(s, ".") {
		if !isWord(word) {
			return false
		}
	}
	return len(s) <= 200
}

func isWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
	})
}
