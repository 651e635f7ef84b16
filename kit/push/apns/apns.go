// Package apns sends the pushes of kit push to devices of Apple's, by the Apple Push Notification service: HTTP/2, with a token of the
// program's key (ES256).
//
//	kit, err := push.New(push.Via(apns.Service{
//		Key: p8, KeyID: "ABC123DEFG", TeamID: "DEF123GHIJ", Topic: "example.shop",
//	}))
//
// # Answers
//
// 410, and 400 BadDeviceToken, are a *push.GoneError. A token of a development build is a BadDeviceToken for Apple's service proper, and the
// other way round: note Device.Sandbox beside a token when the app gives it, or OnGone forgets tokens that are good. That Apple does not
// accept this program's token (403, of the kinds that speak of it) is retried, at once with a new one when it was too old; every other 4xx
// but 429 discards the job.
//
// # Once
//
// apns-id is the job's id, by which Apple's console and its support find the push; Apple does not drop a second one. apns-collapse-id is the
// Tag or else the job's id, by which a device shows the second in place of the first.
package apns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/push"
)

// A Service sends pushes to devices of Apple's, for push.Via.
type Service struct {
	Key    []byte // the .p8 file that Apple gave: a private key in PEM
	KeyID  string // of that key: 10 characters
	TeamID string // of the developer account: 10 characters
	Topic  string // the bundle id of the app, for devices that name none

	// URL is where to send to, in place of Apple's two: for tests, and for a relay.
	URL string
	// Client makes the requests: for a proxy, or other roots of trust. It has to speak HTTP/2. nil is one of the service's own,
	// which uses no proxy.
	Client *http.Client
}

// String shows what is not secret.
func (s Service) String() string { return "{" + s.KeyID + " " + s.TeamID + " " + s.Topic + "}" }

// GoString is String.
func (s Service) GoString() string { return "apns.Service" + s.String() }

const (
	production = "https://api.push.apple.com"
	sandbox    = "https://api.sandbox.push.apple.com"
)

func refuse(field string, got any, want string) error {
	return &offload.InputError{Field: field, Got: got, Want: want}
}

// Open is for push.New.
func (s Service) Open() (push.Carrier, error) {
	key, err := parseKey(s.Key)
	if err != nil {
		return nil, err
	}
	for _, id := range []struct{ name, value string }{{"KeyID", s.KeyID}, {"TeamID", s.TeamID}} {
		if len(id.value) != 10 || strings.Trim(id.value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
			return nil, refuse(id.name, fmt.Sprintf("%.40q", id.value), "10 letters and digits, as Apple's developer pages show it")
		}
	}
	if strings.ContainsFunc(s.Topic, func(r rune) bool { return r <= ' ' || r > '~' }) || len(s.Topic) > 255 {
		return nil, refuse("Topic", fmt.Sprintf("%.60q", s.Topic), `a bundle id, such as "example.shop"`)
	}
	c := &carrier{topic: s.Topic, hosts: [2]string{production, sandbox}, provider: provider{key: key, keyID: s.KeyID, teamID: s.TeamID}}
	if s.URL != "" {
		u, err := url.Parse(s.URL)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return nil, refuse("URL", fmt.Sprintf("%.100q", s.URL), "an https URL, or none for Apple's")
		}
		at := strings.TrimSuffix(s.URL, "/")
		c.hosts = [2]string{at, at}
	}
	if s.Client != nil {
		own := *s.Client
		own.CheckRedirect = push.NoRedirects
		c.client = &own
		return c, nil
	}
	c.own = &http.Transport{
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        5 * time.Minute, // Apple takes connections that come and go for an attack
		MaxResponseHeaderBytes: 64 << 10,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second, // one that has died is found before an hour is up
		},
	}
	c.client = &http.Client{Transport: c.own, CheckRedirect: push.NoRedirects}
	return c, nil
}

func parseKey(p8 []byte) (*ecdsa.PrivateKey, error) {
	const want = "the .p8 file that Apple gave: a private key of P-256 in PEM"
	block, _ := pem.Decode(p8)
	if block == nil {
		return nil, refuse("Key", "no PEM", want)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, refuse("Key", "another PEM", want)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, refuse("Key", fmt.Sprintf("a %T", parsed), want)
	}
	return key, nil
}
