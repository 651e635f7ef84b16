package mail_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/mail"
)

func blobs(t *testing.T, files map[string]string) blob.Store {
	t.Helper()
	store, err := blob.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for key, content := range files {
		if _, err := store.Put(t.Context(), key, strings.NewReader(content), blob.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

// attachedTo returns what is attached to a mail, by name.
func attachedTo(t *testing.T, text []byte) map[string]string {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := parts.NextPart()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		if name := part.FileName(); name != "" {
			for line := range strings.SplitSeq(strings.TrimRight(string(content), "\r\n"), "\r\n") {
				if len(line) > 76 {
					t.Errorf("%s: a line of %d letters", name, len(line))
				}
			}
			plain, err := base64.StdEncoding.DecodeString(string(content))
			if err != nil {
				t.Fatal(err)
			}
			found[name+" "+part.Header.Get("Content-Type")] = string(plain)
		}
	}
}

func TestBlobsAreAttached(t *testing.T) {
	server := startServer(t, starttls, nil)
	large := strings.Repeat("0123456789abcdef\r\n", 40_000)
	app := newApp(t, via(server), mail.Blobs(blobs(t, map[string]string{"bills/7.pdf": large, "empty": "", "one": "x"})))
	m := letter()
	m.Attach = []mail.File{
		{Name: "bill.pdf", Blob: "bills/7.pdf"},
		{Name: "empty.bin", Blob: "empty"},
		{Name: "one", Type: "text/plain", Blob: "one"},
		{Name: "again", Blob: "bills/7.pdf"},
	}
	wantState(t, sent(t, app, m), offload.Completed, "")
	got := attachedTo(t, server.mails()[0].text)
	want := map[string]string{
		`bill.pdf application/pdf; name="bill.pdf"`:            large,
		`empty.bin application/octet-stream; name="empty.bin"`: "",
		`one text/plain; name="one"`:                           "x",
		`again application/pdf; name="again"`:                  large,
	}
	for name, content := range want {
		if found, is := got[name]; !is || found != content {
			t.Errorf("%s: there are %d bytes, want %d", name, len(found), len(content))
		}
	}
	if len(got) != len(want) {
		t.Errorf("attached are %d files, want %d", len(got), len(want))
	}
}

// What is not there discards; a store that fails is asked again, and nothing is sent of a mail that could not be read whole.
func TestBlobsThatCantBeRead(t *testing.T) {
	server := startServer(t, starttls, nil)
	store := blobs(t, map[string]string{"bill": strings.Repeat("bill", 100_000)})
	m := letter()
	m.Attach = []mail.File{{Name: "bill.pdf", Blob: "gone"}, {Name: "other.pdf", Blob: "bill"}}
	wantState(t, sent(t, newApp(t, via(server), mail.Blobs(store)), m), offload.Discarded, `attach[0].blob is "gone"; want a key under which there is a file`)
	m.Attach = m.Attach[1:]
	wantState(t, sent(t, newApp(t, via(server)), m), offload.Discarded, "mail.Blobs")
	failing := &brittle{Store: store, left: 1}
	app := newApp(t, via(server), mail.Blobs(failing))
	job := sent(t, app, m)
	wantState(t, job, offload.Retryable, "the bucket is away")
	if n := len(server.mails()); n > 0 {
		t.Fatalf("%d mails arrived", n)
	}
	app.Advance(job.RunAt.Sub(app.Now()))
	app.Drain()
	wantState(t, again(t, app, job), offload.Completed, "")
	if failing.open != 0 {
		t.Errorf("%d readers were not closed", failing.open)
	}
}

// brittle is a store whose first readers break in the middle.
type brittle struct {
	blob.Store
	left, open int
}

func (b *brittle) Get(ctx context.Context, key string) (io.ReadCloser, blob.Info, error) {
	r, info, err := b.Store.Get(ctx, key)
	if err != nil {
		return nil, info, err
	}
	b.open++
	broken := io.Reader(r)
	if b.left--; b.left >= 0 {
		broken = io.MultiReader(io.LimitReader(r, 100_000), away{})
	}
	return &counted{broken, r, b}, info, nil
}

type away struct{}

func (away) Read([]byte) (int, error) { return 0, errors.New("the bucket is away") }

type counted struct {
	io.Reader
	io.Closer
	of *brittle
}

func (c *counted) Close() error {
	c.of.open--
	return c.Closer.Close()
}
