package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/offloadhq/offload/store"
)

// TestBackupByAnotherLibrary takes a backup through a driver that has no online backup.
func TestBackupByAnotherLibrary(t *testing.T) {
	dir := t.TempDir()
	own := openFile(t, filepath.Join(dir, "offload.db"))
	must(t, own.Migrate(t.Context(), store.Newest))
	job := newJob("mail")
	_, err := own.Insert(t.Context(), []store.NewJob{job})
	must(t, err)
	foreign, _ := openFaulty(t, filepath.Join(dir, "offload.db"))

	must(t, foreign.Backup(t.Context(), filepath.Join(dir, "copy.db"), nil))

	found, err := openFile(t, filepath.Join(dir, "copy.db")).Find(t.Context(), store.Filter{})
	must(t, err)
	if len(found) != 1 || found[0].ID != job.ID {
		t.Errorf("the copy has %v, want job %s", found, job.ID)
	}
}
