package fcm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"
)

// tokens gets tokens of Google's and keeps the last. Others wait for the one who gets it, or for their context.
type tokens struct {
	source oauth2.TokenSource // or
	config *jwt.Config

	lock  chan struct{}
	token *oauth2.Token
}

const (
	tokenTime = 20 * time.Second // that a token endpoint may take
	tokenRest = time.Minute      // of its life, in which it is not used any more
)

// get returns a token that is good; never the one that was refused.
func (t *tokens) get(ctx context.Context, client *http.Client, refused *oauth2.Token) (*oauth2.Token, error) {
	select {
	case t.lock <- struct{}{}:
		defer func() { <-t.lock }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if isFresh(t.token) && (refused == nil || t.token.AccessToken != refused.AccessToken) {
		return t.token, nil
	}
	token, err := t.fetch(ctx, client)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("fcm: get a token: %w", err)
	}
	t.token = token
	return token, nil
}

func isFresh(t *oauth2.Token) bool {
	return t != nil && t.AccessToken != "" && (t.Expiry.IsZero() || time.Until(t.Expiry) > tokenRest)
}

// within makes requests that end with a context. The library makes its own without one.
type within struct {
	ctx context.Context
	via http.RoundTripper
}

// RoundTrip makes a request.
func (w within) RoundTrip(r *http.Request) (*http.Response, error) {
	via := w.via
	if via == nil {
		via = http.DefaultTransport
	}
	return via.RoundTrip(r.WithContext(w.ctx))
}

func (t *tokens) fetch(ctx context.Context, client *http.Client) (*oauth2.Token, error) {
	source := t.source
	if source == nil {
		limited, cancel := context.WithTimeout(ctx, tokenTime)
		defer cancel()
		bound := *client
		bound.Transport = within{limited, client.Transport}
		source = t.config.TokenSource(context.WithValue(limited, oauth2.HTTPClient, &bound))
	}
	token, err := source.Token()
	if said := (*oauth2.RetrieveError)(nil); errors.As(err, &said) {
		return nil, fmt.Errorf("status %d", said.Response.StatusCode) // its body may repeat what it was sent
	}
	if err != nil {
		return nil, err
	}
	if token == nil || token.AccessToken == "" || strings.ContainsAny(token.AccessToken, "\r\n") {
		return nil, errors.New("what was answered is no token")
	}
	return token, nil
}
