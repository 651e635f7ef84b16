// Package ticket makes texts that prove that this program has said something, until a time: what a link carries.
package ticket

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/offloadhq/offload"
)

// Keys sign tickets of one purpose. The first signs, and each of them is taken: so keys are changed without breaking what is under way. They are safe for
// concurrent use.
type Keys struct {
	purpose string
	keys    [][]byte
}

// leastKey is how many bytes a key must have.
const leastKey = 16

// New returns keys for a purpose, such as "offload status 1": what is signed for one is worth nothing for another. The error is an *offload.InputError of the field
// "keys".
func New(purpose string, keys [][]byte) (*Keys, error) {
	if len(keys) == 0 {
		return nil, &offload.InputError{Field: "keys", Got: "none", Want: "one or more"}
	}
	for _, key := range keys {
		if len(key) < leastKey {
			return nil, &offload.InputError{Field: "keys", Got: fmt.Sprintf("one of %d bytes", len(key)), Want: fmt.Sprintf("%d bytes or more", leastKey)}
		}
	}
	return &Keys{purpose, keys}, nil
}

// Sign makes a ticket that says something until a time: letters, digits, - and _.
func (k *Keys) Sign(says []byte, until time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	b = append(b, says...)
	return base64.RawURLEncoding.EncodeToString(append(k.sum(k.keys[0], b), b...))
}

// Open returns what a ticket says, if it is one of these keys and its time has not come.
func (k *Keys) Open(text string) (says []byte, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < sha256.Size+8 {
		return nil, false
	}
	sum, rest := b[:sha256.Size], b[sha256.Size:]
	for _, key := range k.keys {
		if hmac.Equal(k.sum(key, rest), sum) {
			return rest[8:], time.Now().Unix() < int64(binary.BigEndian.Uint64(rest))
		}
	}
	return nil, false
}

func (k *Keys) sum(key, b []byte) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte(k.purpose + "\x00"))
	_, _ = m.Write(b)
	return m.Sum(nil)
}
