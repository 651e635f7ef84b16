package httpcall

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// Rate lets the jobs for a host start so many times within per, evenly but for a tenth of them at
// once after a pause, over all processes: an offload.Limit, named "http/" and the host, that a job is put under when it is enqueued by an app
// that has this kit. A job that waits for it holds no worker. A host is meant at all ports, or with
// one given at that. All programs must say the same.
//
// What no app with the kit enqueues (jobs of schedules, of batches and chains, of the table inbox)
// is put under it by HostRate.
func Rate(host string, starts int, per time.Duration) Option {
	return func(c *config) {
		if c.rates == nil {
			c.rates = map[string]offload.Limit{}
		}
		c.rates[strings.ToLower(host)] = HostRate(host, starts, per)
	}
}

// HostRate is the limit that Rate puts jobs under, to be given where one is enqueued.
func HostRate(host string, starts int, per time.Duration) offload.Limit {
	return offload.Limit{Name: ratePrefix + limitName(strings.ToLower(host)), Max: starts, Per: per, Burst: max(starts/10, 1)}
}

// ratePrefix is what names of rates begin with.
const ratePrefix = "http/"

// limitName is a host as names of limits may be: an IPv6 address without its brackets.
func limitName(host string) string { return strings.NewReplacer("[", "", "]", "").Replace(host) }

// limited puts calls under the rates of their hosts.
func (c *config) limited(ctx context.Context, calls []*offload.Call, next func(context.Context, []*offload.Call) ([]*offload.Job, error)) ([]*offload.Job, error) {
	changed := make([]*offload.Call, len(calls))
	for i, call := range calls {
		changed[i] = call
		if call == nil || call.Task() != Call.Name() {
			continue
		}
		var in struct {
			URL string `json:"url"`
		}
		if json.Unmarshal(call.Input(), &in) != nil {
			continue // refused by who takes it
		}
		u, err := url.Parse(in.URL)
		if err != nil {
			continue
		}
		for _, name := range []string{hostOf(u), strings.ToLower(u.Hostname())} {
			if limit, ok := c.rates[name]; ok {
				changed[i] = call.With(limit)
				break
			}
		}
	}
	return next(ctx, changed)
}
