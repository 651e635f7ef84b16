package testpg

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// binaries returns the folder with initdb and postgres, or skips the test.
func binaries(t testing.TB) string {
	t.Helper()
	bin, err := find()
	if err != nil {
		t.Fatal(err)
	}
	if bin == "" {
		Skip(t, "postgres", "postgresql")
	}
	return bin
}

// Binaries returns the folder with initdb and postgres for a test that runs a server in a way of
// its own, or skips the test.
func Binaries(t testing.TB) string {
	t.Helper()
	return binaries(t)
}

// find returns the folder with initdb and postgres, "" where nothing is installed.
func find() (string, error) {
	if bin := os.Getenv("OFFLOAD_TEST_PGBIN"); bin != "" {
		if !has(bin, "initdb", "postgres") {
			return "", fmt.Errorf("$OFFLOAD_TEST_PGBIN is %q, where there is no initdb or no postgres", bin)
		}
		return bin, nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well-formed
	found = slices.DeleteFunc(found, func(bin string) bool { return !has(bin, "initdb", "postgres") })
	if len(found) == 0 {
		return "", nil
	}
	return slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) }), nil
}

func has(bin string, names ...string) bool {
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			return false
		}
	}
	return true
}

// version is the number in /usr/lib/postgresql/15/bin.
func version(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin))) // what is no number is oldest
	return n
}

// Skip skips a test that needs a Debian package, as one of a group of which make test makes
// one line. Where $CI is set, what is not there is a failure.
func Skip(t testing.TB, group, debian string) {
	t.Helper()
	line := fmt.Sprintf("SKIPPED GROUP %s: install with apt-get install %s", group, debian)
	if os.Getenv("CI") != "" {
		t.Fatal(line)
	}
	t.Skip(line)
}

// An account is who runs servers, which refuse to be run by root.
type account struct {
	other    bool // than who runs the test
	uid, gid uint32
}

// plainUser returns an account that is not root's.
func plainUser() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return account{true, uint32(uid), uint32(gid)}, nil
		}
	}
	return account{}, fmt.Errorf("root may not run PostgreSQL, and there is no user postgres or nobody")
}

// own gives a file or folder to the account.
func (a account) own(path string) error {
	if !a.other {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}

func (a account) attributes() *syscall.SysProcAttr {
	if !a.other {
		return &syscall.SysProcAttr{}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.uid, Gid: a.gid}}
}

// Own gives a file or folder to the account that servers run under.
func Own(path string) error {
	account, err := plainUser()
	if err != nil {
		return err
	}
	return account.own(path)
}

// Attributes has a program run under the account of servers.
func Attributes() (*syscall.SysProcAttr, error) {
	account, err := plainUser()
	if err != nil {
		return nil, err
	}
	return account.attributes(), nil
}
