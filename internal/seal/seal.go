// Package seal encrypts the texts of jobs, and binds each to what it is.
//
// A sealed text is an ASCII text of four parts with dots between them:
//
//	v1 . bound . key id . data
//
// "v1" is the version of the format. The second part says to what the text is bound: "job" to the
// id of a job, "unique" to a task and a unique key, "schedule" to the name of a schedule, "record"
// to the kind and key of a record. The third is the id of the key: a name, which may have dots itself. The data is a random nonce of
// 12 bytes and what AES-256-GCM makes of the text, in base64url without padding.
//
// The key of AES is made of the one with that id by HKDF-SHA-256 (expand only) with the text's
// binding as info: each job has a key of its own, so that random nonces never meet, however many
// jobs there are. The additional data of GCM are all parts in front, the kind of the text (input,
// result, memo, …), its name, and the binding once more, each with its length in front. A text that was put into another job,
// or into another place of its own, does not open.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// KeySize is how many bytes a key has.
const KeySize = 32

// Keys are keys by their ids.
type Keys map[string][]byte

// A Bound says to what a text is bound.
type Bound string

// What a text may be bound to.
const (
	ToJob      Bound = "job"      // Owner is the job's id
	ToUnique   Bound = "unique"   // Owner is the job's task and unique key
	ToSchedule Bound = "schedule" // Owner is the schedule's name
	ToRecord   Bound = "record"   // Owner is the record's kind and key
)

// A Place is where a text belongs.
type Place struct {
	Bound Bound
	Owner string
	Kind  string // "input", "result", "memo", "text", "attrs", "value"
	Name  string // of a memo
}

// Why a text does not open.
var (
	ErrNoKey = errors.New("the key of its id is not there")
	ErrWrong = errors.New("the key of its id is another than the one it was encrypted with, or the text was changed or moved")
	ErrForm  = errors.New("it is no encrypted text of a known version")
)

const version = "v1"

var encoding = base64.RawURLEncoding.Strict()

const (
	nonceSize = 12
	tagSize   = 16
)

// Seal encrypts text with a key for a place.
func (k Keys) Seal(id string, text []byte, at Place) (string, error) {
	head := version + "." + string(at.Bound) + "." + id + "."
	aead, err := k.aead(id, at)
	if err != nil {
		return "", err
	}
	data := make([]byte, nonceSize, nonceSize+len(text)+tagSize)
	if _, err := rand.Read(data); err != nil {
		return "", fmt.Errorf("random bytes: %w", err)
	}
	data = aead.Seal(data, data, text, additional(head, at))
	return head + encoding.EncodeToString(data), nil
}

// Size is how long a sealed text is that has n bytes in the clear, and a key id of so many.
func Size(n, id int) int {
	return len(version) + 1 + len(ToSchedule) + 1 + id + 1 + encoding.EncodedLen(nonceSize+n+tagSize)
}

// Room is how long a text may be to be at most n bytes when it is sealed.
func Room(n, id int) int {
	data := encoding.DecodedLen(max(n-Size(0, id)+encoding.EncodedLen(nonceSize+tagSize), 0))
	return max(data-nonceSize-tagSize, 0)
}

// Parse reads what stands in front of a sealed text.
func Parse(sealed string) (bound Bound, id string, err error) {
	bound, id, _, err = parse(sealed)
	return bound, id, err
}

func parse(sealed string) (bound Bound, id, data string, err error) {
	rest, ok := strings.CutPrefix(sealed, version+".")
	to, rest, more := strings.Cut(rest, ".")
	last := strings.LastIndexByte(rest, '.')
	if !ok || !more || last < 1 {
		return "", "", "", ErrForm
	}
	switch bound = Bound(to); bound {
	case ToJob, ToUnique, ToSchedule, ToRecord:
		return bound, rest[:last], rest[last+1:], nil
	}
	return "", "", "", ErrForm
}

// Open decrypts a sealed text that belongs to a place. The error is ErrNoKey, ErrWrong or ErrForm.
func (k Keys) Open(sealed string, at Place) ([]byte, error) {
	bound, id, encoded, err := parse(sealed)
	if err != nil {
		return nil, err
	}
	if k[id] == nil {
		return nil, ErrNoKey
	}
	data, err := encoding.DecodeString(encoded)
	if err != nil || len(data) < nonceSize+tagSize || bound != at.Bound || strings.ContainsAny(encoded, "\r\n") {
		return nil, ErrWrong
	}
	aead, err := k.aead(id, at)
	if err != nil {
		return nil, err
	}
	head := sealed[:len(sealed)-len(encoded)]
	text, err := aead.Open(nil, data[:nonceSize], data[nonceSize:], additional(head, at))
	if err != nil {
		return nil, ErrWrong
	}
	if text == nil {
		text = []byte{}
	}
	return text, nil
}

func (k Keys) aead(id string, at Place) (cipher.AEAD, error) {
	if k[id] == nil {
		return nil, ErrNoKey
	}
	own, err := hkdf.Expand(sha256.New, k[id], "offload "+version+" "+string(at.Bound)+" "+at.Owner, KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	block, err := aes.NewCipher(own)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

// additional is the additional data of a text: each part with its length in front.
func additional(head string, at Place) []byte {
	var b bytes.Buffer
	for _, part := range []string{head, at.Owner, at.Kind, at.Name} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		b.Write(size[:])
		b.WriteString(part)
	}
	return b.Bytes()
}
