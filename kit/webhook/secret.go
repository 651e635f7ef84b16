package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// The prefixes of the specification.
const (
	prefixShared  = "whsec_" // a shared secret of 24 to 64 bytes
	prefixPrivate = "whsk_"  // a private key of ed25519
	prefixPublic  = "whpk_"  // its public key
)

// A Secret is what an endpoint's messages are signed with: "whsec_…", a shared secret, or
// "whsk_…", a private key. Printed in whatever way it shows its kind alone; string(s) is all of it.
type Secret string

// NewSecret makes a shared secret of 32 bytes, for HMAC-SHA256.
func NewSecret() Secret {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return Secret(prefixShared + base64.StdEncoding.EncodeToString(b[:]))
}

// NewPrivateKey makes a private key, for ed25519. The subscriber gets its Public key.
func NewPrivateKey() Secret {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic("webhook: " + err.Error()) // crypto/rand never fails
	}
	return Secret(prefixPrivate + base64.StdEncoding.EncodeToString(key))
}

// Public is what a private key's messages are verified with: "whpk_…". A shared secret, and what
// is no key, have none: "".
func (s Secret) Public() string {
	key, err := s.parse()
	if err != nil || key.private == nil {
		return ""
	}
	return prefixPublic + base64.StdEncoding.EncodeToString(key.private.Public().(ed25519.PublicKey))
}

// String hides the secret.
func (s Secret) String() string {
	if kind, _, ok := strings.Cut(string(s), "_"); ok && (kind == "whsec" || kind == "whsk") {
		return kind + "_…"
	}
	return "…"
}

// Format hides the secret from every verb of fmt.
func (s Secret) Format(f fmt.State, _ rune) { f.Write([]byte(s.String())) }

// LogValue hides the secret from log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// A Key signs until its time.
type Key struct {
	Secret Secret    `json:"secret"`
	Until  time.Time `json:"until,omitzero"` // zero: as long as the endpoint has it
}

const wantSecret = `"whsec_" or "whsk_" and base64 of a secret of 24 to 64 bytes or an ed25519 key`

// A key is a secret that was read.
type key struct {
	shared  []byte
	private ed25519.PrivateKey
	public  ed25519.PublicKey
}

var errSecret = errors.New("webhook: not a secret or key: want " + wantSecret)

// parse reads a secret to sign with. No error repeats it.
func (s Secret) parse() (key, error) {
	k, err := parseKey(string(s))
	if err == nil && k.public != nil {
		return key{}, errSecret
	}
	return k, err
}

// parseKey reads a secret, a private or a public key. An empty one, or one too short, is refused:
// whoever leaves a setting out would accept everybody's signature.
func parseKey(s string) (key, error) {
	prefix, text, ok := strings.Cut(s, "_")
	raw, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		return key{}, errSecret
	}
	switch prefix + "_" {
	case prefixShared:
		if len(raw) >= 24 && len(raw) <= 64 {
			return key{shared: raw}, nil
		}
	case prefixPrivate:
		switch len(raw) {
		case ed25519.SeedSize:
			return key{private: ed25519.NewKeyFromSeed(raw)}, nil
		case ed25519.PrivateKeySize:
			private := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
			if private.Equal(ed25519.PrivateKey(raw)) { // a wrong half would give the key away
				return key{private: private}, nil
			}
		}
	case prefixPublic:
		if len(raw) == ed25519.PublicKeySize {
			return key{public: raw}, nil
		}
	}
	return key{}, errSecret
}

// signed is what a signature is over.
func signed(id, timestamp string, body []byte) []byte {
	text := make([]byte, 0, len(id)+len(timestamp)+len(body)+2)
	text = append(text, id...)
	text = append(text, '.')
	text = append(text, timestamp...)
	text = append(text, '.')
	return append(text, body...)
}

func (k key) sign(text []byte) string {
	if k.private != nil {
		return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(k.private, text))
	}
	return "v1," + base64.StdEncoding.EncodeToString(k.mac(text))
}

func (k key) mac(text []byte) []byte {
	mac := hmac.New(sha256.New, k.shared)
	mac.Write(text)
	return mac.Sum(nil)
}

// verify reports whether one signature, with its version, is of the text by this key. A shared
// secret never verifies v1a, nor a public key v1: what the other side says doesn't choose the method.
func (k key) verify(signature string, text []byte) bool {
	version, encoded, _ := strings.Cut(signature, ",")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case err != nil:
		return false
	case version == "v1" && k.shared != nil:
		return hmac.Equal(raw, k.mac(text))
	case version == "v1a" && k.public != nil:
		return len(raw) == ed25519.SignatureSize && ed25519.Verify(k.public, text, raw)
	case version == "v1a" && k.private != nil:
		return len(raw) == ed25519.SignatureSize && ed25519.Verify(k.private.Public().(ed25519.PublicKey), text, raw)
	}
	return false
}

// signatures are those of all keys that sign at now, the newest first.
func signatures(keys []Key, now time.Time, text []byte) (string, error) {
	var all []string
	for _, k := range keys {
		if !k.Until.IsZero() && !now.Before(k.Until) {
			continue
		}
		parsed, err := k.Secret.parse()
		if err != nil {
			return "", err
		}
		all = append(all, parsed.sign(text))
	}
	if len(all) == 0 {
		return "", errors.New("webhook: the endpoint has no key that signs")
	}
	return strings.Join(all, " "), nil
}

// Sign signs a message that a program sends by itself, as endpoints' are: it sets the headers webhook-id,
// which stays the same over attempts, webhook-timestamp, and webhook-signature, one for each key. An
// id has no dot in it. A key that is none is an error.
func Sign(header http.Header, id string, now time.Time, body []byte, keys ...Secret) error {
	if !isWord(id) || len(id) > 100 {
		return refuse("id", id, "up to 100 letters, digits, _ and -")
	}
	timestamp := strconv.FormatInt(now.Unix(), 10)
	all := make([]Key, len(keys))
	for i := range keys {
		all[i].Secret = keys[i]
	}
	signature, err := signatures(all, now, signed(id, timestamp, body))
	if err != nil {
		return err
	}
	setHeaders(header, id, timestamp, signature)
	return nil
}

// setHeaders writes them in lower case, as the specification does.
func setHeaders(header http.Header, id, timestamp, signature string) {
	header["webhook-id"] = []string{id}
	header["webhook-timestamp"] = []string{timestamp}
	header["webhook-signature"] = []string{signature}
}

func refuse(field string, got any, want string) error {
	return &offload.InputError{Field: field, Got: got, Want: want}
}
