package image_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/image"
	"github.com/offloadhq/offload/offloadtest"
)

func bucketApp(t *testing.T, store blob.Store, opts ...image.Option) *offloadtest.App {
	t.Helper()
	kit, err := image.New("", append(opts, image.Blobs(store))...)
	if err != nil {
		t.Fatal(err)
	}
	app := offloadtest.New(kit, offload.LogTo(slog.New(slog.DiscardHandler)))
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	return app
}

func bucket(t *testing.T, key string, text []byte) blob.Store {
	t.Helper()
	store, err := blob.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), key, bytes.NewReader(text), blob.Options{}); err != nil {
		t.Fatal(err)
	}
	return store
}

// From one key of a store to others, twice as well as once, with nothing left on the machine.
func TestPicturesOfAStore(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("TMP", temporary)
	store := bucket(t, "up/7.jpg", jpegOf(t, quarters(1200, 800)))
	app := bucketApp(t, store)
	in := image.Input{From: "up/7.jpg", Make: []image.Rendition{{To: "thumbs/7.jpg", Width: 300}, {To: "7.png", Width: 90}}}
	offloadtest.Twice(t, app, image.Render.Call(in), func() any {
		var all []string
		for info, err := range store.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, info.Key+" "+info.Type)
		}
		return strings.Join(all, ", ")
	})
	files := rendered(t, app, in)
	for i, f := range files {
		r, info, err := store.Get(t.Context(), f.Path)
		if err != nil || info.Size != f.Bytes || info.Type != []string{"image/jpeg", "image/png"}[i] {
			t.Fatalf("%+v is %+v, %v", f, info, err)
		}
		text, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		put(t, dir, "made", text)
		m, _ := read(t, dir, "made")
		looksLike(t, f.Path, m, all)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestKeysThatCantBeAreDiscarded(t *testing.T) {
	app := bucketApp(t, bucket(t, "a.jpg", jpegOf(t, quarters(100, 100))))
	for _, test := range []struct{ from, to, said string }{
		{"none.jpg", "b.jpg", "a key of a picture"},
		{".offload/a.jpg", "b.jpg", "from"},
		{"a.jpg", ".offload/b.jpg", "make[0].to"},
	} {
		job, err := image.Render.Enqueue(t.Context(), app, image.Input{From: test.from, Make: []image.Rendition{{To: test.to}}})
		if err != nil {
			t.Fatal(err)
		}
		app.Drain()
		wantDiscarded(t, app, job, test.said)
	}
	// What a store says of the size need not be so.
	app = bucketApp(t, endless{})
	job, err := image.Render.Enqueue(t.Context(), app, image.Input{From: "a.jpg", Make: []image.Rendition{{To: "b.jpg"}}})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	wantDiscarded(t, app, job, "at most 67108864 bytes")
}

func TestAStoreThatFailsIsAskedAgain(t *testing.T) {
	app := bucketApp(t, broken{})
	job, err := image.Render.Enqueue(t.Context(), app, image.Input{From: "a.jpg", Make: []image.Rendition{{To: "b.jpg"}}})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if job, err = app.Job(t.Context(), job.ID); err != nil || job.State != offload.Retryable || !strings.Contains(job.Error, "the bucket is away") {
		t.Errorf("%+v, %v", job, err)
	}
	for name, make := range map[string]func() (*image.Kit, error){
		"Blobs": func() (*image.Kit, error) { return image.New("", image.Blobs(nil)) },
		"dir":   func() (*image.Kit, error) { return image.New(t.TempDir(), image.Blobs(broken{})) },
	} {
		wrong := (*offload.InputError)(nil)
		if _, err := make(); !errors.As(err, &wrong) || wrong.Field != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type broken struct{ blob.Store }

func (broken) Get(context.Context, string) (io.ReadCloser, blob.Info, error) {
	return nil, blob.Info{}, errors.New("the bucket is away")
}

type endless struct{ blob.Store }

func (endless) Get(context.Context, string) (io.ReadCloser, blob.Info, error) {
	return io.NopCloser(zeros{}), blob.Info{}, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
