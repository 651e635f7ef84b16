package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
)

// A filter is the flags that select jobs.
type filter struct {
	states, tasks, queues []string
	tag, search, process  string
	key, limit, schedule  string
	flow, batch, group    string
	since, until          timeFlag
	inputs                []string
	priorities            []int
}

// flags gives a command the flags. Where --queue means something else, it is called queueFlag, and
// --input and --priority begin as it does.
func (f *filter) flags(cmd *cobra.Command, queueFlag string) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.states, "state", nil, "jobs in this state: scheduled, available, blocked, running, retryable, completed, discarded, cancelled, expired; may be repeated")
	flags.StringSliceVar(&f.tasks, "task", nil, "jobs of this task; may be repeated")
	flags.StringSliceVar(&f.queues, queueFlag, nil, "jobs of this queue; may be repeated")
	flags.StringVar(&f.tag, "tag", "", "jobs with this tag: NAME or NAME=VALUE")
	flags.StringVar(&f.search, "search", "", "jobs whose last error holds this text")
	flags.StringVar(&f.process, "process", "", "jobs that run in the process with this id")
	flags.StringVar(&f.key, "key", "", "jobs with this key: of a limit, of turns, or as a unique job")
	flags.StringVar(&f.limit, "limit", "", "jobs under this limit")
	flags.StringVar(&f.schedule, "schedule", "", "jobs of this schedule")
	flags.StringVar(&f.flow, "flow", "", "jobs of the flow with this id")
	flags.StringVar(&f.batch, "batch", "", "members of the batch with this id")
	prefix := strings.TrimSuffix(queueFlag, "queue")
	flags.StringArrayVar(&f.inputs, prefix+"input", nil, "jobs whose input says so: PATH=VALUE, such as order.id=42, or =TEXT anywhere in it; all of several")
	flags.IntSliceVar(&f.priorities, prefix+"priority", nil, "jobs of this priority, 0 (first) to 9 (last); may be repeated")
	flags.StringVar(&f.group, "group", "", "jobs whose last failure is of this group, as offload errors lists it")
	f.since.ago, f.until.ago = true, true
	flags.Var(&f.since, "since", "created since: a time, or how long ago: 90m, 7d")
	flags.Var(&f.until, "until", "created before: a time, or how long ago")
	_ = cmd.RegisterFlagCompletionFunc("state", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, state := range store.States {
			names = append(names, string(state))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}) // fails only for a flag that is not there
}

// empty reports whether nothing was given.
func (f *filter) empty() bool {
	return len(f.inputs)+len(f.priorities) == 0 && len(f.states) == 0 && len(f.tasks) == 0 && len(f.queues) == 0 &&
		f.tag+f.search+f.process+f.key+f.limit+f.schedule+f.flow+f.batch+f.group == "" && f.since.IsZero() && f.until.IsZero()
}

// filter returns what the flags select.
func (f *filter) filter() (offload.Filter, error) {
	selected := offload.Filter{
		Tasks: f.tasks, Queues: f.queues, Tag: f.tag, Search: f.search, Key: f.key, Limit: f.limit, Schedule: f.schedule, Since: f.since.Time, Until: f.until.Time,
		Priorities: f.priorities, Group: f.group,
	}
	for _, text := range f.inputs {
		path, value, ok := strings.Cut(text, "=")
		if !ok {
			return selected, &offload.InputError{Field: "--input", Got: text, Want: "PATH=VALUE, or =TEXT"}
		}
		selected.Input = append(selected.Input, offload.Match{Path: path, Value: value})
	}
	for _, name := range f.states {
		state, err := parseState(name)
		if err != nil {
			return selected, err
		}
		selected.States = append(selected.States, state)
	}
	for _, of := range []struct {
		given string
		id    *offload.ID
	}{{f.process, &selected.Process}, {f.flow, &selected.Flow}, {f.batch, &selected.Batch}} {
		if of.given == "" {
			continue
		}
		id, err := parseID(of.given)
		if err != nil {
			return selected, err
		}
		*of.id = id
	}
	return selected, nil
}

func parseState(name string) (offload.State, error) {
	want := "one of "
	for i, state := range store.States {
		if string(state) == name {
			return state, nil
		}
		if i > 0 {
			want += ", "
		}
		want += string(state)
	}
	return "", &offload.InputError{Field: "--state", Got: name, Want: want}
}

func parseID(text string) (offload.ID, error) {
	id, err := offload.ParseID(text)
	if err != nil {
		return id, wrong("%v", err)
	}
	return id, nil
}

func parseIDs(texts []string) ([]offload.ID, error) {
	ids := make([]offload.ID, len(texts))
	for i, text := range texts {
		var err error
		if ids[i], err = parseID(text); err != nil {
			return nil, err
		}
	}
	return ids, nil
}
