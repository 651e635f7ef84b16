package main

import (
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload/examples/shop/demo"
)

func newDemo(s *session) *cobra.Command {
	options := demo.Options{}
	var work, oneProcess bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a small shop that does real work in the background",
		Long: `Demo runs the example shop on an embedded database, or the one of --db: for each order a mail, a
thumbnail of a large photo, a call of a payment service that fails one time in three, a webhook to
a supplier; and exports, a nightly report, a page that breaks things, and one that measures the
same order with all of that inline. It prints where to look, and goes on until Ctrl-C. Jobs are
worked by a process of their own, unless --one-process or --once says otherwise.

With --once it works through a fixed list of orders, checks what came out against what was
ordered, prints what it did and where the files are, and exits 0 only if all is right.`,
		Example: "  offload demo\n  offload demo --once --dir /tmp/shop\n  offload demo --photos ~/Pictures",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&options.Once, "once", false, "work through a fixed list of orders and exit")
	cmd.Flags().StringVar(&options.Dir, "dir", "", "keep everything in this directory (default: a new one for temporary files)")
	cmd.Flags().StringVar(&options.Photos, "photos", "", "a directory of JPEG photos to print, instead of made ones")
	cmd.Flags().StringVar(&options.Listen, "listen", "", "address of the shop's pages (default: a free port of this machine)")
	cmd.Flags().BoolVar(&oneProcess, "one-process", false, "work jobs in the process that serves the pages")
	cmd.Flags().BoolVar(&work, "work", false, "work the jobs of a demo that runs in --dir, until standard input ends")
	_ = cmd.Flags().MarkHidden("work") // the demo calls it itself; it is there
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if work {
			return demo.Work(ctx, options.Dir, cmd.InOrStdin())
		}
		if s.given != "" && !strings.HasPrefix(s.given, "postgres") {
			return wrong("--db %s: the demo keeps its SQLite database in --dir; want postgres://… or no --db", s.given)
		}
		options.Database = s.given
		if !oneProcess {
			options.Worker = demoWorker
		}
		options.Out, options.Terminal = s.direct, s.outTerm
		return demo.Run(ctx, options)
	})
	return cmd
}

// demoWorker is this very program, working the jobs of the demo in a directory.
func demoWorker(dir string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return exec.Command(self, "demo", "--work", "--dir", dir)
}
