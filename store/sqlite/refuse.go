package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/offloadhq/offload/store"
)

// A place is what lies under a file.
type place struct {
	kind    string // of the file system, "" if nothing is to be said of it
	network bool   // locks and shared memory are not to be trusted
	passing bool   // it is gone with a restart or a container
	free    int64  // bytes; -1 is unknown
}

const placeAdvice = "keep it on a disk of this machine (in a container: on a volume), or use postgres://"

// checkPlace refuses a file that cannot be worked safely where it lies, and warns of one that
// will not last.
func checkPlace(path string, log *slog.Logger) error {
	for _, p := range []string{path, filepath.Dir(path)} {
		info, err := os.Stat(p)
		if err != nil {
			return fmt.Errorf("%w: %w", store.ErrRefused, err)
		}
		if p == path && !info.Mode().IsRegular() {
			return fmt.Errorf("%w: %s is no file", store.ErrRefused, path)
		}
		// root may write what nobody may, but somebody meant it.
		if info.Mode().Perm()&0o222 == 0 {
			return fmt.Errorf("%w: %s is read-only (%s); SQLite writes the file and its -wal beside it", store.ErrRefused, p, info.Mode().Perm())
		}
	}
	at := placeOf(path)
	if at.network {
		return fmt.Errorf("%w: %s lies on a network file system (%s), where locks and shared memory are not reliable and SQLite loses data: %s",
			store.ErrRefused, path, at.kind, placeAdvice)
	}
	if at.passing {
		log.Warn("offload: the database does not survive a restart of its machine or container; "+placeAdvice,
			"file", path, "file_system", at.kind)
	}
	return nil
}

// examinePool refuses a pool of the user's that would lose jobs, and returns the path of its
// file.
func examinePool(ctx context.Context, db *sql.DB) (path string, err error) {
	c, err := hold(ctx, db, nil)
	if err != nil {
		return "", explain("look at the pool", err)
	}
	path, err = examineConn(c)
	if err != nil {
		c.drop()
		return "", err
	}
	if err := c.giveBack(); err != nil {
		return "", explain("look at the pool", err)
	}
	return path, checkPlace(path, slog.Default())
}

func examineConn(c *session) (path string, err error) {
	var sync int
	if _, err := one(c, []any{&sync}, "PRAGMA synchronous"); err != nil {
		return "", fmt.Errorf("%w: the *sql.DB does not speak SQLite: %w", store.ErrRefused, err)
	}
	if sync < 2 {
		return "", fmt.Errorf("%w: connections of the pool have synchronous=%d, and would lose acknowledged jobs when the power goes; want FULL (modernc: ?_pragma=synchronous(2), mattn: ?_synchronous=FULL)",
			store.ErrRefused, sync)
	}
	var seq int
	var name string
	err = each(c, func(rows *sql.Rows) error {
		var file sql.NullString
		if err := rows.Scan(&seq, &name, &file); err != nil {
			return err
		}
		if name == "main" {
			path = file.String
		}
		return nil
	}, "PRAGMA database_list")
	if err != nil {
		return "", explain("look at the pool", err)
	}
	if path == "" {
		return "", fmt.Errorf("%w: the database of the pool is in memory; want a file, or store/memory", store.ErrRefused)
	}
	return filepath.EvalSymlinks(path)
}

// checkLibrary refuses SQLite libraries that can lose commits: those before 3.51.3 have a
// race between two connections that start the log anew, except where the repair was taken
// over.
func checkLibrary(version string) error {
	n, err := versionOf(version)
	switch {
	case err != nil:
		return fmt.Errorf("%w: SQLite's version %q cannot be read: %w", store.ErrRefused, version, err)
	case n >= 3_051_003, version == "3.50.7", version == "3.44.6":
		return nil
	}
	return fmt.Errorf("%w: SQLite %s can lose commits when its log starts anew; want 3.51.3 or later (or 3.50.7, 3.44.6): update the driver",
		store.ErrRefused, version)
}

func versionOf(version string) (int, error) {
	parts := strings.Split(version, ".")
	if len(parts) < 3 {
		return 0, errors.New("want three numbers")
	}
	total := 0
	for _, p := range parts[:3] {
		n, err := strconv.Atoi(p)
		if err != nil {
			return 0, err
		}
		total = total*1000 + n
	}
	return total, nil
}
