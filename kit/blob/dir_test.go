package blob_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/blob/blobtest"
)

func open(t *testing.T, path string) blob.Store {
	t.Helper()
	s, err := blob.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDir(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "by it")
	blobtest.Run(t, open(t, path))
	for _, own := range []string{"tmp", "type/*"} {
		left, err := filepath.Glob(filepath.Join(path, ".offload", own, "*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left in %s: %q, %v; want nothing", own, left, err)
		}
	}
}

func TestDirKeepsPlainFiles(t *testing.T) {
	path := t.TempDir()
	s := open(t, path)
	if _, err := s.Put(t.Context(), "a/b.txt", strings.NewReader("hello"), blob.Options{Type: "text/html"}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(path, "a", "b.txt")); err != nil || string(got) != "hello" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	if info, err := open(t, path).Stat(t.Context(), "a/b.txt"); err != nil || info.Type != "text/html" {
		t.Errorf("another process sees %+v, %v; want the type", info, err)
	}
	// Somebody else's program writes the file: the type of the old content is not the new one's.
	if err := os.WriteFile(filepath.Join(path, "a", "b.txt"), []byte("more"), 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := s.Stat(t.Context(), "a/b.txt"); err != nil || info.Type != "text/plain; charset=utf-8" {
		t.Errorf("%+v, %v; want the type by name", info, err)
	}
}

func TestDirSweepsWhatTheDeadLeave(t *testing.T) {
	path := t.TempDir()
	open(t, path)
	temp := filepath.Join(path, ".offload", "tmp")
	if err := os.MkdirAll(temp, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{"dead": 25 * time.Hour, "slow": time.Hour} {
		name, then := filepath.Join(temp, name), time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(name, []byte("half"), 0o600), os.Chtimes(name, then, then)); err != nil {
			t.Fatal(err)
		}
	}
	open(t, path)
	left, err := os.ReadDir(temp)
	if err != nil || len(left) != 1 || left[0].Name() != "slow" {
		t.Errorf("left are %v, %v; want the one that is being written", left, err)
	}
}

func TestDirFollowsNoLinkOut(t *testing.T) {
	out, path := t.TempDir(), t.TempDir()
	secret := filepath.Join(out, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"file": secret, "dir": out} {
		if err := os.Symlink(target, filepath.Join(path, name)); err != nil {
			t.Skip("this system has no symbolic links: ", err)
		}
	}
	s := open(t, path)
	for _, key := range []string{"file", "dir/secret"} {
		if r, _, err := s.Get(t.Context(), key); err == nil {
			_ = r.Close()
			t.Errorf("Get %q reads what is outside", key)
		}
	}
	if _, err := s.Put(t.Context(), "dir/new", strings.NewReader("x"), blob.Options{}); err == nil {
		t.Error("Put writes outside")
	}
	if _, err := s.Put(t.Context(), "file", strings.NewReader("mine"), blob.Options{}); err != nil {
		t.Error(err) // the link is replaced, not followed
	}
	if err := s.Delete(t.Context(), "dir/secret"); err == nil {
		t.Error("Delete deletes outside")
	}
	if got, err := os.ReadFile(secret); err != nil || string(got) != "secret" {
		t.Errorf("outside there is %q, %v", got, err)
	}
	left, err := os.ReadDir(filepath.Join(path, ".offload", "tmp"))
	if err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v; want nothing", left, err)
	}
}

func TestDirRefusesAFileBelowAFile(t *testing.T) {
	s := open(t, t.TempDir())
	for _, key := range []string{"a", "b/c"} {
		if _, err := s.Put(t.Context(), key, strings.NewReader("x"), blob.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"a/b", "b"} {
		if _, err := s.Put(t.Context(), key, strings.NewReader("y"), blob.Options{}); err == nil || errors.Is(err, offload.ErrNotFound) {
			t.Errorf("Put %q: %v; want an error", key, err)
		}
	}
}
