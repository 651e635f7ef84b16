package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the library behind a path; no cgo

	"github.com/offloadhq/offload/store"
)

func init() { store.Register("sqlite", Open) }

// Open opens the store in the file at an address, as the package's comment describes it. The
// file is made if it is not there, readable by its owner alone, since inputs may be secret.
func Open(ctx context.Context, address string) (store.Store, error) {
	path, create, err := parse(address)
	if err != nil {
		return nil, err
	}
	if path, err = prepareFile(path, create); err != nil {
		return nil, err
	}
	if err := checkPlace(path, slog.Default()); err != nil {
		return nil, err
	}
	write, err := connectTo(path, nil)
	if err != nil {
		return nil, err
	}
	read, err := connectTo(path, reading)
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	s, err := start(ctx, path, write, read, func() error { return errors.Join(read.Close(), write.Close()) })
	if err != nil {
		return nil, err // start has closed both
	}
	return s, nil
}

// parse reads an address: a path, or one behind "sqlite:" or "file:" with settings behind "?".
func parse(address string) (path string, create bool, err error) {
	path, create = address, true
	scheme, rest, found := strings.Cut(address, ":")
	if !found || !strings.EqualFold(scheme, "sqlite") && !strings.EqualFold(scheme, "file") {
		return checkPath(path, create)
	}
	path, settings, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "?")
	query, err := url.ParseQuery(settings)
	if err != nil {
		return "", false, fmt.Errorf("%w: address %q: %w", store.ErrRefused, address, err)
	}
	for name, values := range query {
		if name != "mode" || len(values) != 1 || values[0] != "rw" && values[0] != "rwc" {
			return "", false, fmt.Errorf("%w: address %q: setting %s=%s is none; want mode=rw (the file must be there) or mode=rwc",
				store.ErrRefused, address, name, strings.Join(values, ","))
		}
		create = values[0] == "rwc"
	}
	return checkPath(path, create)
}

func checkPath(path string, create bool) (string, bool, error) {
	switch {
	case path == "":
		return "", false, fmt.Errorf(`%w: the path is empty; want one such as "offload.db"`, store.ErrRefused)
	case strings.HasPrefix(path, ":memory:"):
		return "", false, fmt.Errorf(`%w: %q is gone with its connection; for jobs in memory import store/memory and open "memory:"`, store.ErrRefused, path)
	case strings.IndexByte(path, 0) >= 0:
		return "", false, fmt.Errorf("%w: the path %q has a NUL in it", store.ErrRefused, path)
	}
	return path, create, nil
}

// prepareFile makes the file if it may, and returns its absolute path without links, which is
// where SQLite and other processes keep what belongs to it.
func prepareFile(path string, create bool) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", store.ErrRefused, err)
	}
	if create {
		if err := createFile(path); err != nil {
			return "", err
		}
	}
	switch resolved, err := filepath.EvalSymlinks(path); {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%w: there is no file %s", store.ErrRefused, path)
	case err != nil:
		return "", fmt.Errorf("%w: %w", store.ErrRefused, err)
	default:
		return resolved, nil
	}
}

// createFile makes the file unless it is there. No other file of a database may be opened
// and closed by us: that drops the locks which SQLite holds on it in this process.
func createFile(path string) error {
	heldMu.Lock()
	defer heldMu.Unlock()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no directory %s", store.ErrRefused, filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("%w: %s cannot be made: %w", store.ErrRefused, path, err)
	}
	return f.Close()
}

// A connector opens connections of our own, all with the same settings.
type connector struct {
	library driver.Driver
	name    string
	pragmas []pragma
}

// connectTo returns a pool on a file.
func connectTo(path string, pragmas []pragma) (*sql.DB, error) {
	// A URI, so that no character of the path means something else; rw, so that a file that
	// was moved away is not made anew and empty.
	name := (&url.URL{Scheme: "file", OmitHost: true, Path: uriPath(path), RawQuery: "mode=rw"}).String()
	known, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = known.Close() }() // it has opened nothing: we want its driver
	return sql.OpenDB(&connector{library: known.Driver(), name: name, pragmas: pragmas}), nil
}

// uriPath is the path as a URI has it, on Windows too.
func uriPath(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	return path
}

// Driver is that of driver.Connector.
func (c *connector) Driver() driver.Driver { return c.library }

// Connect is that of driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.library.Open(c.name)
	if err != nil {
		return nil, err
	}
	for _, p := range c.pragmas {
		if err := runRaw(ctx, conn, p.set); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

func runRaw(ctx context.Context, conn driver.Conn, query string) error {
	executor, ok := conn.(driver.ExecerContext)
	if !ok {
		return fmt.Errorf("%T cannot run statements", conn)
	}
	_, err := executor.ExecContext(ctx, query, nil)
	return err
}
