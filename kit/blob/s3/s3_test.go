package s3_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/blob/s3"
)

// The laws of blobtest are checked against a real server in bench/kits. Here is what no good
// server does.

func TestOpenRefusesNamingTheField(t *testing.T) {
	for _, test := range []struct {
		want string
		c    s3.Config
	}{
		{"Endpoint", s3.Config{Bucket: "shop"}},
		{"Endpoint", s3.Config{Endpoint: "s3.example.com", Bucket: "shop"}},
		{"Endpoint", s3.Config{Endpoint: "https://key:secret@s3.example.com", Bucket: "shop"}},
		{"Endpoint", s3.Config{Endpoint: "https://s3.example.com/bucket", Bucket: "shop"}},
		{"Endpoint", s3.Config{Endpoint: "http://%zz", Bucket: "shop"}},
		{"Bucket", s3.Config{Endpoint: "https://s3.example.com"}},
		{"Bucket", s3.Config{Endpoint: "https://s3.example.com", Bucket: "a/b"}},
		{"KeyID", s3.Config{Endpoint: "https://s3.example.com", Bucket: "shop", KeyID: "k"}},
	} {
		_, err := s3.Open(test.c)
		var refused *offload.InputError
		if !errors.As(err, &refused) || refused.Field != test.want || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v; want %s refused", test.c, err, test.want)
		}
	}
}

func serve(t *testing.T, h http.HandlerFunc) blob.Store {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s, err := s3.Open(s3.Config{Endpoint: server.URL, Bucket: "shop", KeyID: "k", Secret: "s", PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnswersDecide(t *testing.T) {
	for _, test := range []struct {
		status          int
		code            string
		temporary, gone bool
	}{
		{404, "NoSuchKey", false, true},
		{404, "NoSuchBucket", true, false},
		{403, "AccessDenied", true, false},
		{400, "InvalidArgument", false, false},
		{400, "ExpiredToken", true, false},
		{501, "NotImplemented", false, false},
		{507, "InsufficientStorage", true, false},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, "<Error><Code>"+test.code+"</Code><Message>why</Message></Error>")
		})
		_, _, err := s.Get(t.Context(), "k")
		if errors.Is(err, offload.ErrNotFound) != test.gone {
			t.Errorf("%s: %v; want ErrNotFound: %t", test.code, err, test.gone)
		}
		var e *s3.Error
		if !test.gone && (!errors.As(err, &e) || e.Temporary() != test.temporary || e.Code != test.code || e.Status != test.status) {
			t.Errorf("%s: %v; want it temporary: %t", test.code, err, test.temporary)
		}
	}
}

func TestAFileThatIsCutIsNoFile(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		w.Header().Set("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
		_, _ = io.WriteString(w, "half")
	})
	r, _, err := s.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r); err == nil {
		t.Errorf("read %q without an error; want one", text)
	}
	_ = r.Close()
}

func TestAContextThatEndsIsTheError(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel(offload.ErrStopping)
		<-r.Context().Done()
	})
	if _, err := s.Stat(ctx, "k"); !errors.Is(err, offload.ErrStopping) {
		t.Errorf("%v; want the cause", err)
	}
}
