package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	sqlitelib "modernc.org/sqlite"

	"github.com/offloadhq/offload/store"
)

// A copier has SQLite's online backup, as the library that Open uses has it.
type copier interface {
	NewBackup(file string) (*sqlitelib.Backup, error)
}

// backupPages is how many pages are copied between two looks at the context.
const backupPages = 64

// Backup is that of store.Backup. It copies pages under one read transaction: so writers
// go on, and what they write starts nothing anew, as it would if each step looked for itself. The
// log can't be folded meanwhile, and grows by what is written. Nobody else may work within
// the copy before it is complete: it has another name until then.
func (s *Store) Backup(ctx context.Context, file string, progress func(done, total int)) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrRefused, err)
	}
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%w: %s is there already; give the name of a new file", store.ErrRefused, file)
	}
	part := file + "-" + store.NewID().String() + ".part"
	if err := createFile(part); err != nil {
		return err
	}
	if err := s.backup(ctx, part, progress); err != nil {
		return errors.Join(s.explain(ctx, "back up into "+file, err), os.Remove(part))
	}
	return publish(part, file)
}

func (s *Store) backup(ctx context.Context, part string, progress func(done, total int)) error {
	c, err := hold(ctx, s.read, reading)
	if err != nil {
		return err
	}
	defer c.drop()
	if _, err := c.exec("BEGIN"); err != nil {
		return err
	}
	if _, err := texts(c, "SELECT name FROM sqlite_master LIMIT 1"); err != nil { // the snapshot is taken now
		return err
	}
	if progress == nil {
		progress = func(int, int) {}
	}
	foreign := false
	err = c.conn.Raw(func(library any) error {
		from, ok := library.(copier)
		if foreign = !ok; foreign {
			return nil
		}
		return copyPages(ctx, from, part, progress)
	})
	if err == nil && foreign {
		err = c.copyInto(part)
	}
	if err != nil {
		return err
	}
	return finishCopy(ctx, part)
}

// copyPages copies what the snapshot of a connection shows, page by page.
func copyPages(ctx context.Context, from copier, part string, progress func(done, total int)) error {
	// A URI, so that no character of the path means something else.
	backup, err := from.NewBackup((&url.URL{Scheme: "file", OmitHost: true, Path: uriPath(part), RawQuery: "mode=rw"}).String())
	if err != nil {
		return err
	}
	for more := true; more && err == nil; {
		if err = ctx.Err(); err == nil {
			more, err = backup.Step(backupPages)
			progress(backup.PageCount()-backup.Remaining(), backup.PageCount())
		}
	}
	return errors.Join(err, backup.Finish())
}

// copyInto is copyPages for a library without an online backup: its SQLite writes the copy by
// itself, in one statement that nothing breaks off.
func (c *session) copyInto(part string) error {
	if _, err := c.exec("COMMIT"); err != nil { // it takes a snapshot of its own, and none within a transaction
		return err
	}
	if _, err := c.exec("PRAGMA query_only = 0"); err != nil {
		return err
	}
	if err := os.Remove(part); err != nil { // it must be empty for some libraries, and not there for others
		return err
	}
	_, err := c.exec("VACUUM INTO ?1", part)
	return errors.Join(err, os.Chmod(part, 0o600))
}

// finishCopy checks a copy.
func finishCopy(ctx context.Context, part string) (err error) {
	pool, err := connectTo(part, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	c, err := hold(ctx, pool, nil)
	if err != nil {
		return err
	}
	defer c.drop()
	// Without a log beside it the copy is one file, until somebody opens it to work.
	if _, err := texts(c, "PRAGMA journal_mode = DELETE"); err != nil {
		return err
	}
	if err := c.mark(); err != nil {
		return err
	}
	wrong, err := texts(c, "PRAGMA quick_check(1)")
	if err == nil && (len(wrong) != 1 || wrong[0] != "ok") {
		err = fmt.Errorf("the copy is damaged, so the database is too: %v", wrong)
	}
	return err
}

// mark has a copy know that it is one, wherever it comes to lie: also in the very file that it
// was made of, where what has ended since would run again.
func (c *session) mark() error {
	tables, err := texts(c, "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'offload_meta'")
	if err != nil || len(tables) == 0 {
		return err
	}
	made, _, err := (&txn{database: c}).origin()
	if err != nil {
		return err
	}
	made.At = unborn
	_, err = c.exec(adoptSQL, made.json())
	return err
}

// publish gives a complete copy its name, and returns when that is on the disk.
func publish(part, file string) error {
	// A link fails where the name was taken meanwhile; a rename would overwrite it.
	switch err := os.Link(part, file); {
	case errors.Is(err, fs.ErrExist):
		return errors.Join(fmt.Errorf("%w: %s is there already; give the name of a new file", store.ErrRefused, file), os.Remove(part))
	case err == nil:
		if err := os.Remove(part); err != nil {
			return err
		}
	default: // a file system without links
		if err := os.Rename(part, file); err != nil {
			return errors.Join(err, os.Remove(part))
		}
	}
	if runtime.GOOS == "windows" {
		return nil // a directory can't be synced there
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
