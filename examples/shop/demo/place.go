package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/logship"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/sms"
	"github.com/offloadhq/offload/kit/webhook"

	"github.com/offloadhq/offload/examples/shop"
	"github.com/offloadhq/offload/examples/shop/world"
)

// A place is where a shop finds the world around it: what all its processes must know.
type place struct {
	Database string `json:"database,omitempty"`
	Address  string `json:"address"` // of its pages
	Payment  string `json:"payment"`
	Mail     string `json:"mail"`
	Key      []byte `json:"-"`
}

// placeFile is where a place is written down for workers, and keyFile holds what links are signed with.
const (
	placeFile = "place.json"
	keyFile   = "key"
)

// open opens the shop of a directory. What it logs is shipped to a file of this process, which its
// name is that of: nobody who logs waits for a disk.
func (p place) open(ctx context.Context, dir, name string, parts ...offload.Part) (*shop.Shop, error) {
	ship, err := logship.New(logship.Files(filepath.Join(dir, logDir, name+".log"), logship.Rotate{Bytes: 10 << 20, Keep: 5}))
	if err != nil {
		return nil, err
	}
	s, err := shop.Open(ctx, shop.Settings{
		Dir: dir, Database: p.Database, Address: p.Address, Key: p.Key, Payment: p.Payment,
		Mail:  mail.SMTP{Addr: p.Mail, Plain: true},                 // the demo's server is on this machine
		Hooks: webhook.New(webhook.AllowPrivate(), webhook.Ports()), // and so is the supplier
		Push:  push.Keep{}, SMS: sms.Keep{},
		Log: slog.New(ship.Handler()),
	}, append(parts, ship)...)
	if err != nil {
		return nil, errors.Join(err, ship.Close())
	}
	return s, nil
}

func (p place) write(dir string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return world.WriteFile(filepath.Join(dir, placeFile), func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

func readPlace(dir string) (p place, err error) {
	text, err := os.ReadFile(filepath.Join(dir, placeFile))
	if err != nil {
		return place{}, err
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return place{}, fmt.Errorf("%s: %w", placeFile, err)
	}
	p.Key, err = keyIn(dir)
	return p, err
}

// keyIn is the key of a directory, made when it is asked for the first time.
func keyIn(dir string) ([]byte, error) {
	path := filepath.Join(dir, keyFile)
	key, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, 32)
	rand.Read(key)
	return key, os.WriteFile(path, key, 0o600)
}
