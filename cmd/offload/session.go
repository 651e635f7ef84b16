package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"os/user"
	"strings"
	"sync/atomic"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/command"
	"github.com/offloadhq/offload/kit/httpcall"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

// A session is one call of the command: where it reads and writes, and what it works on.
type session struct {
	in      *os.File
	out     *bufio.Writer // of direct; flushed by finish, and by what prints as it goes
	direct  io.Writer
	err     io.Writer
	inTerm  bool        // in is a terminal: somebody types
	outTerm bool        // out is a terminal
	live    bool        // err is a terminal: progress can be shown
	colour  bool        // out may have colours
	inLine  atomic.Bool // progress is shown now
	given   string      // --db
	begun   bool        // the command line was understood: what fails now is no wrong usage
}

func newSession(in, out, err *os.File) *session {
	terminal := func(f *os.File) bool {
		return os.Getenv("TERM") != "dumb" && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
	}
	return &session{
		in: in, out: bufio.NewWriterSize(out, 64<<10), direct: out, err: err,
		inTerm: terminal(in), outTerm: terminal(out), live: terminal(err), colour: terminal(out) && os.Getenv("NO_COLOR") == "",
	}
}

// run makes a command's function of f, and notes that the command line was understood.
func (s *session) run(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		s.begun = true
		return f(cmd, args)
	}
}

// group makes a command of others, which are added to it.
func (s *session) group(cmd *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.Args = cobra.ArbitraryArgs // so that an unknown one comes to RunE, at any depth
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0 && !cmd.HasParent():
			return cmd.Help()
		case len(args) == 0:
			return wrong("%s needs one of %s", cmd.CommandPath(), strings.Join(names(cmd), ", "))
		}
		text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return wrong("%s; did you mean %s?", text, strings.Join(near, " or "))
		}
		return wrong("%s; `%s --help` lists them", text, cmd.CommandPath())
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(commands...)
	return cmd
}

// names are those of a group's commands.
func names(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return names
}

// exclude refuses two flags that are given together.
func exclude(cmd *cobra.Command, one, other string) error {
	if cmd.Flags().Changed(one) && cmd.Flags().Changed(other) {
		return wrong("--%s and --%s exclude each other; give one", one, other)
	}
	return nil
}

// address returns the address of the database.
func (s *session) address() string {
	return cmp.Or(s.given, os.Getenv("OFFLOAD_DB"), "offload.db")
}

// shown returns the address as it may be logged.
func (s *session) shown() string {
	if store.Scheme(s.address()) == "sqlite" {
		return s.address()
	}
	u, err := url.Parse(s.address())
	if err != nil {
		return store.Scheme(s.address()) + "://…"
	}
	return u.Redacted()
}

// missing reports whether the database is a SQLite file that is not there.
func (s *session) missing() bool {
	if store.Scheme(s.address()) != "sqlite" {
		return false
	}
	_, err := os.Stat(pathOf(s.address()))
	return errors.Is(err, fs.ErrNotExist)
}

// pathOf returns the path of the SQLite file that an address names.
func pathOf(address string) string {
	path := address
	for _, scheme := range []string{"sqlite:", "file:"} {
		if len(path) > len(scheme) && strings.EqualFold(path[:len(scheme)], scheme) {
			path, _, _ = strings.Cut(strings.TrimPrefix(path[len(scheme):], "//"), "?")
		}
	}
	return path
}

// there refuses a database that a reading command would have to create first.
func (s *session) there() error {
	if s.missing() {
		return wrong("database %s does not exist; give --db or $OFFLOAD_DB (`offload work`, `enqueue` or `migrate` create one)", s.address())
	}
	return nil
}

// withStore opens the store of a database that is there, of whatever schema, for f.
func (s *session) withStore(ctx context.Context, f func(store.Store) error) (err error) {
	if err := s.there(); err != nil {
		return err
	}
	opened, err := store.Open(ctx, s.address())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	return f(opened)
}

// open opens a database that is there, without changing its schema.
func (s *session) open(ctx context.Context, parts ...offload.Part) (*offload.App, error) {
	if err := s.there(); err != nil {
		return nil, err
	}
	return s.create(ctx, append(parts, offload.NoMigrate())...)
}

// create opens a database, and makes or migrates it first where that is needed.
func (s *session) create(ctx context.Context, parts ...offload.Part) (*offload.App, error) {
	app, err := offload.Open(ctx, s.address(), append([]offload.Part{offload.LogTo(s.log(slog.LevelInfo))}, parts...)...)
	if errors.Is(err, offload.ErrSchema) {
		return nil, fmt.Errorf("%w; `offload migrate --status` shows the versions; where the database is the older one, `offload migrate` brings it up to date", err)
	}
	return app, err
}

// with runs f on an open app, and closes it.
func (s *session) with(ctx context.Context, f func(*offload.App) error, parts ...offload.Part) error {
	app, err := s.open(ctx, parts...)
	if err != nil {
		return err
	}
	return errors.Join(f(app), app.Close())
}

// operate is with, for acts in the name of who calls the command.
func (s *session) operate(ctx context.Context, f func(*operate.Operator) error) error {
	return s.with(ctx, func(app *offload.App) error { return f(operate.As(app, who())) })
}

func (s *session) log(from slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: from}))
}

// who names the caller for the record: "ada@host".
func who() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}

// kits are the built-in tasks.
func kits() []offload.Part { return []offload.Part{command.New(), httpcall.New()} }
