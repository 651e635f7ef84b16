package fcm_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/push/fcm"
)

const registration = "cXw1secret-of-the-app:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx"

// A google is the other end: an endpoint of tokens that checks the account's assertion, and Firebase.
type google struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu          sync.Mutex
	tokens      int                                // given so far
	lasts       int                                // seconds that a token does
	tokenAnswer func(w http.ResponseWriter) bool   // reports whether it has answered
	answer      func(w http.ResponseWriter, n int) // to the nth push; nil takes it
	good        string                             // the token that is good
	got         []string
}

// theKey is made once: it takes a while.
var theKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newGoogle(t *testing.T) *google {
	t.Helper()
	key, err := theKey()
	if err != nil {
		t.Fatal(err)
	}
	g := &google{key: key, lasts: 3599}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", g.giveToken)
	mux.HandleFunc("POST /v1/projects/shop-4711/messages:send", g.take)
	g.Server = httptest.NewUnstartedServer(mux)
	g.EnableHTTP2 = true
	g.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	g.StartTLS()
	t.Cleanup(g.Close)
	return g
}

func (g *google) account(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(g.key)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "shop-4711", "client_email": "push@shop-4711.iam.example", "private_key_id": "k1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": g.URL + "/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// service is one for the test's Google.
func (g *google) service(t *testing.T) fcm.Service {
	client := g.Client()
	t.Cleanup(client.CloseIdleConnections)
	return fcm.Service{Account: g.account(t), URL: g.URL, Client: client}
}

func (g *google) giveToken(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.tokenAnswer != nil && g.tokenAnswer(w) {
		return
	}
	if err := g.checkAssertion(r); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":"invalid_grant","error_description":%q}`, err)
		return
	}
	g.tokens++
	g.good = fmt.Sprintf("ya29.token-%d", g.tokens)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token":%q,"expires_in":%d,"token_type":"Bearer"}`, g.good, g.lasts)
}

// checkAssertion is what an endpoint of tokens does with a JWT bearer grant (RFC 7523).
func (g *google) checkAssertion(r *http.Request) error {
	if r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		return errors.New("another grant")
	}
	parts := strings.Split(r.FormValue("assertion"), ".")
	if len(parts) != 3 {
		return errors.New("no assertion")
	}
	var raw [3][]byte
	for i, p := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.DecodeString(p); err != nil {
			return err
		}
	}
	hash := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(&g.key.PublicKey, crypto.SHA256, hash[:], raw[2]); err != nil {
		return err
	}
	var header struct{ Alg, Kid string }
	var claims struct {
		Iss, Scope, Aud string
		Iat, Exp        int64
	}
	if err := errors.Join(json.Unmarshal(raw[0], &header), json.Unmarshal(raw[1], &claims)); err != nil {
		return err
	}
	if header.Alg != "RS256" || header.Kid != "k1" || claims.Iss != "push@shop-4711.iam.example" || claims.Aud != g.URL+"/token" ||
		claims.Scope != "https://www.googleapis.com/auth/firebase.messaging" || time.Unix(claims.Exp, 0).Before(time.Now()) || claims.Exp-claims.Iat > 3700 {
		return fmt.Errorf("header %+v, claims %+v", header, claims)
	}
	return nil
}

func (g *google) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	g.mu.Lock()
	if r.Header.Get("Authorization") != "Bearer "+g.good {
		g.mu.Unlock()
		say(w, http.StatusUnauthorized, "UNAUTHENTICATED", "")
		return
	}
	g.got = append(g.got, string(body))
	n, answer := len(g.got), g.answer
	g.mu.Unlock()
	if answer != nil {
		answer(w, n)
		return
	}
	fmt.Fprintf(w, `{"name":"projects/shop-4711/messages/%d"}`, n)
}

// say answers as Google's APIs do.
func say(w http.ResponseWriter, status int, name, details string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"code":%d,"message":"So it is.","status":%q,"details":[%s]}}`, status, name, details)
}

func fcmError(code string) string {
	return fmt.Sprintf(`{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":%q}`, code)
}

func violation(field string) string {
	return fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":%q,"description":"Invalid"}]}`, field)
}

func (g *google) set(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
}

func (g *google) all() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.got...)
}

func (g *google) given() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.tokens
}

func message() push.Message {
	return push.Message{
		To: push.Target{FCM: &push.Registration{Token: registration}}, Title: "Your order", Body: "It is on its way.", URL: "https://shop.example/orders/7",
	}
}
