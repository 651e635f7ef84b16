package httpcall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/reply"
)

// Credentials are those of a client that gets tokens for itself (OAuth 2.0 client credentials,
// RFC 6749 section 4.4).
type Credentials struct {
	TokenURL string
	ID       string
	Secret   string
	Scopes   []string
	Params   url.Values // further ones of the request for a token, such as audience

	// Hosts are the only ones that the token is sent to, with their port if it is not the usual one:
	// "api.example.com", "api.example.com:8443". Whoever enqueues a job chooses its URL, and would
	// have the token sent home.
	Hosts []string
}

// OAuth2 lets jobs name credentials by auth. A token is kept in the process until it ends, and got
// anew, once in an attempt, when a server answers 401. It is sent over https only, but to this machine.
func OAuth2(name string, c Credentials) Option {
	return func(to *config) {
		if to.auth == nil {
			to.auth = map[string]*client{}
		}
		to.auth[name] = &client{name: name, hosts: c.Hosts, lock: make(chan struct{}, 1), config: clientcredentials.Config{
			ClientID: c.ID, ClientSecret: c.Secret, TokenURL: c.TokenURL, Scopes: c.Scopes, EndpointParams: c.Params,
		}}
	}
}

// missing names the first field without which there can't be a token, and says what it should be.
func (c *client) missing() (field, want string) {
	u, err := url.Parse(c.config.TokenURL)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return "TokenURL", "an absolute URL such as https://login.example/token"
	case c.config.ClientID == "":
		return "ID", "that of a client"
	case c.config.ClientSecret == "":
		return "Secret", "that of the client"
	case len(c.hosts) == 0:
		return "Hosts", "one or more, such as api.example.com"
	}
	return "", ""
}

// refuseMissing refuses calls that name credentials of this kit with which there can't be a token.
func (c *config) refuseMissing(ctx context.Context, calls []*offload.Call, next func(context.Context, []*offload.Call) ([]*offload.Job, error)) ([]*offload.Job, error) {
	for _, call := range calls {
		if call == nil || call.Task() != Call.Name() {
			continue
		}
		var in struct {
			Auth string `json:"auth"`
		}
		if json.Unmarshal(call.Input(), &in) != nil {
			continue // refused by who takes it
		}
		if auth := c.auth[in.Auth]; auth != nil {
			if err := auth.refuse(); err != nil {
				return nil, err
			}
		}
	}
	return next(ctx, calls)
}

func (c *client) refuse() error {
	if field, want := c.missing(); field != "" {
		return refuse("auth", c.name, "credentials whose "+field+" is "+want)
	}
	return nil
}

// A client gets tokens and keeps the last.
type client struct {
	name   string
	config clientcredentials.Config
	hosts  []string

	lock  chan struct{} // holds one while somebody has the token: others wait for theirs, or their context
	token *oauth2.Token
}

// tokenTime is how long a token endpoint may take.
const tokenTime = 20 * time.Second

// get returns a token that is good; never the one that is refused.
func (c *client) get(ctx context.Context, transport http.RoundTripper, refused *oauth2.Token) (*oauth2.Token, error) {
	select {
	case c.lock <- struct{}{}:
		defer func() { <-c.lock }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c.token.Valid() && (refused == nil || c.token.AccessToken != refused.AccessToken) {
		return c.token, nil
	}
	limited, cancel := context.WithTimeout(ctx, tokenTime)
	defer cancel()
	via := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	token, err := c.config.Token(context.WithValue(limited, oauth2.HTTPClient, via))
	if err != nil {
		return nil, c.tokenError(ctx, err)
	}
	c.token = token
	return token, nil
}

// A tokenError is that there is no token: the fault of who gives them, not of the job's host.
type tokenError struct {
	of  string
	err error
}

func (e *tokenError) Error() string { return "get a token of " + e.of + ": " + e.err.Error() }

func (e *tokenError) Unwrap() error { return e.err }

// tokenError says why there is no token, without what the endpoint said at length: it may repeat
// what it was sent.
func (c *client) tokenError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &tokenError{c.name, context.Cause(ctx)}
	}
	var said *oauth2.RetrieveError
	if errors.As(err, &said) {
		code := ""
		if isToken(said.ErrorCode) {
			code = " " + reply.Text([]byte(said.ErrorCode), 100)
		}
		return &tokenError{c.name, fmt.Errorf("status %d%s", said.Response.StatusCode, code)}
	}
	var inURL *url.Error
	if errors.As(err, &inURL) {
		for errors.As(err, &inURL) {
			err = inURL.Err
		}
		return &tokenError{c.name, err}
	}
	return &tokenError{c.name, errors.New("what was answered is no token")}
}

// authOf returns the credentials that the input names, nil if it names none.
func (c *caller) authOf(in *Input, target *url.URL) (*client, error) {
	if in.Auth == "" {
		return nil, nil
	}
	auth := c.config.auth[in.Auth]
	if auth == nil {
		// Another process, or the next version of this one, may have them: it is tried again.
		return nil, refuse("auth", in.Auth, "the name of credentials that this process has")
	}
	if err := auth.refuse(); err != nil {
		return nil, offload.Discard(err)
	}
	host := strings.ToLower(target.Hostname())
	if !slices.ContainsFunc(auth.hosts, func(allowed string) bool {
		return strings.EqualFold(allowed, target.Host) || strings.EqualFold(allowed, host+":"+portOf(target)) ||
			strings.EqualFold(allowed, host) && (target.Port() == "" || target.Port() == "443")
	}) {
		return nil, offload.Discard(refuse("auth", in.Auth, "credentials for the host of the url"))
	}
	if target.Scheme != "https" && host != "localhost" && host != "127.0.0.1" && host != "::1" {
		return nil, offload.Discard(refuse("url", errors.New("of the scheme http"), "https, where a token is sent"))
	}
	return auth, nil
}
