package memory

import (
	"context"
	"fmt"

	"github.com/offloadhq/offload/store"
)

// Backup refuses: what is in memory ends with the program.
func (s *Store) Backup(context.Context, string, func(done, total int)) error {
	return fmt.Errorf(`%w: jobs in memory have no backup; open a file ("offload.db") or "postgres://…"`, store.ErrRefused)
}
