package main

import (
	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
)

// afterFlags say what a job is after, and the batch that it is added to.
type afterFlags struct {
	after, end, failure, hold []string
	batch                     string
}

func (f *afterFlags) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.after, "after", nil, "run it once the job or batch with this id has completed, else cancel it; may be repeated")
	flags.StringSliceVar(&f.end, "after-end", nil, "run it once the job or batch has ended, however; may be repeated")
	flags.StringSliceVar(&f.failure, "after-failure", nil, "run it once one of these has failed for good; may be repeated")
	flags.StringSliceVar(&f.hold, "after-hold", nil, "as --after, but else it waits for a person; may be repeated")
	flags.StringVar(&f.batch, "in-batch", "", "add it to the open batch with this id")
}

// options returns what was given.
func (f *afterFlags) options() (opts []offload.EnqueueOption, err error) {
	for _, flag := range []struct {
		given  []string
		option func(...offload.ID) offload.EnqueueOption
	}{
		{f.after, offload.After[offload.ID]},
		{f.end, offload.AfterEnd[offload.ID]},
		{f.failure, offload.AfterFailure[offload.ID]},
		{f.hold, offload.AfterHold[offload.ID]},
	} {
		if len(flag.given) == 0 {
			continue
		}
		ids, err := parseIDs(flag.given)
		if err != nil {
			return nil, err
		}
		opts = append(opts, flag.option(ids...))
	}
	if f.batch != "" {
		id, err := parseID(f.batch)
		if err != nil {
			return nil, err
		}
		opts = append(opts, offload.InBatch(id))
	}
	return opts, nil
}
