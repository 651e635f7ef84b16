// Package fcm sends the pushes of kit push to apps registered with Firebase: Firebase Cloud Messaging, its HTTP v1 API.
//
//	account, err := os.ReadFile("service-account.json")
//	kit, err := push.New(push.Via(fcm.Service{Account: account}))
//
// The account's key signs for a token of Google's (OAuth 2.0), which is kept in the process until it ends. Where a machine has its
// credentials otherwise, as on Google Cloud, give Tokens in place of Account.
//
// # Answers
//
// 404 UNREGISTERED is a *push.GoneError, and so is a 400 that names the field message.token. 429 and every 5xx are retried, 429 after a minute
// where it does not say when. 401, and that there is no token, are retried too; all other answers discard the job.
//
// # Once
//
// Firebase knows no key by which it would drop a second push. A device shows it in place of the first, by the notification's tag.
package fcm

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/push"
)

// A Service sends pushes by Firebase, for push.Via.
type Service struct {
	// Account is the JSON file of a service account that may send (role "Firebase Cloud Messaging API Admin"). Its token_uri
	// is asked for tokens: take the file from Google only.
	Account []byte

	Project string             // its id; that of the Account if empty
	Tokens  oauth2.TokenSource // of the scope https://www.googleapis.com/auth/firebase.messaging, in place of Account

	// URL is where to send to, in place of Google's: for tests, and for a relay.
	URL string
	// Client makes the requests: for a proxy, or other roots of trust. nil is one of the service's own, which uses no proxy.
	Client *http.Client
}

// String shows what is not secret.
func (s Service) String() string { return "{" + s.Project + "}" }

// GoString is String.
func (s Service) GoString() string { return "fcm.Service" + s.String() }

const (
	google = "https://fcm.googleapis.com"
	scope  = "https://www.googleapis.com/auth/firebase.messaging"
)

func refuse(field string, got any, want string) error {
	return &offload.InputError{Field: field, Got: got, Want: want}
}

// Open is for push.New.
func (s Service) Open() (push.Carrier, error) {
	c := &carrier{tokens: tokens{source: s.Tokens, lock: make(chan struct{}, 1)}}
	project := s.Project
	switch {
	case s.Tokens != nil && s.Account != nil:
		return nil, refuse("Tokens", "both", "Account or Tokens")
	case s.Tokens == nil:
		account, err := parseAccount(s.Account)
		if err != nil {
			return nil, err
		}
		if project == "" {
			project = account.Project
		}
		c.tokens.config = &jwt.Config{
			Email: account.Email, PrivateKey: []byte(account.Key), PrivateKeyID: account.KeyID, TokenURL: account.TokenURL, Scopes: []string{scope},
		}
	}
	if project == "" || len(project) > 100 || strings.Trim(project, "abcdefghijklmnopqrstuvwxyz0123456789-:.") != "" {
		return nil, refuse("Project", fmt.Sprintf("%.100q", project), `the id of a project, such as "shop-4711"`)
	}
	at := google
	if s.URL != "" {
		u, err := url.Parse(s.URL)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return nil, refuse("URL", fmt.Sprintf("%.100q", s.URL), "an https URL, or none for Google's")
		}
		at = strings.TrimSuffix(s.URL, "/")
	}
	c.url = at + "/v1/projects/" + project + "/messages:send"
	if s.Client != nil {
		own := *s.Client
		own.CheckRedirect = push.NoRedirects
		c.client = &own
		return c, nil
	}
	c.own = &http.Transport{
		ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
	c.client = &http.Client{Transport: c.own, CheckRedirect: push.NoRedirects}
	return c, nil
}

// An account is what matters of a service account's file.
type account struct {
	Type     string `json:"type"`
	Project  string `json:"project_id"`
	Email    string `json:"client_email"`
	Key      string `json:"private_key"`
	KeyID    string `json:"private_key_id"`
	TokenURL string `json:"token_uri"`
}

func parseAccount(file []byte) (*account, error) {
	const want = "the JSON file of a service account"
	var a account
	if err := json.Unmarshal(file, &a); err != nil {
		return nil, refuse("Account", "no such JSON", want)
	}
	if a.Type != "service_account" || a.Email == "" {
		return nil, refuse("Account", fmt.Sprintf("JSON of the type %.40q", a.Type), want+`, with type "service_account" and client_email`)
	}
	if u, err := url.Parse(a.TokenURL); err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, refuse("Account", "another token_uri", want+", with an https URL as token_uri")
	}
	block, _ := pem.Decode([]byte(a.Key))
	if block == nil {
		return nil, refuse("Account", "no private_key", want+", with an RSA key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if _, ok := key.(*rsa.PrivateKey); err != nil || !ok {
		return nil, refuse("Account", "another private_key", want+", with an RSA key")
	}
	return &a, nil
}
