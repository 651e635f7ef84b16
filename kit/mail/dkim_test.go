package mail_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/offloadtest"
)

// keysOf makes a key of each kind that mail servers know, and what the DNS says of it.
func keysOf(t *testing.T) map[string]signing {
	t.Helper()
	pair, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&pair.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	record := func(kind string, key []byte) string {
		return fmt.Sprintf("v=DKIM1; k=%s; p=%s", kind, base64.StdEncoding.EncodeToString(key))
	}
	return map[string]signing{"rsa": {pair, record("rsa", der)}, "ed25519": {private, record("ed25519", public)}}
}

type signing struct {
	key    crypto.Signer
	record string
}

// hard are mails that are easily signed wrongly.
func hard(t *testing.T) (dir string, all []mail.Message) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bill.pdf"), bytes.Repeat([]byte("bill\r\n\r\n "), 50_000), 0o600); err != nil {
		t.Fatal(err)
	}
	short := letter()
	listed := letter()
	listed.Unsubscribe = "https://shop.example/leave?u=7"
	listed.Headers = map[string]string{"Auto-Submitted": "auto-generated", "X-Entity-Ref-ID": "7"}
	long := listed
	long.Subject = strings.Repeat("Größe 42 — 注文 ", 30)
	long.To = []string{"\"Ada Lovelace, die Gräfin von Lovelace\" <ada@example.com>", "Bob <bob@example.com>"}
	long.Cc, long.ReplyTo = []string{"Eve <eve@example.com>"}, "help@shop.example"
	blanks := listed
	blanks.Text = ".\n..\r\n  spaces \t \r\nand a tab\t\r\rlone\n\n\n\n"
	blanks.HTML = "<p>\n.\n</p>\n\n"
	full := long
	full.HTML = `<img src="cid:logo.png">`
	full.Attach = []mail.File{
		{Name: "Rechnung für Ada.pdf", Path: "bill.pdf"},
		{Name: "empty.txt", Content: []byte{}},
		{Name: "logo.png", Content: []byte("\x89PNG\r\n"), Inline: true},
	}
	return dir, []mail.Message{short, listed, long, blanks, full}
}

// signedMails sends hard mails, many at once, and returns what arrived.
func signedMails(t *testing.T, key crypto.Signer) []arrived {
	t.Helper()
	server := startServer(t, starttls, nil)
	dir, all := hard(t)
	kit, err := mail.New(via(server), mail.From("Shop <orders@shop.example>"), mail.Files(dir), mail.DKIM("shop.example", "s1", key))
	if err != nil {
		t.Fatal(err)
	}
	app := offloadtest.New(kit, offload.LogTo(slog.New(slog.DiscardHandler)), offload.Workers("mail", 8))
	defer app.Close()
	const rounds = 4
	var jobs []*offload.Job
	for range rounds {
		for _, m := range all {
			job, err := mail.Send.Enqueue(t.Context(), app, m)
			if err != nil {
				t.Fatal(err)
			}
			jobs = append(jobs, job)
		}
	}
	app.Drain()
	for _, job := range jobs {
		wantState(t, again(t, app, job), offload.Completed, "")
	}
	got := server.mails()
	if len(got) != rounds*len(all) {
		t.Fatalf("%d mails arrived, want %d", len(got), rounds*len(all))
	}
	return got
}

// A signature holds for each mail, covers what a reader acts on, and lets nobody add another sender.
func TestSignaturesHold(t *testing.T) {
	for name, s := range keysOf(t) {
		t.Run(name, func(t *testing.T) {
			for _, m := range signedMails(t, s.key) {
				at := m.header(t, "Subject") + " " + m.header(t, "List-Unsubscribe")
				found, err := verify(m.text, s.record)
				if err != nil || len(found) != 1 || found[0].Err != nil || found[0].Domain != "shop.example" {
					t.Fatalf("%s: %v, %+v\n%s", at, err, found, m.header(t, "Dkim-Signature"))
				}
				if !bytes.HasPrefix(m.text, []byte("DKIM-Signature:")) {
					t.Errorf("%s: the signature does not stand on top of what it signs", at)
				}
				wanted := []string{"From", "To", "Subject", "Date", "Message-ID", "Reply-To", "Cc", "MIME-Version", "Content-Type"}
				if m.header(t, "List-Unsubscribe") != "" {
					wanted = append(wanted, "List-Unsubscribe", "List-Unsubscribe-Post") // RFC 8058 has both signed
				}
				for _, header := range wanted {
					if !slices.ContainsFunc(found[0].HeaderKeys, func(h string) bool { return strings.EqualFold(h, header) }) {
						t.Errorf("%s: %s is not signed: %q", at, header, found[0].HeaderKeys)
					}
				}
				for _, changed := range [][]byte{
					append([]byte("From: eve@example.com\r\n"), m.text...),
					append([]byte("Subject: another\r\n"), m.text...),
					bytes.Replace(m.text, []byte("To: "), []byte("To: eve@example.com, "), 1),
					append(slices.Clone(m.text), "more\r\n"...),
				} {
					if found, err := verify(changed, s.record); err == nil && found[0].Err == nil {
						t.Errorf("%s: what somebody has changed passes for signed:\n%.200s", at, changed)
					}
				}
			}
		})
	}
}

func verify(text []byte, record string) ([]*dkim.Verification, error) {
	return dkim.VerifyWithOptions(bytes.NewReader(text), &dkim.VerifyOptions{LookupTXT: func(domain string) ([]string, error) {
		if domain != "s1._domainkey.shop.example" {
			return nil, errors.New("no such name: " + domain)
		}
		return []string{record}, nil
	}})
}

// By another hand than the one that signs: dkimpy.
func TestSignaturesHoldForAnotherVerifier(t *testing.T) {
	python := "/usr/bin/python3" // that of the Debian package
	if err := exec.CommandContext(t.Context(), python, "-c", "import dkim, nacl").Run(); err != nil {
		t.Skip("SKIPPED GROUP dkimpy: install with apt-get install python3-dkim python3-nacl")
	}
	type question struct {
		Record string
		Mail   []byte
	}
	var asked []question
	for _, s := range keysOf(t) {
		for _, m := range signedMails(t, s.key) {
			asked = append(asked, question{s.record, m.text})
		}
	}
	broken := asked[0]
	broken.Mail = bytes.Replace(broken.Mail, []byte("Subject: "), []byte("Subject: not "), 1)
	asked = append(asked, broken)
	input, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", `
import base64, dkim, json, sys
for q in json.load(sys.stdin):
    try:
        print(dkim.verify(base64.b64decode(q["Mail"]), dnsfunc=lambda *a, **b: q["Record"].encode()))
    except Exception as e:
        print(repr(e))
`)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Repeat("True\n", len(asked)-1) + "False\n"
	if string(out) != want {
		t.Errorf("dkimpy says\n%swant True of each but the last", out)
	}
}

// A key that can sign nothing mail servers accept is an error of New; one that fails later is no fault of the mail.
func TestKeysThatCantSign(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, option := range map[string]mail.Option{
		"P-256":                 mail.DKIM("shop.example", "s1", other),
		"a domain that is none": mail.DKIM("shop.example; l=0", "s1", small),
		"selector":              mail.DKIM("shop.example", "s 1", small),
	} {
		wrong := (*offload.InputError)(nil)
		if _, err := mail.New(mail.Keep{Dir: t.TempDir()}, option); !errors.As(err, &wrong) || wrong.Field != "DKIM" {
			t.Errorf("%s: %v", name, err)
		}
	}
	app := newApp(t, mail.Keep{Dir: t.TempDir()}, mail.DKIM("shop.example", "s1", offHook{small}))
	wantState(t, sent(t, app, letter()), offload.Retryable, "the key is away")
}

// offHook is a key in a device that does not answer.
type offHook struct{ crypto.Signer }

func (offHook) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the key is away")
}
