package mail_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
)

// What is attached passes through, signed or not, and leaves nothing behind.
func TestLargeMailsAreNeverWholeInMemory(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	files, kept, temporary := t.TempDir(), t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("TMP", temporary) // Windows
	const size = 64 << 20
	large := filepath.Join(files, "large.bin")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, size); err != nil {
		t.Fatal(err)
	}
	for name, opts := range map[string][]mail.Option{
		"signed": {mail.DKIM("shop.example", "s1", weighing{key, func(held uint64) {
			if held > size/4 {
				t.Errorf("when a mail of %d MiB is signed, %d MiB of memory are in use", size>>20, held>>20)
			}
		}})},
		"not signed": nil,
	} {
		t.Run(name, func(t *testing.T) {
			app := newApp(t, mail.Keep{Dir: kept}, append(opts, mail.Files(files))...)
			m := letter()
			m.Attach = []mail.File{{Name: "large.bin", Path: "large.bin"}}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			job := sent(t, app, m)
			runtime.ReadMemStats(&after)
			wantState(t, job, offload.Completed, "")
			if took := after.TotalAlloc - before.TotalAlloc; opts == nil && took > size/4 {
				t.Errorf("a mail of %d MiB took %d MiB of memory in all", size>>20, took>>20)
			}
			if info, err := os.Stat(filepath.Join(kept, job.ID.String()+".eml")); err != nil || info.Size() < size*4/3 {
				t.Errorf("kept is %v, %v", info, err)
			}
			if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestMailsThatNobodyTakesAreRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 256 MiB")
	}
	files, temporary := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("TMP", temporary)
	large := filepath.Join(files, "large.bin")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 1<<40); err != nil {
		t.Fatal(err)
	}
	m := letter()
	m.Attach = []mail.File{{Name: "large.bin", Path: "large.bin"}}
	wantState(t, sent(t, newApp(t, mail.Keep{Dir: t.TempDir()}, mail.Files(files)), m), offload.Discarded, "want a link")
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// weighing is a key that looks how much memory is in use when it signs.
type weighing struct {
	crypto.Signer
	held func(bytes uint64)
}

func (w weighing) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	w.held(now.HeapAlloc)
	return w.Signer.Sign(random, digest, opts)
}
