package httpcall

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// mostRedirects is how many redirects of a request are followed.
const mostRedirects = 5

var errRedirects = errors.New("more than 5 redirects")

// goAlong are the given headers that may be sent to another origin.
var goAlong = []string{"Accept", "Accept-Language", "User-Agent"}

// checkRedirect is called before each redirect is followed, with the requests so far.
// http.ErrUseLastResponse makes the redirect itself the answer.
func (in *Input) checkRedirect(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer") // net/http puts the last URL there, with its query
	elsewhere := slices.ContainsFunc(via[1:], func(r *http.Request) bool { return !sameOrigin(via[0].URL, r.URL) }) ||
		!sameOrigin(via[0].URL, req.URL)
	switch {
	case slices.Contains(in.Expect, req.Response.StatusCode):
		return http.ErrUseLastResponse
	case len(via) > mostRedirects:
		return errRedirects
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return http.ErrUseLastResponse
	case !elsewhere:
		return nil
	case req.Body != nil && req.Body != http.NoBody:
		return http.ErrUseLastResponse
	}
	for name := range req.Header {
		if !slices.Contains(goAlong, name) {
			req.Header.Del(name)
		}
	}
	req.Host = "" // a Host that was given is the first server's
	return nil
}

// sameOrigin reports whether a request for one URL may as well go to the other: it is the
// same host and port, by the same scheme or by https in place of http at their usual ports.
func sameOrigin(first, next *url.URL) bool {
	if !strings.EqualFold(first.Hostname(), next.Hostname()) {
		return false
	}
	if first.Scheme == "http" && next.Scheme == "https" {
		return portOf(first) == "80" && portOf(next) == "443"
	}
	return first.Scheme == next.Scheme && portOf(first) == portOf(next)
}

func portOf(u *url.URL) string {
	switch port := u.Port(); {
	case port != "":
		return port
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// A tolerant transport takes no notice of a Location that is no URL: the redirect is the
// answer then. net/http would fail with a text that repeats it, secrets included.
type tolerant struct{ *http.Transport }

func (t tolerant) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if _, err := req.URL.Parse(resp.Header.Get("Location")); err != nil {
		resp.Header.Del("Location")
	}
	return resp, nil
}
