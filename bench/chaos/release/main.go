// Release is a worker, an enqueuer or a migration of chaos that can be built from any release of
// offload: it uses what all of them have. It takes its orders from the controller and writes the
// ledger in the same way as chaos itself (see there), of which an old release has none.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// An order is what the controller wants.
type order struct {
	Role, Name, Address string
	Dir                 string // of the ledger
	Options             struct {
		Fresh bool // know the task "fresh", or enqueue its jobs, too
		Rate  int  // jobs a second
		To    int  // version to migrate to; -1 is the newest
	}
}

func main() {
	var o order
	if err := json.Unmarshal([]byte(os.Getenv("OFFLOAD_CHAOS_CHILD")), &o); err != nil {
		fail(fmt.Errorf("$OFFLOAD_CHAOS_CHILD: %w; this program is started by chaos", err))
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3) // the controller is gone
	}()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	roles := map[string]func(context.Context, *order) error{
		"worker": work, "enqueuer": enqueue, "migrator": migrate, "newest": newest,
	}
	if roles[o.Role] == nil {
		fail(fmt.Errorf("role %q is none", o.Role))
	}
	if err := roles[o.Role](ctx, &o); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "release:", err)
	os.Exit(1)
}

// A ledger is this process's own file of it.
type ledger struct{ file *os.File }

func (o *order) ledger() (*ledger, error) {
	f, err := os.OpenFile(filepath.Join(o.Dir, o.Name+".ledger"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return &ledger{f}, err
}

func (l *ledger) write(verb string, id offload.ID, attempt int, words string) {
	line := fmt.Sprintf("%s %s %d %d %s\n", verb, id, attempt, time.Now().UnixNano(), strings.ReplaceAll(words, "\n", " "))
	if _, err := l.file.WriteString(line); err != nil {
		fail(fmt.Errorf("ledger: %w", err))
	}
}

// in is the input of every job.
type in struct{ Sleep time.Duration }

var names = []string{"sleep", "fresh"}

// known are the tasks that a process knows.
func (o *order) known() []string {
	if o.Options.Fresh {
		return names
	}
	return names[:1]
}

func work(ctx context.Context, o *order) error {
	l, err := o.ledger()
	if err != nil {
		return err
	}
	parts := []offload.Part{log()}
	for _, name := range o.known() {
		parts = append(parts, offload.Declare[in](name).Handle(func(ctx context.Context, in in) error {
			job := offload.JobOf(ctx)
			l.write("start", job.ID, job.Attempt, name)
			time.Sleep(in.Sleep)
			l.write("end", job.ID, job.Attempt, "")
			return nil
		}))
	}
	app, err := offload.Open(ctx, o.Address, parts...)
	if err != nil {
		return err
	}
	return errors.Join(app.Run(ctx), app.Close())
}

func enqueue(ctx context.Context, o *order) error {
	l, err := o.ledger()
	if err != nil {
		return err
	}
	app, err := offload.Open(ctx, o.Address, log())
	if err != nil {
		return err
	}
	known := o.known()
	tick := time.NewTicker(time.Second / time.Duration(max(o.Options.Rate, 1)))
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		name := known[0]
		if n%10 == 0 {
			name = known[len(known)-1]
		}
		call := offload.Declare[in](name).Call(in{time.Duration(n%20) * time.Millisecond})
		l.write("tried", call.ID(), 0, name+" plain ")
		if _, err := app.Enqueue(context.WithoutCancel(ctx), call); err != nil {
			l.write("refused", call.ID(), 0, err.Error())
		} else {
			l.write("acked", call.ID(), 0, "")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return app.Close()
}

func migrate(ctx context.Context, o *order) error {
	s, err := store.Open(ctx, o.Address)
	if err != nil {
		return err
	}
	return errors.Join(s.Migrate(ctx, o.Options.To), s.Close())
}

// newest prints the newest version of the schema that this release knows.
func newest(ctx context.Context, o *order) error {
	s, err := store.Open(ctx, o.Address)
	if err != nil {
		return err
	}
	versions, err := s.Versions(ctx)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	most := 0
	for _, v := range versions {
		most = max(most, v.Version)
	}
	fmt.Println(most)
	return s.Close()
}

func log() offload.Part { return offload.LogTo(slog.New(slog.NewTextHandler(os.Stderr, nil))) }
