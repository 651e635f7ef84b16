// Package demo runs the shop with all that it needs around it, for people to look at and to
// break, and for a check that all of it comes out as it should. `offload demo` calls it.
package demo

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/webhook"

	"github.com/offloadhq/offload/examples/shop"
	"github.com/offloadhq/offload/examples/shop/world"
)

// Options say how Run runs. The zero value of each field but Out is fine.
type Options struct {
	Dir      string    // where the shop lies; a new directory for temporary files if ""
	Database string    // "postgres://…"; a SQLite file in Dir if ""
	Photos   string    // a directory of JPEG photos to print; the demo makes some if ""
	Once     bool      // work through a fixed list of orders, check what came out, and end
	Listen   string    // address of the shop's pages; a free port of this machine if ""
	Out      io.Writer // where it says what it does
	Terminal bool      // Out is a terminal: show how far it is

	// Worker makes the command of a process that calls Work for a directory. With it, jobs are
	// worked in a process of their own, which can be killed; without, in this one.
	Worker func(dir string) *exec.Cmd

	camera image.Point // size of the photos it makes, 4000 × 3000 if zero; tests have a smaller one
}

// Run runs the shop. With Once it returns nil only if everything that was ordered came out as it
// should, and otherwise an error that names what did not. Without, it serves the shop's pages,
// with an order now and then, until ctx ends, and then returns nil.
//
// It may be run again in the same directory, and goes on with what is waiting there.
func Run(ctx context.Context, o Options) (err error) {
	d := &demo{Options: o}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.open(ctx); err != nil {
		return fmt.Errorf("start the demo: %w", err)
	}
	if o.Once {
		return d.whileWorking(ctx, d.once)
	}
	return d.whileWorking(ctx, d.serve)
}

// A demo is a shop and the world around it.
type demo struct {
	Options
	photos   []string // file names
	out      *os.File // of the worker
	listener net.Listener
	mails    *mail.Catch
	payment  *world.Payment
	supplier *world.Supplier
	secret   webhook.Secret // between the shop and its supplier
	shop     *shop.Shop
	worker   *worker // nil if jobs are worked in this process
}

// How long the services take, as those of others do, unless it is a check that somebody waits for.
const (
	paymentTakes  = 120 * time.Millisecond
	supplierTakes = 80 * time.Millisecond
)

func (d *demo) open(ctx context.Context) (err error) {
	if err := d.openDir(); err != nil {
		return err
	}
	d.say("The shop keeps everything in %s\n", d.Dir)
	if err := d.findPhotos(ctx); err != nil {
		return err
	}
	if err := d.openWorld(); err != nil {
		return err
	}
	place := place{
		Database: d.Database, Address: "http://" + d.listener.Addr().String(), Payment: d.payment.Address, Mail: d.mails.Addr,
	}
	if place.Key, err = keyIn(d.Dir); err != nil {
		return err
	}
	if d.shop, err = place.open(ctx, d.Dir, "pages", d.mails); err != nil {
		return err
	}
	if d.secret, err = d.shop.SetSupplier(ctx, d.supplier.Address); err != nil {
		return err
	}
	d.supplier.Trust(d.secret)
	if d.Worker == nil || d.Once {
		return nil
	}
	if err := place.write(d.Dir); err != nil {
		return err
	}
	d.worker = &worker{command: func() *exec.Cmd { return d.Worker(d.Dir) }, out: d.out}
	return nil
}

// openDir makes the directory, and the file that takes what a worker prints.
func (d *demo) openDir() (err error) {
	if d.Dir == "" {
		d.Dir, err = os.MkdirTemp("", "offload-demo-")
	} else if d.Dir, err = filepath.Abs(d.Dir); err == nil {
		err = os.MkdirAll(d.Dir, 0o755)
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(d.Dir, logDir), 0o755); err != nil {
		return err
	}
	d.out, err = os.OpenFile(filepath.Join(d.Dir, logDir, "worker.out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return err
}

// openWorld starts what the shop has around it, and listens for its customers.
func (d *demo) openWorld() (err error) {
	var payment, supplier time.Duration
	if !d.Once {
		payment, supplier = paymentTakes, supplierTakes
	}
	if d.payment, err = world.StartPayment(payment); err != nil {
		return err
	}
	if d.supplier, err = world.StartSupplier(filepath.Join(d.Dir, supplierDir), supplier); err != nil {
		return err
	}
	address := d.Listen
	if address == "" {
		address = "127.0.0.1:0"
	}
	if d.listener, err = net.Listen("tcp", address); err != nil {
		return fmt.Errorf("listen for customers: %w", err)
	}
	d.mails, err = mail.NewCatch("127.0.0.1:0", filepath.Join(d.Dir, mailDir)) // closed by the shop's app
	return err
}

// Below the demo's directory.
const (
	mailDir     = "mail"
	supplierDir = "supplier"
	logDir      = "logs"
)

func (d *demo) findPhotos(ctx context.Context) error {
	photos := filepath.Join(d.Dir, shop.PhotoDir)
	if d.Photos != "" {
		paths, err := world.TakePhotos(d.Photos, photos)
		d.photos = namesOf(paths)
		return err
	}
	if d.camera == (image.Point{}) {
		d.camera = world.CameraSize
	}
	paths, err := world.MakePhotos(ctx, photos, d.camera)
	if err == nil {
		d.say("%d photos of %d × %d pixels to print\n", len(paths), d.camera.X, d.camera.Y)
	}
	d.photos = namesOf(paths)
	return err
}

func namesOf(paths []string) []string {
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = filepath.Base(path)
	}
	return names
}

// whileWorking runs f while jobs are worked, and then lets those under way end.
func (d *demo) whileWorking(ctx context.Context, f func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	works := []func(context.Context) error{d.shop.Run}
	if d.worker != nil {
		works = []func(context.Context) error{d.worker.run, d.shop.Watch}
	}
	worked := make([]error, len(works))
	var working sync.WaitGroup
	for i, work := range works {
		working.Go(func() {
			defer stop() // what could not start ends the demo
			worked[i] = work(ctx)
		})
	}
	err := f(ctx)
	stop()
	working.Wait()
	return errors.Join(append(worked, err)...)
}

// close ends what open has started, in the opposite order.
func (d *demo) close() error {
	var errs []error
	if d.shop != nil {
		errs = append(errs, d.shop.Close())
	}
	if d.listener != nil {
		_ = d.listener.Close() // closed already, if it has served
	}
	if d.supplier != nil {
		errs = append(errs, d.supplier.Stop())
	}
	if d.payment != nil {
		errs = append(errs, d.payment.Stop())
	}
	if d.out != nil {
		errs = append(errs, d.out.Close())
	}
	return errors.Join(errs...)
}

// say tells the person who is looking. That the terminal has gone ends nothing.
func (d *demo) say(format string, args ...any) { _, _ = fmt.Fprintf(d.Out, format, args...) }
