// Package webpush sends the pushes of kit push to browsers: Web Push (RFC 8030), encrypted for the browser alone (RFC 8291, RFC 8188),
// in the name of the program (VAPID, RFC 8292).
//
//	kit, err := push.New(push.Via(webpush.Service{
//		Keys:    webpush.Keys{Private: os.Getenv("VAPID_PRIVATE_KEY")},
//		Contact: "mailto:ops@shop.example",
//	}))
//
// NewKeys makes the keys, once for a program: a browser subscribes with the public one (applicationServerKey), and nobody without the
// private one can push to it. Whoever changes them loses all subscriptions.
//
// # Answers
//
// 404 and 410 are a *push.GoneError: the subscription has ended. 401 is retried, as a service gives it when the clock here is wrong; 403,
// which a subscription made with other keys gets, is not.
//
// # Where it may lead
//
// Endpoints come from strangers. They are https, at port 443, and of the public internet: the address that is dialled is checked, at every
// attempt. No proxy is used and no redirect followed. AllowPrivate and Ports let more in, for development and for push services of one's
// own.
//
// # What the push service sees
//
// To whom, when, how urgent and about how long. The length is rounded up to 256 bytes; a Tag goes out as a hash of it.
package webpush

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/safedial"
	"github.com/offloadhq/offload/kit/push"
)

// A Service sends pushes to browsers, for push.Via.
type Service struct {
	Keys Keys

	// Contact is whom a push service may write to when something is wrong: "mailto:ops@shop.example", or an https URL. It
	// has to be one that exists: Apple's service refuses others.
	Contact string

	AllowPrivate []netip.Prefix // networks that are not of the public internet, where endpoints may be all the same
	Ports        []uint16       // that an endpoint may listen at, in place of 443
	TLS          *tls.Config    // nil trusts what the machine trusts
}

// Keys are the pair that a program shows itself by (VAPID): base64url, as other tools make them too. They print without the private one.
type Keys struct {
	Public  string `json:"public"` // may be left out of a Service: it follows from the other
	Private string `json:"private"`
}

// NewKeys makes a pair. Keep the private one where secrets are kept.
func NewKeys() (Keys, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return Keys{}, fmt.Errorf("webpush: make keys: %w", err)
	}
	return Keys{encode(key.PublicKey().Bytes()), encode(key.Bytes())}, nil
}

// String shows the public key.
func (k Keys) String() string { return "{" + k.Public + " …}" }

// GoString is String.
func (k Keys) GoString() string { return "webpush.Keys" + k.String() }

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(s), "="))
}

// parse returns the private key, and the public one as a browser has it.
func (k Keys) parse() (*ecdsa.PrivateKey, string, error) {
	raw, err := decode(k.Private)
	if err != nil || len(raw) != 32 {
		return nil, "", refuse("Keys.Private", "another text", "the private key of a pair of NewKeys: 32 bytes in base64url")
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		return nil, "", refuse("Keys.Private", "another text", "the private key of a pair of NewKeys")
	}
	public, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, "", refuse("Keys.Private", "another text", "the private key of a pair of NewKeys")
	}
	if k.Public != "" && strings.TrimRight(strings.TrimSpace(k.Public), "=") != encode(public) {
		return nil, "", refuse("Keys.Public", k.Public, "the public key that belongs to the private one, or none")
	}
	return key, encode(public), nil
}

func refuse(field string, got any, want string) error {
	return &offload.InputError{Field: field, Got: got, Want: want}
}

// Open is for push.New.
func (s Service) Open() (push.Carrier, error) {
	key, public, err := s.Keys.parse()
	if err != nil {
		return nil, err
	}
	contact, err := url.Parse(s.Contact)
	if err != nil || contact.Scheme != "https" && contact.Scheme != "mailto" || contact.Host+contact.Opaque == "" {
		return nil, refuse("Contact", fmt.Sprintf("%.100q", s.Contact), `"mailto:" and an address, or an https URL`)
	}
	ports := s.Ports
	if len(ports) == 0 {
		ports = []uint16{443}
	}
	dialer := &net.Dialer{
		Timeout: 10 * time.Second, KeepAlive: 15 * time.Second,
		ControlContext: safedial.Guard{Allow: slices.Clone(s.AllowPrivate)}.Control,
	}
	transport := &http.Transport{
		Proxy:                  nil, // would dial for us, where safedial can't see it
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true, // a dialer of one's own switches it off
		TLSClientConfig:        s.TLS.Clone(),
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  20 * time.Second, // strangers shall not hold workers for long
		MaxIdleConns:           100,              // of all the hosts that they name
		MaxIdleConnsPerHost:    10,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return &carrier{
		client: &http.Client{Transport: transport, CheckRedirect: push.NoRedirects}, ports: ports,
		vapid: vapid{key: key, public: public, contact: s.Contact},
	}, nil
}
