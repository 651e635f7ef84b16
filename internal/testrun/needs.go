package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A need is a program that tests start, and the Debian package it comes in.
type need struct {
	name    string // as people know it
	debian  string
	present func() bool
}

// needs returns what the tests that o asks for would start.
func needs(o options) []need {
	all := []need{
		{"PostgreSQL", "postgresql", hasPostgres},
		{"pgbouncer", "pgbouncer", hasProgram("pgbouncer", "/usr/sbin/pgbouncer")},
		{"libfaketime", "libfaketime", hasFaketime},
		{"vipsthumbnail", "libvips-tools", hasProgram("vipsthumbnail")},
		{"dkimpy", "python3-dkim python3-nacl", func() bool { return exec.Command("/usr/bin/python3", "-c", "import dkim, nacl").Run() == nil }},
	}
	bench := slices.ContainsFunc(o.modules(), func(g group) bool { return g.dir == "bench" })
	if o.race || bench {
		all = append(all, need{"a C compiler, for the race detector and SQLite's C library", "gcc libc6-dev", func() bool { return raceless() == "" }})
	}
	if bench {
		all = append(all,
			need{"Redis", "redis-server", hasProgram("redis-server")},
			need{"npm", "npm", hasProgram("npm")},
			need{"Chromium", "chromium", hasProgram("chromium")},
		)
	}
	return all
}

// provide installs what is missing, or says what to install. That something stays missing is
// not its error: the tests that need it name themselves as skipped.
func provide(ctx context.Context, needs []need, install bool, w io.Writer) {
	var names, packages []string
	for _, n := range needs {
		if !n.present() {
			names = append(names, n.name)
			packages = append(packages, strings.Fields(n.debian)...)
		}
	}
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(w, "missing: %s\n", strings.Join(names, ", "))
	advice := "to run the tests that need it: apt-get install " + strings.Join(packages, " ")
	prefix, can := aptPrefix(ctx)
	if !install || !can {
		fmt.Fprintln(w, advice)
		return
	}
	fmt.Fprintf(w, "installing: %s\n", strings.Join(packages, " "))
	if err := aptInstall(ctx, prefix, packages); err != nil {
		fmt.Fprintf(w, "could not install: %v\n%s\n", err, advice)
	}
}

// aptPrefix returns what goes in front of apt-get, and whether it may be run without a
// question being asked.
func aptPrefix(ctx context.Context) (prefix []string, can bool) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return nil, false
	}
	if os.Geteuid() == 0 {
		return nil, true
	}
	if exec.CommandContext(ctx, "sudo", "-n", "true").Run() != nil {
		return nil, false
	}
	return []string{"sudo", "-n"}, true
}

// aptInstall installs packages. The lists of a fresh machine are empty or old: then they are
// fetched, and it tries again.
func aptInstall(ctx context.Context, prefix, packages []string) error {
	apt := func(args ...string) error {
		line := append(append([]string{}, prefix...), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120")
		line = append(line, args...)
		out, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("apt-get %s: %w: %s", args[0], err, lastLine(out))
		}
		return nil
	}
	install := append([]string{"install", "-y", "--no-install-recommends"}, packages...)
	if apt(install...) == nil {
		return nil
	}
	if err := apt("update"); err != nil {
		return err
	}
	return apt(install...)
}

// hasPostgres reports whether a server can be made: initdb and postgres side by side.
func hasPostgres() bool {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is well-formed
	for _, initdb := range found {
		if _, err := os.Stat(filepath.Join(filepath.Dir(initdb), "postgres")); err == nil {
			return true
		}
	}
	return false
}

// hasFaketime reports whether the clock of a server can be moved.
func hasFaketime() bool {
	found, _ := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1") // the pattern is well-formed
	return len(found) > 0
}

// hasProgram reports whether a program is on the path or at one of the places where it is
// when the path of a plain user leaves it out.
func hasProgram(name string, places ...string) func() bool {
	return func() bool {
		if _, err := exec.LookPath(name); err == nil {
			return true
		}
		for _, p := range places {
			if _, err := os.Stat(p); err == nil {
				return true
			}
		}
		return false
	}
}

// raceless says why the race detector cannot be used, "" if it can.
func raceless() string {
	out, err := exec.Command("go", "env", "CGO_ENABLED", "CC").Output()
	if err != nil {
		return fmt.Sprintf("go env: %v", err)
	}
	cgo, cc, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	program, _, _ := strings.Cut(cc, " ")
	_, missing := exec.LookPath(program)
	switch {
	case missing != nil:
		return "no C compiler; apt-get install gcc libc6-dev"
	case cgo == "0":
		// go turns cgo off by itself where it finds no compiler, so it is said second.
		return "cgo is off; set CGO_ENABLED=1"
	}
	return ""
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
