package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

//go:embed releases.txt
var releasesText string

// A release is one of the list.
type release struct{ version, commit string }

// releases returns the list, oldest first.
func releases() (all []release) {
	for line := range strings.Lines(releasesText) {
		if fields := strings.Fields(line); len(fields) == 2 && !strings.HasPrefix(line, "#") {
			all = append(all, release{fields[0], fields[1]})
		}
	}
	return all
}

// root is the folder of offload's module, as the go command sees it from here.
func root() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/offloadhq/offload").Output()
	if err != nil {
		return "", fmt.Errorf("find the source of offload (run it in bench/, with go): %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// lacksReleases says what this machine lacks to build an older release, "" if nothing.
func lacksReleases(string) string {
	for _, name := range []string{"go", "git", "tar"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Sprintf("it builds older releases, and there is no %s", name)
		}
	}
	dir, err := root()
	if err != nil {
		return err.Error()
	}
	for _, r := range releases() {
		if exec.Command("git", "-C", dir, "cat-file", "-e", r.commit+"^{commit}").Run() != nil {
			return fmt.Sprintf("it builds release %s, and commit %s is not in this clone: git fetch --unshallow", r.version, r.commit)
		}
	}
	return ""
}

// builds are programs of several releases, which do the same.
type builds struct {
	old  string // the release before this one
	now  string // this source
	next string // this source with one migration more
}

// building is held while programs are built: trials on both stores want the same, and what the
// first has compiled the other finds in go's cache.
var building sync.Mutex

// build builds them. The same source, that of the folder release, is compiled in each.
func build(s *Stage) builds {
	s.Helper()
	building.Lock()
	defer building.Unlock()
	dir, err := root()
	if err != nil {
		s.Fatalf("%v", err)
	}
	to := s.TempDir()
	b := builds{filepath.Join(to, "old"), filepath.Join(to, "now"), filepath.Join(to, "next")}
	all := releases()
	err = errors.Join(
		buildOld(s, dir, all[len(all)-1], b.old),
		compile(s, filepath.Join(dir, "bench"), b.now, "./chaos/release"),
		buildNext(s, dir, b.next),
	)
	if err != nil {
		s.Fatalf("%v", err)
	}
	return b
}

func compile(s *Stage, in, to string, args ...string) error {
	cmd := exec.CommandContext(s.ctx, "go", append([]string{"build", "-o", to}, args...)...)
	cmd.Dir = in
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build in %s: %w: %s", in, err, out)
	}
	return nil
}

// buildOld builds the program from a commit: its tree, with the program's source in a folder of it.
func buildOld(s *Stage, dir string, r release, to string) error {
	tree := s.TempDir()
	line := fmt.Sprintf("git -C %q archive %s | tar -x -C %q", dir, r.commit, tree)
	if out, err := exec.CommandContext(s.ctx, "sh", "-c", line).CombinedOutput(); err != nil {
		return fmt.Errorf("unpack release %s: %w: %s", r.version, err, out)
	}
	source, err := os.ReadFile(filepath.Join(dir, "bench/chaos/release/main.go"))
	if err == nil {
		err = os.MkdirAll(filepath.Join(tree, "cmd/release"), 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(tree, "cmd/release/main.go"), source, 0o644)
	}
	if err != nil {
		return err
	}
	return compile(s, tree, to, "./cmd/release")
}

// The migration that the next release has beyond this one. It takes a moment, so that it can be
// killed in the middle, and locks what is used all the time for a part of that.
var nextMigration = map[string][2]string{
	"sqlite": {
		`-- A column more.
CREATE TABLE offload_chaos AS
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600000) SELECT i FROM n;
ALTER TABLE offload_job ADD COLUMN chaos TEXT;
DROP TABLE offload_chaos;
`,
		"-- A column less.\nALTER TABLE offload_job DROP COLUMN chaos;\n",
	},
	"postgres": {
		`-- A column more.
SELECT pg_sleep(0.2);
ALTER TABLE offload.job ADD COLUMN chaos text;
SELECT pg_sleep(0.1);
`,
		"-- A column less.\nALTER TABLE offload.job DROP COLUMN chaos;\n",
	},
}

// buildNext builds the program from this source and a migration that lies beside it.
func buildNext(s *Stage, dir, to string) error {
	beside := s.TempDir()
	replace := map[string]string{}
	for kind, texts := range nextMigration {
		there, err := filepath.Glob(filepath.Join(dir, "store", kind, "sql/migrations/*.up.sql"))
		if err != nil || len(there) == 0 {
			return fmt.Errorf("there are no migrations of store/%s: %w", kind, err)
		}
		newest := 0
		for _, name := range there {
			number, _, _ := strings.Cut(filepath.Base(name), "_")
			n, err := strconv.Atoi(number)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			newest = max(newest, n)
		}
		for i, way := range []string{"up", "down"} {
			name := fmt.Sprintf("%04d_chaos.%s.sql", newest+1, way)
			file := filepath.Join(beside, kind+"-"+name)
			if err := os.WriteFile(file, []byte(texts[i]), 0o644); err != nil {
				return err
			}
			replace[filepath.Join(filepath.Dir(there[0]), name)] = file
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	overlay := filepath.Join(beside, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o644); err != nil {
		return err
	}
	return compile(s, filepath.Join(dir, "bench"), to, "-overlay", overlay, "./chaos/release")
}
