package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// A jobAct is a verb that is done to jobs, by id or by filter.
type jobAct struct {
	use, past, short, long string
	some                   func(o *operate.Operator, ctx context.Context, ids ...offload.ID) error
	all                    func(o *operate.Operator, ctx context.Context, f offload.Filter) (*offload.Job, error)
}

var jobActs = []jobAct{
	{
		"cancel", "cancelled", "End jobs for good",
		"A running job has its context ended within a second, in whatever process, and ends when its\nhandler returns.",
		(*operate.Operator).Cancel, (*operate.Operator).CancelAll,
	},
	{
		"retry", "retried", "Run discarded, cancelled or expired jobs again",
		"They get new attempts. A job that waits for a retry runs at once; one that is running or\ncompleted is refused.",
		(*operate.Operator).Retry, (*operate.Operator).RetryAll,
	},
	{
		"run-now", "made due", "Make jobs that wait for their time due at once",
		"They come before what else is due with their priority. A job that has ended is refused.",
		(*operate.Operator).RunNow, (*operate.Operator).RunNowAll,
	},
	{
		"delete", "deleted", "Remove jobs with all that is known of them",
		"A running job is refused. By filter it begins after a minute: cancelling the job that does it\nis undoing it.",
		(*operate.Operator).Delete, (*operate.Operator).DeleteAll,
	},
	eraseAct, reencryptAct,
}

func newJobActs(s *session) []*cobra.Command {
	var commands []*cobra.Command
	for _, act := range jobActs {
		m := &many{session: s, verb: act.use}
		cmd := &cobra.Command{
			Use:   act.use + " ID… | --all-matching FLAGS",
			Short: act.short,
			Long:  act.short + ".\n\n" + act.long + "\n\n" + manyLong,
			Example: fmt.Sprintf(`  offload job %[1]s 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e
  offload job %[1]s --all-matching --task http --search 'connection refused' --wait`, act.use),
		}
		m.flags(cmd, "queue")
		cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return m.run(ctx, args, func(o *operate.Operator, ids []offload.ID) error {
				if err := act.some(o, ctx, ids...); err != nil {
					return err
				}
				_, err := fmt.Fprintf(s.out, "%s: %s\n", act.past, jobCount(len(ids)))
				return err
			}, func(o *operate.Operator, f offload.Filter) (*offload.Job, error) { return act.all(o, ctx, f) })
		})
		commands = append(commands, cmd)
	}
	return commands
}

const manyLong = `With --all-matching it is done to all jobs that the flags select, those of offload jobs. A
job of offload's own does it in any process that works jobs: its id is printed, offload job
show shows how far it is, and offload job cancel ends it. --wait waits for it.`

// many is a call of a verb that takes ids or a filter.
type many struct {
	*session
	verb       string
	filter     filter
	matching   bool
	everything bool
	wait       bool
}

func (m *many) flags(cmd *cobra.Command, queueFlag string) {
	m.filter.flags(cmd, queueFlag)
	cmd.Flags().BoolVar(&m.matching, "all-matching", false, "act on all jobs that the flags select, instead of ids")
	cmd.Flags().BoolVar(&m.everything, "everything", false, "with --all-matching and no other flag: really all jobs")
	cmd.Flags().BoolVar(&m.wait, "wait", false, "with --all-matching: wait until it is done")
}

// run does some to the jobs with the ids given, or all to those of the filter.
func (m *many) run(ctx context.Context, args []string,
	some func(*operate.Operator, []offload.ID) error, all func(*operate.Operator, offload.Filter) (*offload.Job, error),
) error {
	ids, err := parseIDs(args)
	if err != nil {
		return err
	}
	selected, err := m.filter.filter()
	if err != nil {
		return err
	}
	selected.All = m.everything
	switch {
	case m.matching && len(ids) > 0:
		return wrong("ids and --all-matching exclude each other")
	case m.matching && m.filter.empty() && !m.everything:
		return wrong("--all-matching with no flag that selects jobs; give one, such as --state or --queue, or --everything if all jobs are meant")
	case !m.matching && !m.filter.empty():
		return wrong("flags that select jobs need --all-matching")
	case !m.matching && len(ids) == 0:
		return wrong("no job is named; want `offload job %s ID…`, or --all-matching with flags that select jobs", m.verb)
	}
	app, err := m.open(ctx, kits()...) // which check the input of an edit
	if err != nil {
		return err
	}
	operator := operate.As(app, who())
	if !m.matching {
		return errors.Join(some(operator, ids), app.Close())
	}
	return errors.Join(m.all(ctx, app, operator, selected, all), app.Close())
}

// all starts the job that acts on many, and waits for it if that is asked for.
func (m *many) all(ctx context.Context, app *offload.App, o *operate.Operator, selected offload.Filter,
	all func(*operate.Operator, offload.Filter) (*offload.Job, error),
) error {
	job, err := all(o, selected)
	if err != nil {
		return err
	}
	fmt.Fprintln(m.out, job.ID)
	if err := m.out.Flush(); err != nil {
		return err
	}
	processes, err := o.Processes(ctx)
	switch {
	case err != nil:
		return err
	case len(processes) == 0:
		m.note("offload: no process works jobs now; it begins when one does: `offload work`, or your program")
	case job.State == offload.Scheduled:
		m.note("offload: it begins at %s; `offload job cancel %s` undoes it until then", when(job.RunAt), job.ID)
	}
	if !m.wait {
		return nil
	}
	return m.follow(ctx, app, job.ID)
}

// follow waits for a job and shows how far it is.
func (m *many) follow(ctx context.Context, app *offload.App, id offload.ID) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	shown := make(chan struct{})
	showing, shut := context.WithCancel(ctx)
	go func() {
		defer close(shown)
		m.showProgress(showing, app, id)
	}()
	job, err := app.Wait(ctx, id)
	shut()
	<-shown
	m.progress("")
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("not waited for: it goes on; `offload job cancel %s` ends it", id)
	case err != nil:
		return err
	case job.Progress != nil:
		m.note("%s", clean(job.Progress.Note))
	}
	return nil
}

func (m *many) showProgress(ctx context.Context, app *offload.App, id offload.ID) {
	tick := time.NewTicker(time.Second / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		job, err := app.Job(ctx, id)
		if err != nil || !m.live {
			continue // Wait tells
		}
		text := stateOf(job)
		if job.Progress != nil {
			text += ": " + job.Progress.Note
		}
		m.progress("%s", text)
	}
}

func jobCount(n int) string {
	if n == 1 {
		return "1 job"
	}
	return fmt.Sprintf("%d jobs", n)
}
