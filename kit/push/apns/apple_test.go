package apns_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/push/apns"
)

const device = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"

// An apple is the other end: HTTP/2 only, and checks the program's token as Apple's documentation says.
type apple struct {
	*httptest.Server
	key *ecdsa.PrivateKey

	mu     sync.Mutex
	answer func(w http.ResponseWriter, n int) // to the nth request; nil takes it
	got    []got
}

// A got is a push as it arrived.
type got struct {
	path    string
	header  http.Header
	payload string
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func p8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func newApple(t *testing.T) *apple {
	t.Helper()
	a := &apple{key: newKey(t)}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(a.take))
	a.EnableHTTP2 = true
	a.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	a.StartTLS()
	t.Cleanup(a.Close)
	return a
}

// service is one for the test's Apple.
func (a *apple) service(t *testing.T) apns.Service {
	client := a.Client()
	t.Cleanup(client.CloseIdleConnections)
	return apns.Service{Key: p8(t, a.key), KeyID: "ABC123DEFG", TeamID: "DEF123GHIJ", Topic: "example.shop", URL: a.URL, Client: client}
}

func say(w http.ResponseWriter, status int, reason string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"reason":%q}`, reason)
}

func (a *apple) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if r.ProtoMajor != 2 {
		say(w, http.StatusHTTPVersionNotSupported, "HTTP/1")
		return
	}
	if err := checkToken(&a.key.PublicKey, r.Header.Get("Authorization")); err != nil {
		say(w, http.StatusForbidden, "InvalidProviderToken")
		return
	}
	a.mu.Lock()
	a.got = append(a.got, got{r.URL.Path, r.Header.Clone(), string(body)})
	n, answer := len(a.got), a.answer
	a.mu.Unlock()
	w.Header().Set("apns-id", r.Header.Get("apns-id"))
	if answer != nil {
		answer(w, n)
	}
}

func (a *apple) answers(f func(w http.ResponseWriter, n int)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = f
}

func (a *apple) all() []got {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]got(nil), a.got...)
}

// checkToken is what Apple does with a bearer token.
func checkToken(key *ecdsa.PublicKey, authorization string) error {
	token, is := strings.CutPrefix(authorization, "bearer ")
	parts := strings.Split(token, ".")
	if !is || len(parts) != 3 {
		return errors.New("no token")
	}
	var raw [3][]byte
	for i, p := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.DecodeString(p); err != nil {
			return err
		}
	}
	hash := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if len(raw[2]) != 64 || !ecdsa.Verify(key, hash[:], new(big.Int).SetBytes(raw[2][:32]), new(big.Int).SetBytes(raw[2][32:])) {
		return errors.New("another signature")
	}
	var header struct{ Alg, Kid string }
	var claims struct {
		Iss string
		Iat int64
	}
	if err := errors.Join(json.Unmarshal(raw[0], &header), json.Unmarshal(raw[1], &claims)); err != nil {
		return err
	}
	if age := time.Since(time.Unix(claims.Iat, 0)); header.Alg != "ES256" || header.Kid != "ABC123DEFG" || claims.Iss != "DEF123GHIJ" || age < 0 || age > time.Hour {
		return fmt.Errorf("header %+v, claims %+v", header, claims)
	}
	return nil
}

func message() push.Message {
	return push.Message{
		To: push.Target{APNs: &push.Device{Token: device}}, Title: "Your order", Body: "It is on its way.", URL: "shop://orders/7",
	}
}
