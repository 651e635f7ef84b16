package httpcall

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/offloadhq/offload"
)

// userAgent is sent unless the input says another.
const userAgent = "offload (+https://github.com/offloadhq/offload)"

func refuse(field string, got any, want string) error {
	return &offload.InputError{Task: Call.Name(), Field: field, Got: got, Want: want}
}

// The values below stand for refused texts, which may be or hold secrets.
var (
	errNoURL   = errors.New("not such a text")
	errControl = errors.New("a text with control characters")
)

// request makes a request of the input, or returns the first value that makes none, as an
// *offload.InputError.
func (in *Input) request(ctx context.Context) (*http.Request, error) {
	method, err := methodOf(in.Method)
	if err != nil {
		return nil, err
	}
	target, err := urlOf(in.URL)
	if err != nil {
		return nil, err
	}
	body, err := in.body()
	if err != nil {
		return nil, err
	}
	for i, status := range in.Expect {
		if status < 200 || status > 599 {
			return nil, refuse(fmt.Sprintf("expect[%d]", i), status, "a status from 200 to 599")
		}
	}
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, target.String(), content)
	if err != nil {
		return nil, refuse("url", errNoURL, wantURL) // as all else has been looked at
	}
	return req, in.setHeaders(req)
}

// methodOf returns the method as it is sent: upper case, since a server takes "post" for
// something else than POST.
func methodOf(given string) (string, error) {
	method := strings.ToUpper(cmp.Or(given, http.MethodGet))
	if !isToken(method) || method == http.MethodConnect {
		return "", refuse("method", given, "a method such as GET or POST")
	}
	return method, nil
}

// mostHost is how long a name in the DNS can be.
const mostHost = 253

const wantURL = `an absolute URL such as "https://host/path"`

// urlOf reads a URL. Its error never repeats it: a mistyped one may show a password in any
// place.
func urlOf(given string) (*url.URL, error) {
	u, err := url.Parse(given)
	switch {
	case err != nil:
		return nil, refuse("url", errNoURL, wantURL)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, refuse("url", errors.New("not of the scheme http or https"), wantURL)
	case u.Hostname() == "":
		return nil, refuse("url", errors.New("without a host"), wantURL)
	case len(u.Hostname()) > mostHost || !utf8.ValidString(u.Host) || strings.ContainsFunc(u.Host, unicode.IsControl):
		return nil, refuse("url", errors.New("with a host that can't be"), "a name of up to 253 bytes, or an address")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, refuse("url", errors.New("with port "+port), "a port from 1 to 65535")
		}
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// body returns the body of the request; null is no json, as leaving it out is.
func (in *Input) body() (string, error) {
	switch {
	case !in.hasJSON():
		return in.Body, nil
	case in.Body != "":
		return "", refuse("body", errors.New("given beside json"), "one of the two")
	case !json.Valid(in.JSON):
		return "", refuse("json", errors.New("no JSON"), "JSON")
	}
	return string(in.JSON), nil
}

func (in *Input) hasJSON() bool { return len(in.JSON) > 0 && string(in.JSON) != "null" }

// ownHeaders are about the connection and the length of the body: what sends them knows them.
var ownHeaders = []string{
	"Connection", "Content-Length", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// setHeaders sets the given headers, and the usual ones that were not given.
func (in *Input) setHeaders(req *http.Request) error {
	for _, given := range slices.Sorted(maps.Keys(in.Headers)) {
		name, value := textproto.CanonicalMIMEHeaderKey(given), strings.Trim(in.Headers[given], " \t")
		_, twice := req.Header[name]
		switch {
		case !isToken(given):
			return refuse("headers", given, "names of letters, digits and -")
		case slices.Contains(ownHeaders, name):
			return refuse("headers", given, "headers about the content: this one is set when sending")
		case twice:
			return refuse("headers", given, "each header once, in upper or lower case")
		case strings.ContainsFunc(value, isControl):
			return refuse("headers."+given, errControl, "text without control characters")
		case name == "Authorization" && in.Auth != "":
			return refuse("auth", in.Auth, "one of auth and the header Authorization")
		case name == "Host" && strings.ContainsAny(value, "/ \t@?#"):
			return refuse("headers.Host", value, "a host such as example.com")
		}
		req.Header.Set(name, value)
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host // net/http takes it from there alone
	}
	req.Header.Del("Host")
	if id := offload.JobOf(req.Context()).ID; !id.IsZero() {
		setIfNone(req.Header, "Idempotency-Key", id.String())
	}
	if in.hasJSON() {
		setIfNone(req.Header, "Content-Type", "application/json")
	}
	setIfNone(req.Header, "User-Agent", userAgent)
	return nil
}

func setIfNone(h http.Header, name, value string) {
	if _, given := h[name]; !given {
		h.Set(name, value)
	}
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// isToken reports whether s is a token of RFC 9110: what methods and names of headers are.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// shown is a URL as it may be seen by anybody: without user, password and query.
func shown(u *url.URL) string {
	plain := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return plain.String()
}
