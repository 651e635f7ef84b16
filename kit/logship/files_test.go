package logship_test

import (
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/kit/logship"
)

func TestFilesAreRotated(t *testing.T) {
	for _, compress := range []bool{false, true} {
		dir := t.TempDir()
		path := filepath.Join(dir, "logs", "shop.log")
		ship := open(t, logship.Files(path, logship.Rotate{Bytes: 4 << 10, Keep: 3, Compress: compress}))
		log := slog.New(ship.Handler())
		for i := range 400 {
			log.Info(fmt.Sprint("record ", i))
			if i%50 == 0 {
				must(t, ship.Flush(t.Context()))
			}
		}
		must(t, ship.Flush(t.Context()))
		names, err := filepath.Glob(filepath.Join(dir, "logs", "shop*"))
		must(t, err)
		if len(names) != 4 {
			t.Errorf("%d files are there: %v", len(names), names)
		}
		var all strings.Builder
		for _, name := range append(names[:len(names)-1:len(names)-1], path) {
			f, err := os.Open(name)
			must(t, err)
			var r io.Reader = f
			if strings.HasSuffix(name, ".gz") != (compress && name != path) {
				t.Errorf("%s is there", name)
			}
			if strings.HasSuffix(name, ".gz") {
				r, err = gzip.NewReader(f)
				must(t, err)
			}
			b, err := io.ReadAll(r)
			must(t, err)
			must(t, f.Close())
			if len(b) == 0 || len(b) > 4<<10 {
				t.Errorf("%s has %d bytes", name, len(b))
			}
			all.Write(b)
		}
		lines := strings.Split(strings.TrimSpace(all.String()), "\n")
		for i, line := range lines { // the newest ones, in order, without a gap
			if want := fmt.Sprintf(`"record %d"`, 400-len(lines)+i); !strings.Contains(line, want) {
				t.Fatalf("line %d is %s, want %s", i, line, want)
			}
		}
		must(t, os.Remove(path))
		log.Info("anew")
		must(t, ship.Flush(t.Context()))
		if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), "anew") {
			t.Errorf("after it was deleted: %q, %v", b, err)
		}
	}
}

func TestARelativePathIsRotatedToo(t *testing.T) {
	t.Chdir(t.TempDir())
	ship := open(t, logship.Files("./shop.log", logship.Rotate{Bytes: 1 << 10, Keep: 2}))
	log := slog.New(ship.Handler())
	for i := range 100 {
		log.Info(fmt.Sprint("record ", i))
	}
	must(t, ship.Flush(t.Context()))
	names, err := filepath.Glob("shop*")
	must(t, err)
	newest, err := os.ReadFile(names[len(names)-1])
	must(t, err)
	if len(names) != 3 || !strings.Contains(string(newest), "record 99") {
		t.Errorf("%v, %s", names, newest)
	}
}

// A process that is killed while it puts a file aside leaves it as it was, half compressed, or beside the whole: the next one ends that, and keeps as many as it shall.
func TestWhatACrashLeavesIsCompressed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "shop.log")
	for name, text := range map[string]string{
		"shop-20260101T000000.000.log.gz": "the oldest goes", "shop-20260102T000000.000.log": "killed before", "shop-20260103T000000.000.log": "killed meanwhile", "shop-20260103T000000.000.log.gz.new": "half",
		"shop-20260104T000000.000.log": "killed after", "shop-20260104T000000.000.log.gz": "killed after, and whole", "shop.log": "now\n",
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	old := time.Now().Add(-25 * time.Hour)
	must(t, os.Chtimes(path, old, old))
	ship := open(t, logship.Files(path, logship.Rotate{Every: 24 * time.Hour, Keep: 4, Compress: true}))
	slog.New(ship.Handler()).Info("today")
	must(t, ship.Flush(t.Context()))
	names, err := filepath.Glob(filepath.Join(dir, "shop-*"))
	must(t, err)
	var got []string
	for _, name := range names {
		f, err := os.Open(name)
		must(t, err)
		z, err := gzip.NewReader(f)
		must(t, err)
		text, err := io.ReadAll(z)
		must(t, errors.Join(err, f.Close()))
		got = append(got, string(text))
	}
	if want := []string{"killed before", "killed meanwhile", "killed after", "now\n"}; !slices.Equal(got, want) {
		t.Errorf("put aside are %q, %q; want %q, all compressed", names, got, want)
	}
}

func TestAnOldFileIsPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.log")
	must(t, os.WriteFile(path, []byte("of yesterday\n"), 0o600))
	old := time.Now().Add(-25 * time.Hour)
	must(t, os.Chtimes(path, old, old))
	ship := open(t, logship.Files(path, logship.Rotate{Every: 24 * time.Hour}))
	slog.New(ship.Handler()).Info("today")
	must(t, ship.Flush(t.Context()))
	b, err := os.ReadFile(path)
	must(t, err)
	if strings.Contains(string(b), "yesterday") || !strings.Contains(string(b), "today") {
		t.Errorf("%s", b)
	}
}

func TestATableHasEachRecordOnce(t *testing.T) {
	for name, dsn := range map[string]func(t *testing.T) string{
		"sqlite": func(t *testing.T) string { return "file:" + filepath.Join(t.TempDir(), "logs.db") },
		"pgx":    func(t *testing.T) string { return testpg.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			db, err := sql.Open(name, dsn(t))
			must(t, err)
			defer db.Close()
			to := &twice{to: logship.Table(db, 24*time.Hour)}
			_, err = logship.New(to.to) // makes the table
			must(t, err)
			_, err = db.ExecContext(t.Context(), "INSERT INTO offload_logs VALUES ('old', 1, 0, 'old', '{}')")
			must(t, err)
			ship := open(t, to)
			log := slog.New(ship.Handler())
			for i := range 1111 {
				log.Warn(fmt.Sprint("re\x00cord ", i), "text", "\xff\x00'")
			}
			must(t, ship.Flush(t.Context()))
			var n, different, level int
			must(t, db.QueryRowContext(t.Context(), "SELECT count(*), count(DISTINCT message), min(level) FROM offload_logs").Scan(&n, &different, &level))
			if n != 1111 || different != 1111 || level != 4 {
				t.Errorf("%d records, %d different, level %d", n, different, level)
			}
			var record string
			must(t, db.QueryRowContext(t.Context(), "SELECT record FROM offload_logs WHERE message = 'record 7'").Scan(&record))
			if !strings.HasPrefix(record, `{"time":"`) || !strings.Contains(record, `\u0000`) {
				t.Error(record)
			}
		})
	}
}

// twice is a destination whose answer gets lost each time.
type twice struct{ to logship.Destination }

func (w *twice) Ship(ctx context.Context, items []logship.Item) error {
	if err := w.to.Ship(ctx, items); err != nil {
		return err
	}
	return w.to.Ship(ctx, items)
}
