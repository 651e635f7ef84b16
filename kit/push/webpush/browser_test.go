package webpush_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload/kit/push"
)

// A browser is the other end of web push: it has a subscription, and reads what is sent to it as RFC 8188, 8291 and 8292 say, with
// nothing of the kit's.
type browser struct {
	key  *ecdh.PrivateKey
	auth []byte
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{key, make([]byte, 16)}
	_, _ = rand.Read(b.auth)
	return b
}

// subscription is what JSON.stringify makes of the browser's.
func (b *browser) subscription(t *testing.T, endpoint string) *push.Subscription {
	t.Helper()
	text := fmt.Sprintf(`{"endpoint":%q,"expirationTime":null,"keys":{"p256dh":%q,"auth":%q}}`, endpoint, b64(b.key.PublicKey().Bytes()), b64(b.auth))
	var s push.Subscription
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func unb64(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		panic(err) // a test's own text
	}
	return b
}

func hmac256(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// decrypt reads the body of a push.
func (b *browser) decrypt(body []byte) ([]byte, error) {
	if len(body) < 86+17 || len(body) > 4096 {
		return nil, fmt.Errorf("a body of %d bytes", len(body))
	}
	salt, size, keyLen := body[:16], binary.BigEndian.Uint32(body[16:20]), int(body[20])
	if keyLen != 65 {
		return nil, fmt.Errorf("a key of %d bytes", keyLen)
	}
	sender, record := body[21:86], body[86:]
	if size < 18 || len(record) > int(size) {
		return nil, fmt.Errorf("a record of %d bytes, where %d are the most", len(record), size)
	}
	public, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		return nil, err
	}
	shared, err := b.key.ECDH(public)
	if err != nil {
		return nil, err
	}
	one := []byte{1}
	prk := hmac256(b.auth, shared)
	ikm := hmac256(prk, []byte("WebPush: info\x00"), b.key.PublicKey().Bytes(), sender, one)
	prk = hmac256(salt, ikm)
	block, err := aes.NewCipher(hmac256(prk, []byte("Content-Encoding: aes128gcm\x00"), one)[:16])
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	text, err := gcm.Open(nil, hmac256(prk, []byte("Content-Encoding: nonce\x00"), one)[:12], record, nil)
	if err != nil {
		return nil, err
	}
	text = []byte(strings.TrimRight(string(text), "\x00"))
	if len(text) == 0 || text[len(text)-1] != 2 {
		return nil, errors.New("no end of the last record")
	}
	return text[:len(text)-1], nil
}

// TestTheBrowserReadsTheRFC holds this file to the example of RFC 8291.
func TestTheBrowserReadsTheRFC(t *testing.T) {
	key, err := ecdh.P256().NewPrivateKey(unb64("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"))
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{key, unb64("BTBZMqHH6r4Tts7J_aSIgg")}
	text, err := b.decrypt(unb64("DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A" +
		"_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"))
	if err != nil || string(text) != "When I grow up, I want to be a watermelon" {
		t.Errorf("read %q, %v", text, err)
	}
}

// checkVAPID is what a push service does with Authorization (RFC 8292).
func checkVAPID(r *http.Request, public string) error {
	rest, is := strings.CutPrefix(r.Header.Get("Authorization"), "vapid t=")
	token, k, both := strings.Cut(rest, ", k=")
	parts := strings.Split(token, ".")
	if !is || !both || len(parts) != 3 {
		return errors.New("no vapid header of two parameters")
	}
	if k != public {
		return errors.New("another key than that of the subscription")
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), unb64(k))
	if err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature := unb64(parts[2])
	if len(signature) != 64 || !ecdsa.Verify(key, hash[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return errors.New("another signature")
	}
	var header struct{ Typ, Alg string }
	var claims struct {
		Aud, Sub string
		Exp      int64
	}
	if err := errors.Join(json.Unmarshal(unb64(parts[0]), &header), json.Unmarshal(unb64(parts[1]), &claims)); err != nil {
		return err
	}
	if header.Alg != "ES256" || claims.Aud != "https://"+r.Host || claims.Sub != "mailto:ops@shop.example" {
		return fmt.Errorf("header %+v, claims %+v", header, claims)
	}
	if left := time.Until(time.Unix(claims.Exp, 0)); left <= 0 || left > 24*time.Hour {
		return fmt.Errorf("good for %v", left)
	}
	return nil
}
