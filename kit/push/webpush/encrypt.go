package webpush

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// The body of a push (RFC 8291, section 4) is one record of RFC 8188: salt, size of records, length of the key's id, the sender's public
// key as that id; then what is encrypted: the payload, a 2 for the last record, zeros as padding, and 16 bytes of tag.
const (
	mostBody   = 4096 // that every push service takes
	saltSize   = 16
	keySize    = 65
	headerSize = saltSize + 4 + 1 + keySize
	tagSize    = 16
	recordSize = 4096 // at least what is in the record
	mostText   = mostBody - headerSize - tagSize - 1
	padTo      = 256
)

// encrypt encrypts a payload for a browser, with a key and salt of its own.
func encrypt(payload []byte, browser *ecdh.PublicKey, auth []byte) ([]byte, error) {
	own, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	padding := (padTo - (len(payload)+1)%padTo) % padTo
	return seal(payload, min(padding, mostText-len(payload)), browser, auth, own, salt)
}

// seal is encrypt with all that is drawn by lot given.
func seal(payload []byte, padding int, browser *ecdh.PublicKey, auth []byte, own *ecdh.PrivateKey, salt []byte) ([]byte, error) {
	if len(payload) > mostText {
		return nil, refuse("payload", fmt.Sprintf("%d bytes", len(payload)), fmt.Sprintf("up to %d bytes", mostText))
	}
	shared, err := own.ECDH(browser)
	if err != nil {
		return nil, err
	}
	from := own.PublicKey().Bytes()
	secret, err := hkdf.Key(sha256.New, shared, auth, "WebPush: info\x00"+string(browser.Bytes())+string(from), 32)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, secret, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, secret, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	body := make([]byte, 0, headerSize+len(payload)+1+max(padding, 0)+tagSize)
	body = append(body, salt...)
	body = binary.BigEndian.AppendUint32(body, recordSize)
	body = append(body, keySize)
	body = append(body, from...)
	record := make([]byte, len(payload)+1+max(padding, 0))
	copy(record, payload)
	record[len(payload)] = 2
	return gcm.Seal(body, nonce, record, nil), nil
}
