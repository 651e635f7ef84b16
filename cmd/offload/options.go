package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
)

// jobFlags are the flags that shape a job, or those of a schedule; what is not given is left to
// the task.
type jobFlags struct {
	queue              string
	priority, attempts int
	tags               []string
	unique             string
	uniqueFor          durationFlag
	limits, rates      []string
	fair               string
	expires            durationFlag
}

func (f *jobFlags) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.queue, "queue", "", "queue (default: the task's)")
	flags.IntVar(&f.priority, "priority", 5, "0 (first) to 9 (last)")
	flags.IntVar(&f.attempts, "max-attempts", 25, "how often it may fail")
	flags.StringArrayVar(&f.tags, "tag", nil, "mark the job, to find it by: NAME=VALUE; may be repeated")
	flags.StringVar(&f.unique, "unique", "", "no second job of the task with this key until it has ended")
	flags.Var(&f.uniqueFor, "unique-for", "with --unique: for so long instead, whatever becomes of the job")
	flags.StringArrayVar(&f.limits, "limit", nil, "at most N at once of the jobs under the limit: NAME=N; may be repeated")
	flags.StringArrayVar(&f.rates, "rate", nil, "at most N starts in a period: NAME=N/PERIOD, as in crm=100/1m, crm=5/s; may be repeated")
	flags.StringVar(&f.fair, "fair", "", "take turns with the other keys of the queue")
	flags.Var(&f.expires, "expires", "don't run it if it has not started so long after it was due")
}

// options returns what was given.
func (f *jobFlags) options(cmd *cobra.Command) ([]offload.EnqueueOption, error) {
	var opts []offload.EnqueueOption
	given := cmd.Flags().Changed
	if given("queue") {
		opts = append(opts, offload.Queue(f.queue))
	}
	if given("priority") {
		opts = append(opts, offload.Priority(f.priority))
	}
	if given("max-attempts") {
		opts = append(opts, offload.MaxAttempts(f.attempts))
	}
	for _, tag := range f.tags {
		name, value, found := strings.Cut(tag, "=")
		if !found {
			return nil, &offload.InputError{Field: "--tag", Got: tag, Want: "NAME=VALUE"}
		}
		opts = append(opts, offload.Tag(name, value))
	}
	terms, err := f.terms(given)
	return append(opts, terms...), err
}

// terms returns what says when the job may run.
func (f *jobFlags) terms(given func(flag string) bool) ([]offload.EnqueueOption, error) {
	var opts []offload.EnqueueOption
	switch {
	case given("unique") && f.unique == "":
		return nil, &offload.InputError{Field: "--unique", Got: "", Want: "a key"}
	case given("unique-for") && !given("unique"):
		return nil, wrong("--unique-for needs --unique KEY")
	case given("unique-for") && f.uniqueFor.Duration <= 0:
		return nil, &offload.InputError{Field: "--unique-for", Got: f.uniqueFor.Duration, Want: "more than 0"}
	case given("unique"):
		opts = append(opts, offload.Unique{Key: f.unique, For: f.uniqueFor.Duration})
	}
	for _, text := range f.limits {
		limit, err := parseLimit(text)
		if err != nil {
			return nil, err
		}
		opts = append(opts, limit)
	}
	for _, text := range f.rates {
		limit, err := parseRate(text)
		if err != nil {
			return nil, err
		}
		opts = append(opts, limit)
	}
	switch {
	case given("fair") && f.fair == "":
		return nil, &offload.InputError{Field: "--fair", Got: "", Want: "a key"}
	case given("fair"):
		opts = append(opts, offload.Fair{Key: f.fair})
	}
	if given("expires") {
		opts = append(opts, offload.Expire(f.expires.Duration))
	}
	return opts, nil
}

// parseLimit reads NAME=N.
func parseLimit(text string) (offload.Limit, error) {
	name, number, _ := strings.Cut(text, "=")
	n, err := strconv.Atoi(number)
	if err != nil || name == "" || n < 1 {
		return offload.Limit{}, &offload.InputError{Field: "--limit", Got: text, Want: "NAME=N, with N jobs at once, 1 or more"}
	}
	return offload.Limit{Name: name, Max: n}, nil
}

// parseRate reads NAME=N/PERIOD.
func parseRate(text string) (offload.Limit, error) {
	name, rate, _ := strings.Cut(text, "=")
	number, period, _ := strings.Cut(rate, "/")
	n, err := strconv.Atoi(number)
	per, ok := parsePeriod(period)
	if err != nil || name == "" || n < 1 || !ok {
		return offload.Limit{}, &offload.InputError{
			Field: "--rate", Got: text,
			Want: "NAME=N/PERIOD, with N starts, 1 or more, in a period such as s, min, h, 10s or 1m",
		}
	}
	return offload.Limit{Name: name, Max: n, Per: per}, nil
}

// parsePeriod reads a duration, or the name of one.
func parsePeriod(text string) (_ time.Duration, ok bool) {
	switch text {
	case "s", "sec", "second":
		return time.Second, true
	case "m", "min", "minute":
		return time.Minute, true
	case "h", "hour":
		return time.Hour, true
	case "d", "day":
		return 24 * time.Hour, true
	}
	d, err := parseDuration(text)
	return d, err == nil && d > 0
}
