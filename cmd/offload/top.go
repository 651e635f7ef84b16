package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

func newTop(s *session) *cobra.Command {
	once := false
	every := durationFlag{time.Second}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch queues, rates and running jobs",
		Long: `Top shows what waits and runs in each queue, how fast it is done, and the running jobs with their
progress, those that run longest first. It is drawn anew each second; q or Ctrl-C ends it.

DONE/S and FAIL/S are attempts in a second, completed and failed, over the last one to two
minutes. Counts are exact up to 1,000. With --once it prints one picture, without colours,
of all queues and the 20 jobs that run longest, for scripts: queues --json says more.`,
		Example: "  offload top\n  offload top --every 5s\n  offload top --once",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&once, "once", false, "print one picture and end")
	cmd.Flags().Var(&every, "every", "draw it so often, 200ms or more")
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		switch {
		case every.Duration < 200*time.Millisecond:
			return wrong("--every %s: want 200ms or more", lasting(every.Duration))
		case !once && (!s.inTerm || !s.outTerm):
			return wrong("top needs a terminal; --once prints one picture")
		}
		return s.with(cmd.Context(), func(app *offload.App) error {
			if once {
				p, err := s.picture(cmd.Context(), app)
				if err != nil {
					return err
				}
				_, err = s.out.WriteString(strings.Join(p.lines(topWidth, 0, 20), "\n") + "\n")
				return err
			}
			return s.watchTop(cmd.Context(), app, every.Duration)
		})
	})
	return cmd
}

// topWidth is how wide a picture is where there is no terminal.
const topWidth = 80

// A picture is what top shows.
type picture struct {
	address   string
	now       time.Time // by the store's clock
	queues    []operate.Queue
	rates     map[string]rates // by queue
	processes []operate.Process
	running   []*offload.Job // those that run longest first
	err       error          // why it is an old one
}

// rates are attempts in a second.
type rates struct{ done, failed float64 }

// picture reads what top shows.
func (s *session) picture(ctx context.Context, app *offload.App) (*picture, error) {
	o := operate.As(app, who())
	p := &picture{address: s.shown()}
	var err error
	if p.queues, err = o.Queues(ctx); err != nil {
		return nil, err
	}
	if p.processes, err = o.Processes(ctx); err != nil {
		return nil, err
	}
	if p.running, err = app.Jobs(ctx, offload.Filter{States: []offload.State{offload.Running}, Max: 1000}); err != nil {
		return nil, err
	}
	slices.SortStableFunc(p.running, func(a, b *offload.Job) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), a.ID.Compare(b.ID))
	})
	return p, p.measure(ctx, app)
}

// measure reads the rates.
func (p *picture) measure(ctx context.Context, app *offload.App) error {
	st, err := inside.Store(app)
	if err != nil {
		return err
	}
	if p.now, err = st.Now(ctx); err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	since := p.now.Truncate(time.Minute).Add(-time.Minute)
	figures, err := st.Figures(ctx, store.FigureQuery{Since: since, Until: p.now.Add(time.Minute), Step: time.Minute})
	if err != nil {
		return fmt.Errorf("read figures: %w", err)
	}
	p.rates = map[string]rates{}
	for i := range figures {
		r, n := p.rates[figures[i].Queue], float64(figures[i].Count)/p.now.Sub(since).Seconds()
		switch store.Outcome(figures[i].Outcome) {
		case store.OutcomeCompleted:
			r.done += n
		case store.OutcomeRetry, store.OutcomeDiscarded:
			r.failed += n
		}
		p.rates[figures[i].Queue] = r
	}
	return nil
}

// watchTop draws pictures on the terminal until somebody ends it, and leaves it as it was.
func (s *session) watchTop(ctx context.Context, app *offload.App, every time.Duration) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	before, err := term.MakeRaw(int(s.in.Fd()))
	if err != nil {
		return fmt.Errorf("prepare the terminal: %w", err)
	}
	const enter, leave = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l" // another screen, without a cursor, and back
	defer func() {
		_, written := s.out.WriteString(leave)
		err = errors.Join(err, written, s.out.Flush(), term.Restore(int(s.in.Fd()), before))
	}()
	s.out.WriteString(enter)

	keys := s.keys(ctx)
	tick := time.NewTicker(every)
	defer tick.Stop()
	var p *picture
	for {
		next, err := s.picture(ctx, app)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			p = next
		case p == nil || !store.Temporary(err):
			return err
		default:
			p.err = err
		}
		if err := s.draw(p); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case key, open := <-keys:
			if !open || key == 'q' || key == 'Q' || key == ctrlC || key == ctrlD {
				return nil
			}
		case <-tick.C:
		}
	}
}

const (
	ctrlC = 3
	ctrlD = 4
)

// keys returns what is typed until ctx ends, and is closed when there can be no more. Its goroutine
// ends with the key after that, or with the command, since nothing ends a read of a terminal.
func (s *session) keys(ctx context.Context) <-chan byte {
	keys := make(chan byte)
	go func() {
		defer close(keys)
		for one := make([]byte, 1); ; {
			if n, err := s.in.Read(one); n == 0 || err != nil {
				return
			}
			select {
			case keys <- one[0]:
			case <-ctx.Done():
				return
			}
		}
	}()
	return keys
}

// draw draws a picture over the one before. In raw mode a line must say that it begins at the left.
func (s *session) draw(p *picture) error {
	width, height := topWidth, 24
	if f, ok := s.direct.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			width, height = w, h
		}
	}
	s.out.WriteString("\x1b[H")
	for i, line := range p.lines(width, height, height) {
		if i > 0 {
			s.out.WriteString("\r\n")
		}
		if strings.HasPrefix(line, "QUEUE ") || strings.HasPrefix(line, "JOB ") {
			line = s.paint(bold, line)
		}
		s.out.WriteString(line + "\x1b[K")
	}
	s.out.WriteString("\x1b[J")
	return s.out.Flush()
}
