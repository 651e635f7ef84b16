package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"

	"github.com/offloadhq/offload"
)

// childVariable makes this program a child of a controller: it has the child's order as JSON.
const childVariable = "OFFLOAD_CHAOS_CHILD"

// How children end, beside 0 and 1.
const (
	exitOrphan = 3 // the controller is gone
	exitLedger = 4 // the ledger cannot be written
)

// A Role is what a child process does. Its context ends with the first SIGTERM; a second one
// ends the process.
type Role func(ctx context.Context, c *Child) error

// roles are those that every trial can use.
var roles = map[string]Role{
	"worker":   work,
	"enqueuer": enqueue,
}

// roleOf returns a role by name; a trial may bring it along.
func roleOf(name string) Role {
	if r := roles[name]; r != nil {
		return r
	}
	for _, t := range trials {
		if r := t.Roles[name]; r != nil {
			return r
		}
	}
	return nil
}

// An order is what the controller tells a child.
type order struct {
	Role    string
	Name    string
	Kind    string // of the store
	Address string
	Dir     string // of the ledger
	Seed    uint64
	Options json.RawMessage
}

// A Child is this process in its role.
type Child struct {
	Name    string // as in the ledger
	Kind    string // of the store: "sqlite" or "postgres"
	Address string // of the store
	Rand    *rand.Rand
	Ledger  *Writer
	Log     *slog.Logger // to standard error, which the controller keeps
	options json.RawMessage
}

// Options reads the options of the Spec.
func (c *Child) Options(into any) error {
	if err := json.Unmarshal(c.options, into); err != nil {
		return fmt.Errorf("options of %s: %w", c.Name, err)
	}
	return nil
}

// childMain is this program as a child, if it was started as one: then it does not return.
func childMain() {
	text := os.Getenv(childVariable)
	if text == "" {
		return
	}
	if err := beChild(text); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func beChild(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return fmt.Errorf("$%s: %w", childVariable, err)
	}
	role := roleOf(o.Role)
	if role == nil {
		return fmt.Errorf("role %q is none", o.Role)
	}
	ledger, err := newWriter(o.Dir, o.Name)
	if err != nil {
		return err
	}
	go dieAlone()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	// As programs commonly do: who asks twice does not want to wait.
	context.AfterFunc(ctx, stop)
	c := &Child{
		Name: o.Name, Kind: o.Kind, Address: o.Address, Ledger: ledger, options: o.Options,
		Rand: rand.New(rand.NewPCG(o.Seed, 0)),
		Log:  slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	ledger.Note(offload.ID{}, 0, "born")
	return errors.Join(role(ctx, c), ledger.file.Close())
}

// dieAlone ends this process when the controller has ended, which closes the pipe.
func dieAlone() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(exitOrphan)
}
