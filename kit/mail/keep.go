package mail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/mail"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/offloadhq/offload"
)

// A box is an open Keep: a folder of mails.
type box struct{ root *os.Root }

func (t Keep) open() (carrier, error) {
	if t.Dir == "" {
		return nil, &offload.InputError{Field: "Keep.Dir", Got: "", Want: "a folder, which is made if it is not there"}
	}
	b, err := openBox(t.Dir)
	if err != nil {
		return nil, err
	}
	return b, nil
}

func openBox(dir string) (*box, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil { // mails are private
		return nil, fmt.Errorf("mail.Keep: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("mail.Keep: %w", err)
	}
	return &box{root}, nil
}

func (b *box) close() error { return b.root.Close() }

// carry keeps a letter, in place of one with the same Message-ID.
func (b *box) carry(_ context.Context, l *letter) (Receipt, error) {
	name, _, _ := strings.Cut(l.id, "@")
	return Receipt{MessageID: l.id, Via: "kept"}, b.keep(name, l.from, l.to, l.reader())
}

const eml = ".eml"

// keep writes a mail, whole or not at all: as a mail server would hand it over, with those it was for on top.
func (b *box) keep(name, from string, to []string, text io.Reader) (err error) {
	part := "." + uuid.NewString() + ".part"
	file, err := b.root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("keep a mail: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("keep a mail: %w", err), b.root.Remove(part))
		}
	}()
	_, err = fmt.Fprintf(file, "Return-Path: <%s>\r\nDelivered-To: %s\r\n", header(from), header(strings.Join(to, ", ")))
	if err == nil {
		_, err = io.Copy(file, text)
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return b.root.Rename(part, name+eml)
}

// header is a text that can stand behind the name of a header.
func header(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' {
			return -1
		}
		return c
	}, s)
}

// fileName names a mail's file by its Message-ID, as far as that can be a name: one that comes again is kept once.
func fileName(text []byte) string {
	if m, err := mail.ReadMessage(strings.NewReader(string(text))); err == nil {
		id, _, _ := strings.Cut(strings.Trim(m.Header.Get("Message-Id"), "<> "), "@")
		if isName(id) {
			return id
		}
	}
	return uuid.Must(uuid.NewV7()).String()
}

// isName reports whether s can be the name of a kept mail, without its ending.
func isName(s string) bool {
	return s != "" && len(s) <= 128 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// A kept is a mail's file.
type kept struct {
	name string
	at   time.Time
	size int64
}

// list returns the mails, newest first.
func (b *box) list() (all []kept, err error) {
	entries, err := fs.ReadDir(b.root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("list mails: %w", err)
	}
	for _, e := range entries {
		name, is := strings.CutSuffix(e.Name(), eml)
		if info, err := e.Info(); is && isName(name) && err == nil && info.Mode().IsRegular() {
			all = append(all, kept{name, info.ModTime(), info.Size()})
		}
	}
	slices.SortFunc(all, func(x, y kept) int { return cmp.Or(y.at.Compare(x.at), cmp.Compare(y.name, x.name)) })
	return all, nil
}

// mostShown is how much of a mail a page reads.
const mostShown = 64 << 20

// read returns a mail's text, or fs.ErrNotExist.
func (b *box) read(name string) ([]byte, error) {
	if !isName(name) {
		return nil, fs.ErrNotExist
	}
	file, err := b.root.Open(name + eml)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, mostShown))
}
