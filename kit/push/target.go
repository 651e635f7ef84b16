package push

import (
	"crypto/ecdh"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// A Target is whom a push goes to: exactly one of the three.
type Target struct {
	Web  *Subscription `json:"web,omitempty"`
	APNs *Device       `json:"apns,omitempty"`
	FCM  *Registration `json:"fcm,omitempty"`
}

// A Subscription is a browser's, as JSON.stringify(subscription) gives it.
type Subscription struct {
	Endpoint string `json:"endpoint"` // an https URL of the browser's push service
	// ExpirationTime is until when it is good, in milliseconds since 1970; nil is no end. After it, it is gone.
	ExpirationTime *float64         `json:"expirationTime,omitempty"`
	Keys           SubscriptionKeys `json:"keys"`
}

// SubscriptionKeys are what a push to a browser is encrypted with: base64url, with or without "=".
type SubscriptionKeys struct {
	P256dh string `json:"p256dh"`                // 65 bytes
	Auth   string `json:"auth" offload:"secret"` // 16 bytes
}

// A Device is an app on a device of Apple's.
type Device struct {
	Token   string `json:"token"`             // in hexadecimal
	Topic   string `json:"topic,omitempty"`   // the app's bundle id; apns.Service.Topic if empty
	Sandbox bool   `json:"sandbox,omitempty"` // the app is a development build: its tokens are good at Apple's sandbox only
}

// A Registration is an app registered with Firebase.
type Registration struct {
	Token string `json:"token"`
}

// Service is "web", "apns", "fcm", or "" of an empty target.
func (t Target) Service() string {
	switch {
	case t.Web != nil:
		return "web"
	case t.APNs != nil:
		return "apns"
	case t.FCM != nil:
		return "fcm"
	}
	return ""
}

// Address is the endpoint or the token: what a program finds the target by in its tables.
func (t Target) Address() string {
	switch {
	case t.Web != nil:
		return t.Web.Endpoint
	case t.APNs != nil:
		return t.APNs.Token
	case t.FCM != nil:
		return t.FCM.Token
	}
	return ""
}

// hint is enough of the address to tell targets apart, and too little to send to them.
func (t Target) hint() string {
	if t.Web != nil {
		u, err := url.Parse(t.Web.Endpoint)
		if err != nil {
			return "…"
		}
		return u.Host + "/…" + tail(t.Web.Endpoint)
	}
	return "…" + tail(t.Address())
}

// tail is the last 6 bytes of an address that has many more.
func tail(s string) string {
	if len(s) < 24 {
		return ""
	}
	return strings.ToValidUTF8(s[len(s)-6:], "")
}

// check returns the first value that is wrong.
func (t Target) check() error {
	given := 0
	for _, is := range []bool{t.Web != nil, t.APNs != nil, t.FCM != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return refuse("to", fmt.Sprintf("%d targets", given), "one of web, apns and fcm")
	}
	switch {
	case t.Web != nil:
		return t.Web.check()
	case t.APNs != nil:
		return t.APNs.check()
	}
	return t.FCM.check()
}

func (s *Subscription) check() error {
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(s.Endpoint) > mostURL {
		return refuse("to.web.endpoint", "another text", fmt.Sprintf("an https URL of a push service, up to %d bytes", mostURL))
	}
	if end := s.ExpirationTime; end != nil && (*end < 0 || *end > mostTime) {
		return refuse("to.web.expirationTime", *end, "milliseconds since 1970, or none")
	}
	_, _, err = s.Decode()
	return err
}

// mostTime is the last moment of JavaScript.
const mostTime = 8.64e15

// Decode returns the keys: the browser's public one, and the secret that is shared with it. Its error is an *offload.InputError.
func (s *Subscription) Decode() (public *ecdh.PublicKey, auth []byte, err error) {
	raw, err := fromBase64URL(s.Keys.P256dh)
	if err == nil {
		public, err = ecdh.P256().NewPublicKey(raw)
	}
	if err != nil {
		return nil, nil, refuse("to.web.keys.p256dh", "another text", "a public key of P-256: 65 bytes in base64url")
	}
	if auth, err = fromBase64URL(s.Keys.Auth); err != nil || len(auth) != 16 {
		return nil, nil, refuse("to.web.keys.auth", "another text", "16 bytes in base64url")
	}
	return public, auth, nil
}

func fromBase64URL(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") { // which the decoder passes over
		return nil, errors.New("more than one line")
	}
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}

func (d *Device) check() error {
	if raw, err := hex.DecodeString(d.Token); err != nil || len(raw) < 16 || len(raw) > 100 {
		return refuse("to.apns.token", fmt.Sprintf("another text of %d bytes", len(d.Token)), "a device token: 32 to 200 hexadecimal digits")
	}
	if d.Topic != "" && !isTopic(d.Topic) {
		return refuse("to.apns.topic", fmt.Sprintf("%.60q", d.Topic), `a bundle id, such as "example.shop"`)
	}
	return nil
}

// isTopic reports whether s can be the bundle id of an app, which may have an ending such as ".voip".
func isTopic(s string) bool {
	return len(s) <= 255 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == ""
}

// mostToken is far above the 163 bytes of a registration today, and below what makes a request too large.
const mostToken = 2048

func (r *Registration) check() error {
	if r.Token == "" || len(r.Token) > mostToken || strings.Trim(r.Token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:.") != "" {
		return refuse("to.fcm.token", fmt.Sprintf("another text of %d bytes", len(r.Token)), "a registration token, as the app gets it from Firebase")
	}
	return nil
}

// end is until when the target says itself that it is good; zero: it does not say.
func (t Target) end() time.Time {
	if t.Web == nil || t.Web.ExpirationTime == nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(*t.Web.ExpirationTime))
}
