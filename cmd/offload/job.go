package main

import "github.com/spf13/cobra"

func newJob(s *session) *cobra.Command {
	return s.group(&cobra.Command{
		Use:   "job",
		Short: "Show jobs, and act on them",
		Example: `  offload job show 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e
  offload job retry --all-matching --state discarded --task http --wait`,
	}, append(newJobActs(s), newJobShow(s), newJobWhy(s), newJobLogs(s), newJobWait(s), newJobEdit(s))...)
}
