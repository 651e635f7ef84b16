package shop

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// DemoOptions say how Demo runs. The zero value of each field but Out is fine.
type DemoOptions struct {
	Dir      string    // where the shop lies; a new directory for temporary files if ""
	Photos   string    // a directory of JPEG photos to print; the demo makes some if ""
	Once     bool      // work through a fixed list of orders, check what came out, and end
	Listen   string    // address of the shop's pages; a free port of this machine if ""
	Out      io.Writer // where it says what it does
	Terminal bool      // Out is a terminal: show how far it is

	camera image.Point // size of the photos it makes, 4000 × 3000 if zero; tests have a smaller one
}

// Demo runs the shop with all that it needs around it: a mail server, a payment service and
// photos. With Once it returns nil only if everything that was ordered came out as it should,
// and otherwise an error that names what did not. Without, it serves the shop's pages, with
// an order now and then, until ctx ends, and then returns nil.
//
// It may be run again in the same directory, and goes on with what is waiting there.
func Demo(ctx context.Context, o DemoOptions) (err error) {
	d := &demo{DemoOptions: o}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.open(ctx); err != nil {
		return fmt.Errorf("start the demo: %w", err)
	}
	if o.Once {
		return d.whileRunning(ctx, d.once)
	}
	return d.whileRunning(ctx, d.serve)
}

// A demo is a shop and the world around it.
type demo struct {
	DemoOptions
	photos  []string
	log     *os.File
	mail    *mailServer
	payment *paymentService
	shop    *Shop
}

func (d *demo) open(ctx context.Context) (err error) {
	if err := d.openDir(); err != nil {
		return err
	}
	d.say("The shop keeps everything in %s\n", d.Dir)
	if d.photos, err = d.findPhotos(ctx); err != nil {
		return err
	}
	if d.mail, err = startMailServer(filepath.Join(d.Dir, mailDir)); err != nil {
		return err
	}
	if d.payment, err = startPaymentService(); err != nil {
		return err
	}
	d.shop, err = Open(ctx, Settings{
		Dir: d.Dir, Mail: d.mail.Address, Payment: d.payment.Address,
		Log: slog.New(slog.NewTextHandler(d.log, nil)),
	})
	return err
}

// openDir makes the directory and opens the log in it.
func (d *demo) openDir() (err error) {
	if d.Dir == "" {
		d.Dir, err = os.MkdirTemp("", "offload-demo-")
	} else if d.Dir, err = filepath.Abs(d.Dir); err == nil {
		err = os.MkdirAll(d.Dir, 0o755)
	}
	if err != nil {
		return err
	}
	d.log, err = os.OpenFile(filepath.Join(d.Dir, "shop.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return err
}

func (d *demo) findPhotos(ctx context.Context) ([]string, error) {
	if d.Photos != "" {
		return takePhotos(d.Photos, filepath.Join(d.Dir, photoDir))
	}
	if d.camera == (image.Point{}) {
		d.camera = cameraSize
	}
	photos, err := makePhotos(ctx, filepath.Join(d.Dir, photoDir), d.camera)
	if err == nil {
		d.say("%d photos of %d × %d pixels to print\n", len(photos), d.camera.X, d.camera.Y)
	}
	return photos, err
}

// whileRunning runs work while the shop works its jobs, and then lets the jobs under way end.
func (d *demo) whileRunning(ctx context.Context, work func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var ran error
	var running sync.WaitGroup
	running.Go(func() {
		defer stop() // a shop that could not start ends the demo
		ran = d.shop.Run(ctx)
	})
	err := work(ctx)
	stop()
	running.Wait()
	return errors.Join(ran, err)
}

// close ends what open has started, in the opposite order.
func (d *demo) close() error {
	var errs []error
	if d.shop != nil {
		errs = append(errs, d.shop.Close())
	}
	if d.payment != nil {
		errs = append(errs, d.payment.Stop())
	}
	if d.mail != nil {
		errs = append(errs, d.mail.Stop())
	}
	if d.log != nil {
		errs = append(errs, d.log.Close())
	}
	return errors.Join(errs...)
}

// say tells the person who is looking. That the terminal has gone ends nothing.
func (d *demo) say(format string, args ...any) { _, _ = fmt.Fprintf(d.Out, format, args...) }
