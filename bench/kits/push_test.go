package kits_test

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	other "github.com/SherClockHolmes/webpush-go"
	"github.com/golang-jwt/jwt/v5"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/push/webpush"
)

// A pushService takes pushes, and keeps what they have in their headers.
type pushService struct {
	*httptest.Server
	subscription push.Subscription
	keys         webpush.Keys

	mu      sync.Mutex
	headers []http.Header
}

func newPushService(tb testing.TB) *pushService {
	tb.Helper()
	browser, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	s := &pushService{}
	if s.keys, err = webpush.NewKeys(); err != nil {
		tb.Fatal(err)
	}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s.mu.Lock()
		if len(s.headers) < 10 {
			s.headers = append(s.headers, r.Header.Clone())
		}
		s.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
	}))
	tb.Cleanup(s.Close)
	encode := base64.RawURLEncoding.EncodeToString
	s.subscription = push.Subscription{
		Endpoint: s.URL + "/send/7",
		Keys:     push.SubscriptionKeys{P256dh: encode(browser.PublicKey().Bytes()), Auth: encode(make([]byte, 16))},
	}
	return s
}

// kit is the kit's service, which may reach this machine.
func (s *pushService) kit(tb testing.TB) push.Carrier {
	tb.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		tb.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		tb.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	carrier, err := webpush.Service{
		Keys: s.keys, Contact: "mailto:ops@shop.example", Ports: []uint16{uint16(port)},
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, TLS: &tls.Config{RootCAs: roots},
	}.Open()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = carrier.Close() })
	return carrier
}

func (s *pushService) byKit(tb testing.TB, carrier push.Carrier, payload []byte) error {
	m := push.Message{To: push.Target{Web: &s.subscription}, Title: "x"}
	_, err := carrier.Carry(tb.Context(), &push.Letter{Message: m, ID: offload.NewID(), Payload: payload})
	return err
}

func (s *pushService) byOther(tb testing.TB, client *http.Client, payload []byte) error {
	to := &other.Subscription{Endpoint: s.subscription.Endpoint, Keys: other.Keys{P256dh: s.subscription.Keys.P256dh, Auth: s.subscription.Keys.Auth}}
	resp, err := other.SendNotificationWithContext(tb.Context(), payload, to, &other.Options{
		HTTPClient: client, Subscriber: "ops@shop.example", VAPIDPublicKey: s.keys.Public, VAPIDPrivateKey: s.keys.Private, TTL: 60,
	})
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.Body.Close()
}

// TestKeysAreThoseOfOthers sends with the kit's keys by webpush-go, and wants both to show themselves alike.
func TestKeysAreThoseOfOthers(t *testing.T) {
	s := newPushService(t)
	if err := s.byOther(t, s.Client(), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := s.byKit(t, s.kit(t), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	for i, h := range s.headers {
		token, k, _ := strings.Cut(strings.TrimPrefix(h.Get("Authorization"), "vapid t="), ", k=")
		claims := jwt.MapClaims{}
		_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) {
			point, err := base64.RawURLEncoding.DecodeString(k)
			if err != nil {
				return nil, err
			}
			return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		}, jwt.WithAudience(s.URL), jwt.WithExpirationRequired(), jwt.WithValidMethods([]string{"ES256"}))
		if subject, _ := claims.GetSubject(); err != nil || k != s.keys.Public || subject != "mailto:ops@shop.example" || h.Get("Content-Encoding") != "aes128gcm" {
			t.Errorf("the %dth: %v, claims %v, headers %v", i, err, claims, h)
		}
	}
	if len(s.headers) != 2 {
		t.Errorf("%d requests; want 2", len(s.headers))
	}
}

// BenchmarkPush encrypts, signs and sends pushes of 300 bytes to a service on this machine: the kit's, and webpush-go.
func BenchmarkPush(b *testing.B) {
	payload := fmt.Appendf(nil, `{"web_push":8030,"notification":{"title":"Your order","body":%q}}`, strings.Repeat("x", 230))
	b.Run("kit", func(b *testing.B) {
		s := newPushService(b)
		carrier := s.kit(b)
		for b.Loop() {
			if err := s.byKit(b, carrier, payload); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("webpush-go", func(b *testing.B) {
		s := newPushService(b)
		client := s.Client()
		for b.Loop() {
			if err := s.byOther(b, client, payload); err != nil {
				b.Fatal(err)
			}
		}
	})
}
