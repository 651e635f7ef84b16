package postgres

import (
	"context"
	"fmt"

	"github.com/offloadhq/offload/store"
)

// Backup refuses: PostgreSQL has tools of its own, which take the user's tables along, as a
// restore needs it: jobs and what they are about are of one transaction.
func (s *Store) Backup(_ context.Context, file string, _ func(done, total int)) error {
	config := s.pool.Config().ConnConfig
	return fmt.Errorf("%w: a PostgreSQL database is backed up by its own tools, together with your tables: "+
		"pg_dump --format=custom --file=%s --host=%s --port=%d --username=%s %s (offload's tables alone: add --schema=%s), and back by pg_restore; "+
		"or continuously, by WAL archiving", store.ErrRefused, file, config.Host, config.Port, config.User, config.Database, s.schema)
}
