// Package kits_test holds the kits' tests against what the main module need not know.
package kits_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/blob/blobtest"
	"github.com/offloadhq/offload/kit/blob/s3"
)

// s3Server starts versitygw, an S3 server whose buckets are directories, with the bucket
// "shop", and returns its URL and the directory of the bucket.
func s3Server(t *testing.T) (endpoint, bucket string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "versitygw")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/versity/versitygw/cmd/versitygw").CombinedOutput(); err != nil {
		t.Fatalf("build the server: %v: %s", err, out)
	}
	bucket = filepath.Join(dir, "data", "shop")
	if err := errors.Join(os.MkdirAll(bucket, 0o700), os.Mkdir(filepath.Join(dir, "meta"), 0o700)); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(program, "--port", addr, "--access", "key", "--secret", "secret-key", "--quiet",
		"posix", "--sidecar", filepath.Join(dir, "meta"), filepath.Join(dir, "data"))
	log := &strings.Builder{}
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Log("the server said: " + log.String())
		}
	})
	for range time.Tick(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			break
		}
		if t.Context().Err() != nil {
			t.FailNow()
		}
	}
	return "http://" + addr, bucket
}

func openS3(t *testing.T, c s3.Config) blob.Store {
	t.Helper()
	s, err := s3.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestS3(t *testing.T) {
	endpoint, bucket := s3Server(t)
	c := s3.Config{Endpoint: endpoint, Bucket: "shop", KeyID: "key", Secret: "secret-key", PathStyle: true}
	s := openS3(t, c)
	blobtest.Run(t, s)

	t.Run("failed uploads leave no parts", func(t *testing.T) {
		err := filepath.WalkDir(bucket, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				t.Errorf("left: %s", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})

	t.Run("a wrong secret", func(t *testing.T) {
		wrong := c
		wrong.Secret = "another"
		_, err := openS3(t, wrong).Put(t.Context(), "k", strings.NewReader("x"), blob.Options{})
		var e *s3.Error
		if !errors.As(err, &e) || e.Status != http.StatusForbidden || e.Code != "SignatureDoesNotMatch" {
			t.Errorf("%v; want SignatureDoesNotMatch (403)", err)
		}
		if err != nil && strings.Contains(err.Error(), "another") {
			t.Errorf("%v shows the secret", err)
		}
	})

	t.Run("a bucket that isn't there is not a file that isn't", func(t *testing.T) {
		other := c
		other.Bucket = "other"
		_, _, err := openS3(t, other).Get(t.Context(), "k")
		var e *s3.Error
		if !errors.As(err, &e) || e.Code != "NoSuchBucket" || errors.Is(err, offload.ErrNotFound) || !e.Temporary() {
			t.Errorf("%v; want NoSuchBucket", err)
		}
	})

	t.Run("a link that was changed", func(t *testing.T) {
		if _, err := s.Put(t.Context(), "k", strings.NewReader("x"), blob.Options{}); err != nil {
			t.Fatal(err)
		}
		link, err := s.Link(t.Context(), "k", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Get(strings.Replace(link, "Expires=60", "Expires=6000", 1)) //nolint:gosec // our own server
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s %s %v; want 403", resp.Status, text, err)
		}
	})
}
