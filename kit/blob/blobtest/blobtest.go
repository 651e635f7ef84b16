// Package blobtest holds the laws that every blob.Store keeps. A new one runs them by one line:
//
//	func TestStore(t *testing.T) { blobtest.Run(t, open(t)) }
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
)

type law struct {
	name, sentence string
	check          func(t *testing.T, s blob.Store)
}

var laws = []law{
	{"PutGet", "what was put is got, with its type, size and key", putGet},
	{"Large", "a file of unknown length and many parts is got as it was put", large},
	{"Replace", "a put replaces content and type, and the version is another", replace},
	{"Failed", "a reader that fails leaves what was there, and nothing of its own", failedPut},
	{"Cancelled", "a context that ends is told by its cause, and leaves nothing", cancelled},
	{"Missing", "what is not there is ErrNotFound, and deleting it is no error", missing},
	{"List", "keys are listed by prefix, in the order of their bytes", list},
	{"Keys", "keys that leave the store, or not every store can have, are refused", keys},
	{"OpenReader", "a reader goes on with the content it began with", openReader},
	{"Concurrent", "concurrent puts of a key leave one of them whole", concurrent},
	{"Link", "a link is read without a login, or there is none", link},
}

// Run checks all laws. The store should be empty, and is left so.
func Run(t *testing.T, s blob.Store) {
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Log("the law: " + l.sentence)
				}
			}()
			l.check(t, s)
			for info, err := range s.List(t.Context(), "") {
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Delete(t.Context(), info.Key); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func put(t *testing.T, s blob.Store, key, text, mediaType string) blob.Info {
	t.Helper()
	info, err := s.Put(t.Context(), key, strings.NewReader(text), blob.Options{Type: mediaType})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func want(t *testing.T, s blob.Store, key, text, mediaType string) {
	t.Helper()
	r, info, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("Get %q: %v", key, err)
	}
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || string(got) != text {
		t.Errorf("%q holds %.100q, %v; want %.100q", key, got, err, text)
	}
	stat, err := s.Stat(t.Context(), key)
	if err != nil {
		t.Fatalf("Stat %q: %v", key, err)
	}
	for _, i := range []blob.Info{info, stat} {
		if i.Key != key || i.Type != mediaType || i.Size != int64(len(text)) || i.ETag == "" || i.Modified.IsZero() {
			t.Errorf("info %+v; want key %q, type %q, size %d, a time and a version", i, key, mediaType, len(text))
		}
	}
}

func putGet(t *testing.T, s blob.Store) {
	for _, test := range []struct{ key, text, mediaType, want string }{
		{"a.txt", "hello", "", "text/plain; charset=utf-8"},
		{"none", "", "", "application/octet-stream"},
		{"deep/er/b.csv", "a\x00b", "text/csv; header=present", "text/csv; header=present"},
		{"wörter und + % & ? # '\".txt", "x", "text/plain", "text/plain"},
	} {
		if i := put(t, s, test.key, test.text, test.mediaType); i.Key != test.key || i.Type != test.want || i.Size != int64(len(test.text)) {
			t.Errorf("put says %+v; want %+v", i, test)
		}
		want(t, s, test.key, test.text, test.want)
	}
}

// noise is n bytes that are the same for the same seed.
func noise(seed byte, n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{seed}), n)
}

func large(t *testing.T, s blob.Store) {
	for _, n := range []int64{1 << 20, 16<<20 - 1, 16 << 20, 33<<20 + 7} {
		sum := sha256.New()
		info, err := s.Put(t.Context(), "large", io.TeeReader(noise(1, n), sum), blob.Options{})
		if err != nil || info.Size != n {
			t.Fatalf("put of %d: %+v, %v", n, info, err)
		}
		r, info, err := s.Get(t.Context(), "large")
		if err != nil || info.Size != n {
			t.Fatalf("get of %d: %+v, %v", n, info, err)
		}
		got := sha256.New()
		if m, err := io.Copy(got, r); err != nil || m != n || !bytes.Equal(got.Sum(nil), sum.Sum(nil)) {
			t.Errorf("got %d bytes, %v; want the %d put", m, err, n)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func replace(t *testing.T, s blob.Store) {
	first := put(t, s, "k.bin", "one", "text/csv")
	second := put(t, s, "k.bin", "two", "text/html")
	want(t, s, "k.bin", "two", "text/html")
	if first.ETag == second.ETag {
		t.Errorf("both versions are %q", first.ETag)
	}
	put(t, s, "k.bin", "three", "")
	want(t, s, "k.bin", "three", "application/octet-stream")
}

func failedPut(t *testing.T, s blob.Store) {
	broken := errors.New("the source broke")
	put(t, s, "kept", "old", "text/csv")
	for _, n := range []int64{0, 10, 1<<20 + 1, 20 << 20} {
		for _, key := range []string{"kept", "new"} {
			_, err := s.Put(t.Context(), key, io.MultiReader(noise(2, n), &failing{broken}), blob.Options{})
			if !errors.Is(err, broken) {
				t.Errorf("after %d bytes: %v; want the source's error", n, err)
			}
		}
	}
	want(t, s, "kept", "old", "text/csv")
	wantKeys(t, s, "", "kept")
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func cancelled(t *testing.T, s blob.Store) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := &stopping{r: noise(3, 20<<20), after: 17 << 20, stop: func() { cancel(offload.ErrStopping) }}
	if _, err := s.Put(ctx, "k", stop, blob.Options{}); !errors.Is(err, offload.ErrStopping) {
		t.Errorf("put: %v; want the cause", err)
	}
	_, _, get := s.Get(ctx, "k")
	_, stat := s.Stat(ctx, "k")
	var listed error
	for _, err := range s.List(ctx, "") {
		listed = err
	}
	for _, err := range []error{get, stat, s.Delete(ctx, "k"), listed} {
		if !errors.Is(err, offload.ErrStopping) {
			t.Errorf("%v; want the cause", err)
		}
	}
	wantKeys(t, s, "")
}

type stopping struct {
	r     io.Reader
	after int
	stop  func()
}

func (s *stopping) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.after -= n; s.after < 0 {
		s.stop()
	}
	return n, err
}

func missing(t *testing.T, s blob.Store) {
	put(t, s, "there/a", "x", "")
	for _, key := range []string{"k", "there", "there/b"} {
		_, _, get := s.Get(t.Context(), key)
		_, stat := s.Stat(t.Context(), key)
		if !errors.Is(get, offload.ErrNotFound) || !errors.Is(stat, offload.ErrNotFound) {
			t.Errorf("%q: Get %v, Stat %v; want ErrNotFound", key, get, stat)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete %q: %v", key, err)
		}
	}
	want(t, s, "there/a", "x", "application/octet-stream")
	for range 2 {
		if err := s.Delete(t.Context(), "there/a"); err != nil {
			t.Error(err)
		}
	}
	wantKeys(t, s, "")
	put(t, s, "there", "a file where there was a directory", "")
}

func wantKeys(t *testing.T, s blob.Store, prefix string, want ...string) {
	t.Helper()
	var got []string
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, info.Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("keys with prefix %q: %q; want %q", prefix, got, want)
	}
}

func list(t *testing.T, s blob.Store) {
	all := []string{"a-b", "a.txt", "a/b", "a/c/d", "a0", "b", "ä"}
	for _, key := range all {
		put(t, s, key, key, "")
	}
	wantKeys(t, s, "", all...)
	wantKeys(t, s, "a", "a-b", "a.txt", "a/b", "a/c/d", "a0")
	wantKeys(t, s, "a/", "a/b", "a/c/d")
	wantKeys(t, s, "a/c", "a/c/d")
	wantKeys(t, s, "nothing")
	wantKeys(t, s, "../")
	for info, err := range s.List(t.Context(), "a/") {
		if err != nil || info.Size != 3 || info.Modified.IsZero() {
			t.Errorf("%+v, %v; want size 3 and a time", info, err)
		}
		break // whoever has enough may stop
	}
}

func keys(t *testing.T, s blob.Store) {
	for _, key := range []string{
		"", ".", "..", "../a", "/a", "a/", "a//b", "a/../b", "./a", "a\\b", "a\x00b", "a\nb", "\xff",
		".offload/tmp/x", ".OFFLOAD/x", strings.Repeat("x", 256), strings.Repeat("x/", 600) + "x",
	} {
		_, putErr := s.Put(t.Context(), key, strings.NewReader("x"), blob.Options{})
		_, _, get := s.Get(t.Context(), key)
		_, stat := s.Stat(t.Context(), key)
		_, linkErr := s.Link(t.Context(), key, time.Hour)
		for _, err := range []error{putErr, get, stat, s.Delete(t.Context(), key), linkErr} {
			var refused *offload.InputError
			if !errors.As(err, &refused) || refused.Field != "key" {
				t.Errorf("%.40q: %v; want the key refused", key, err)
			}
		}
	}
	_, err := s.Put(t.Context(), "a", strings.NewReader("x"), blob.Options{Type: "text/csv\r\nX: y"})
	var refused *offload.InputError
	if !errors.As(err, &refused) || refused.Field != "type" {
		t.Errorf("a type with a line break: %v; want it refused", err)
	}
	wantKeys(t, s, "")
}

func openReader(t *testing.T, s blob.Store) {
	put(t, s, "k", "first", "")
	r, _, err := s.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "k", "other", "")
	if err := s.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || string(got) != "first" {
		t.Errorf("read %q, %v; want the first", got, err)
	}
}

func concurrent(t *testing.T, s blob.Store) {
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			text := strings.Repeat(fmt.Sprint(i), 100_000)
			if _, err := s.Put(t.Context(), "dir/k", strings.NewReader(text), blob.Options{Type: fmt.Sprint("text/", i)}); err != nil {
				t.Error(err)
			}
			if r, _, err := s.Get(t.Context(), "dir/k"); err == nil {
				got, err := io.ReadAll(r)
				if err != nil || len(got) != 100_000 || strings.Trim(string(got), string(got[:1])) != "" {
					t.Errorf("read %d bytes of a mixture, %v", len(got), err)
				}
				_ = r.Close()
			}
		})
	}
	all.Wait()
	r, info, err := s.Get(t.Context(), "dir/k")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	_ = r.Close()
	if err != nil || info.Type != "text/"+string(got[:1]) {
		t.Errorf("type %q of content %q, %v; want one of them whole", info.Type, got[:1], err)
	}
}

func link(t *testing.T, s blob.Store) {
	put(t, s, "a b/ü.csv", "a,b", "text/csv")
	u, err := s.Link(t.Context(), "a b/ü.csv", time.Minute)
	if errors.Is(err, blob.ErrNoLink) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(u) //nolint:noctx,gosec // as a browser would
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || string(got) != "a,b" || resp.Header.Get("Content-Type") != "text/csv" {
		t.Errorf("%s: %s %q %v, %v; want the file", u, resp.Status, got, resp.Header, err)
	}
	http.DefaultClient.CloseIdleConnections()
}
