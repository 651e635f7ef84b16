package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload/examples/shop"
)

func newDemo(s *session) *cobra.Command {
	options := shop.DemoOptions{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a small shop that does real work in the background",
		Long: `Demo runs the example shop on an embedded database: for each order mails, thumbnails of large
photos, calls of a payment service that fails one time in three, and an export. It prints
where to look, and goes on until Ctrl-C.

With --once it works through a fixed list of orders, checks what came out against what was
ordered, prints what it did and where the files are, and exits 0 only if all is right.`,
		Example: "  offload demo\n  offload demo --once --dir /tmp/shop\n  offload demo --photos ~/Pictures",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&options.Once, "once", false, "work through a fixed list of orders and exit")
	cmd.Flags().StringVar(&options.Dir, "dir", "", "keep everything in this directory (default: a new one for temporary files)")
	cmd.Flags().StringVar(&options.Photos, "photos", "", "a directory of JPEG photos to print, instead of made ones")
	cmd.Flags().StringVar(&options.Listen, "listen", "", "address of the shop's pages (default: a free port of this machine)")
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		options.Out, options.Terminal = s.direct, s.outTerm
		return shop.Demo(ctx, options)
	})
	return cmd
}
