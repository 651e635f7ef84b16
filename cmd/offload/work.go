package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
)

func newWork(s *session) *cobra.Command {
	var queues []string
	grace := durationFlag{25 * time.Second}
	var monitor string
	board := dashboardFlags{session: s}
	cmd := &cobra.Command{
		Use:   "work",
		Short: "Run jobs, with all built-in tasks, until it is told to stop",
		Long: `Work runs jobs of the built-in tasks, command and http, so that they can be enqueued
from a shell or by a program in any language.

Without --queue it works every queue, 100 jobs of each at once. With TERM or Ctrl-C it
claims nothing more, lets jobs end for --grace, and gives back what is left, so that another
process can run it at once. A second signal ends it on the spot.

With --dashboard it serves the dashboard beside; with --monitor /live and /ready for the probes of
an orchestrator, and /metrics for Prometheus, to whoever reaches that address.

` + dashboardLong,
		Example: `  offload work
  offload work --queue mail=20 --queue import=1
  offload work --db postgres://app@db.example/shop --grace 5m
  offload work --dashboard 127.0.0.1:8080`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		names, parts, err := parseQueues(queues)
		if err != nil {
			return err
		}
		parts = append(parts, offload.Grace(grace.Duration))
		return s.work(cmd.Context(), names, append(parts, kits()...), &board, monitor)
	})
	cmd.Flags().StringArrayVar(&queues, "queue", nil, "work this queue only, NAME or NAME=JOBS at once; may be repeated")
	cmd.Flags().StringVar(&board.listen, "dashboard", "", "serve the dashboard at this `address` as well, as offload dashboard does")
	cmd.Flags().StringVar(&monitor, "monitor", "", "serve probes and metrics at this `address`, such as :9090")
	board.flags(cmd)
	cmd.Flags().Var(&grace, "grace", "how long jobs may go on when it is told to stop")
	return cmd
}

// work runs jobs until a signal comes, or a person stops the process.
func (s *session) work(ctx context.Context, queues []string, parts []offload.Part, board *dashboardFlags, monitor string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := s.log(slog.LevelInfo)
	app, err := s.create(ctx, parts...)
	if err != nil {
		return err
	}
	said := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		defer close(said)
		stop() // a second signal finds no handler, and ends the process
		log.Info("stopping; a second signal ends at once")
	})
	defer func() {
		if !unhook() {
			<-said
		}
	}()
	log.Info("working", "database", s.shown(), "queues", cmp.Or(strings.Join(queues, ","), "all"), "pid", os.Getpid())
	beside, err := s.beside(app, board, monitor)
	if err == nil {
		err = app.Run(ctx, queues...)
	}
	for _, served := range beside {
		err = errors.Join(err, served.stop())
	}
	return errors.Join(err, app.Close())
}

// beside serves what was asked for beside the work.
func (s *session) beside(app *offload.App, board *dashboardFlags, monitor string) (all []*served, err error) {
	if board.listen != "" {
		served, err := board.serve(app)
		if err != nil {
			return all, err
		}
		all = append(all, served)
		s.log(slog.LevelInfo).Info("dashboard", "url", served.url)
	}
	if monitor != "" {
		served, err := s.monitor(app, monitor)
		if err != nil {
			return all, err
		}
		all = append(all, served)
		s.log(slog.LevelInfo).Info("monitoring", "url", served.url)
	}
	return all, nil
}

// parseQueues reads NAME or NAME=JOBS. The limit of all together never holds back what was
// asked of each.
func parseQueues(given []string) (names []string, parts []offload.Part, err error) {
	workers := map[string]int{}
	for _, text := range given {
		name, number, limited := strings.Cut(text, "=")
		n := 100
		if limited {
			if n, err = strconv.Atoi(number); err != nil || n < 1 || n > 10_000 {
				return nil, nil, &offload.InputError{Field: "--queue", Got: text, Want: "NAME or NAME=JOBS, with 1 to 10,000 jobs at once"}
			}
		}
		if _, twice := workers[name]; twice {
			return nil, nil, &offload.InputError{Field: "--queue", Got: name + " twice", Want: "each queue once"}
		}
		workers[name] = n
	}
	total := 0
	for _, name := range slices.Sorted(maps.Keys(workers)) {
		if name == "" {
			return nil, nil, &offload.InputError{Field: "--queue", Got: "", Want: "NAME or NAME=JOBS"}
		}
		names = append(names, name)
		parts = append(parts, offload.Workers(name, workers[name]))
		total += workers[name]
	}
	return names, append(parts, offload.Workers("", min(max(total, 500), 10_000))), nil
}
