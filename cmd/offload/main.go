// Offload is the command: a worker for jobs of any language, and all that people need who
// look after jobs from a shell. `offload help` lists what it does.
//
// This file is the table of commands; each has a file of its own.
package main

import (
	"context"
	"os"
	"strings"
	_ "time/tzdata" // zones of schedules, on machines that have none

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

func main() {
	if asVetTool(os.Args[1:]) {
		runVetTool()
	}
	s := newSession(os.Stdin, os.Stdout, os.Stderr)
	err := newRoot(s).ExecuteContext(context.Background())
	os.Exit(s.finish(err))
}

func newRoot(s *session) *cobra.Command {
	root := s.group(&cobra.Command{
		Use:   "offload",
		Short: "Background jobs: run them, enqueue them, look after them",
		Long: `offload runs work in the background: durably, with retries, by time and by priority.

The database is --db, else $OFFLOAD_DB, else offload.db: the path of a SQLite file,
or postgres://user@host/database.

Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 a job, queue, schedule, limit,
error or process that was named is not there, 4 not ended yet within --timeout.`,
		Example: `  offload demo --once
  offload work &
  offload enqueue command '{"argv":["date"]}' --wait
  offload jobs --state discarded --since 1d`,
		Version: offload.Version,
	})
	root.PersistentFlags().StringVar(&s.given, "db", "", "database: a path or postgres://… (default $OFFLOAD_DB, else offload.db)")
	root.SetVersionTemplate("offload {{.Version}}\n")
	// A group can be run, to say what is wrong, but that is no usage of it.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}", 1))
	cobra.EnableCommandSorting = false // the table's order

	for _, part := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Run:", []*cobra.Command{newDemo(s), newWork(s), newDashboard(s), newEnqueue(s)}},
		{"Jobs:", []*cobra.Command{newJobs(s), newJob(s), newErrors(s), newError(s), newBatches(s), newFlow(s)}},
		{"Look after it:", []*cobra.Command{
			newQueues(s), newQueue(s), newTasks(s), newTask(s), newSchedules(s), newSchedule(s), newLimits(s), newLimit(s),
			newInbox(s), newKeys(s), newProcesses(s), newProcess(s), newStats(s), newTop(s),
		}},
		{"The database:", []*cobra.Command{newMigrate(s), newBackup(s), newAdopt(s), newCopy(s), newDoctor(s), newAudit(s), newPrune(s), newBench(s)}},
		{"Your program:", []*cobra.Command{newVet(s)}},
	} {
		root.AddGroup(&cobra.Group{ID: part.title, Title: part.title})
		for _, c := range part.commands {
			c.GroupID = part.title
			root.AddCommand(c)
		}
	}
	return root
}
