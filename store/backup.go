package store

import "context"

// A Backup is the part of a Store that copies all of it into a file, while jobs run.
type Backup interface {
	// Backup writes all that is stored, as it was at one moment, into a new file, which is
	// complete and on the disk when it returns without error, and else is not there. An ErrRefused
	// says that there is such a file already, or how this kind of store is backed up instead.
	// progress may be nil; it is called now and then with parts of the whole.
	Backup(ctx context.Context, file string, progress func(done, total int)) error
}
