package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/offloadhq/offload/bench/browser"
	"github.com/offloadhq/offload/examples/shop/demo"
)

// ordersFor is how long the example shop takes orders before its pictures are taken.
const ordersFor = 45 * time.Second

// shopShots takes the pictures of the example shop: its orders, and what it has measured.
func shopShots(ctx context.Context, out string) (err error) {
	dir, err := os.MkdirTemp("", "shots-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	command := filepath.Join(dir, "offload")
	if text, err := exec.CommandContext(ctx, "go", "build", "-C", "..", "-o", command, "./cmd/offload").CombinedOutput(); err != nil {
		return fmt.Errorf("build the command: %w: %s", err, text)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	said, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- demo.Run(ctx, demo.Options{
			Dir: filepath.Join(dir, "shop"), Out: browser.AddressIn(said),
			Worker: func(dir string) *exec.Cmd { return exec.Command(command, "demo", "--work", "--dir", dir) },
		})
	}()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	var base string
	select {
	case base = <-said:
	case err := <-ended:
		ended <- nil
		return errors.Join(errors.New("the shop has ended"), err)
	}
	if err := sleep(ctx, ordersFor); err != nil {
		return err
	}
	if err := take(ctx, base, out, []shot{{"shop-orders", "/", 1200, 720, "light"}}); err != nil {
		return err
	}
	if err := measure(ctx, base); err != nil {
		return err
	}
	return take(ctx, base, out, []shot{{"shop-measure", "/bench/", 1200, 860, "light"}})
}

// measure has the shop bring in a million orders, and measure itself.
func measure(ctx context.Context, base string) error {
	for _, path := range []string{"/office/past", "/bench/measure"} {
		response, err := http.Post(base+path, "application/x-www-form-urlencoded", nil)
		if err != nil {
			return err
		}
		response.Body.Close()
		if err := sleep(ctx, 20*time.Second); err != nil {
			return err
		}
	}
	for {
		response, err := http.Get(base + "/bench/")
		if err != nil {
			return err
		}
		var page bytes.Buffer
		_, err = page.ReadFrom(response.Body)
		response.Body.Close()
		if err != nil || strings.Contains(page.String(), "Orders a second") {
			return err
		}
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
