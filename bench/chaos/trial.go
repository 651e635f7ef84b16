package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Trial is one way of doing harm, and what must hold all the same.
type Trial struct {
	Name  string // in words with hyphens: "kill-loop"
	About string // what happens, in one line

	Stores []string      // kinds of stores that it is for; none is both
	Short  time.Duration // how long harm is done in go test
	Long   time.Duration // how long in make chaos
	Quiet  bool          // in go test it runs alone, since it needs the whole machine
	Rooted bool          // it needs root: only this program runs it, never go test

	// Needs says what this machine lacks for the trial, and how to get it; "" is nothing. Nil
	// needs nothing beside the store.
	Needs func(kind string) string

	// Open makes the database, instead of the usual one. Such a trial cannot be run on a
	// database of somebody else's.
	Open func(s *Stage) *Database

	Tasks []Task          // beside "sleep", for workers and enqueuers
	Roles map[string]Role // beside "worker" and "enqueuer"

	Run func(s *Stage)
}

// trials are all trials.
var trials []Trial

// register makes a trial known. It is for init functions.
func register(t Trial) {
	if t.Name == "" || t.Run == nil || t.Short <= 0 || t.Long < t.Short {
		panic(fmt.Sprintf("trial %q: want a name, Run, and Long at least as long as Short", t.Name))
	}
	trials = append(trials, t)
}

// allTrials returns all trials by name.
func allTrials() []Trial {
	all := slices.Clone(trials)
	slices.SortFunc(all, func(a, b Trial) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// chosen returns the trials of some names, all without a name.
func chosen(names []string) ([]Trial, error) {
	all := allTrials()
	if len(names) == 0 {
		return all, nil
	}
	var some []Trial
	for _, name := range names {
		i := slices.IndexFunc(all, func(t Trial) bool { return t.Name == name })
		if i < 0 {
			var known []string
			for _, t := range all {
				known = append(known, t.Name)
			}
			return nil, fmt.Errorf("trial %q is none; want one of %s", name, strings.Join(known, ", "))
		}
		some = append(some, all[i])
	}
	return some, nil
}

// on reports whether the trial is for a kind of store.
func (t *Trial) on(kind string) bool {
	return len(t.Stores) == 0 || slices.Contains(t.Stores, kind)
}

// lacks says what this machine lacks for the trial, "" for nothing.
func (t *Trial) lacks(kind string) string {
	if t.Needs == nil {
		return ""
	}
	return t.Needs(kind)
}
