package httpcall

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// secrets is a request with everything that is the first server's only.
func secrets(method, url, body string) Input {
	return Input{Method: method, URL: url, Body: body, Headers: map[string]string{
		"Authorization": "Bearer secret", "Cookie": "a=secret", "X-Api-Key": "secret", "Idempotency-Key": "secret",
		"Host": "secret.example", "Accept": "text/html", "User-Agent": "me", "Proxy-Authorization": "secret",
	}}
}

// seen lists what a request carries.
func seen(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	var lines []string
	for name, values := range r.Header {
		lines = append(lines, name+"="+strings.Join(values, ","))
	}
	slices.Sort(lines)
	return fmt.Sprintf("%s %s %s %q", r.Method, r.Host, lines, body)
}

func TestRedirectToAnotherOriginCarriesNothing(t *testing.T) {
	other := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, seen(r)) })
	back := ""
	first := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/there":
			http.Redirect(w, r, other.URL+"/", http.StatusFound)
		case "/back":
			io.WriteString(w, seen(r))
		}
	})
	between := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, back, http.StatusFound) })
	back = between.URL
	otherHost := strings.TrimPrefix(other.URL, "http://")

	out, err := do(t, t.Context(), secrets("POST", first.URL+"/there?token=secret", "secret"))
	want := `GET ` + otherHost + ` [Accept-Encoding=gzip Accept=text/html User-Agent=me] ""`
	if err != nil || out.Body != want {
		t.Errorf("elsewhere: %q, %v; want %q", out.Body, err, want)
	}

	// The way back home is no way back to the secrets: who redirects chooses the path.
	back = first.URL + "/back"
	start := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, between.URL, http.StatusFound) })
	out, err = do(t, t.Context(), secrets("GET", start.URL, ""))
	if err != nil || strings.Contains(out.Body, "secret") {
		t.Errorf("there and back: %q, %v; want no secret", out.Body, err)
	}
}

func TestRedirectWithinAnOriginCarriesAllButReferer(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusPermanentRedirect)
			return
		}
		io.WriteString(w, seen(r))
	})
	out, err := do(t, t.Context(), secrets("POST", server.URL+"/old?token=secret", "hello"))
	if err != nil || !strings.Contains(out.Body, "Authorization=Bearer secret") || !strings.HasPrefix(out.Body, "POST secret.example ") ||
		!strings.HasSuffix(out.Body, `"hello"`) || strings.Contains(out.Body, "Referer") {
		t.Errorf("%q, %v; want the whole request, without Referer", out.Body, err)
	}
}

func TestRedirectsThatAreAnswers(t *testing.T) {
	other := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Errorf("%s arrived", seen(r)) })
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		to := other.URL
		if given := r.URL.Query().Get("to"); given != "" {
			to = given
		}
		code := 0
		fmt.Sscan(r.URL.Path[1:], &code)
		w.Header().Set("Location", to)
		w.WriteHeader(code)
	})
	for _, test := range []struct {
		name string
		in   Input
		want int
	}{
		{"a body would go elsewhere", Input{Method: "POST", URL: "/307", Body: "secret"}, 307},
		{"for good", Input{Method: "PUT", URL: "/308", Body: "secret"}, 308},
		{"not HTTP", Input{URL: "/302?to=ftp://127.0.0.1/"}, 302},
		{"nowhere", Input{URL: "/302?to=http://%25zz/secret"}, 302},
		{"not modified", Input{URL: "/304"}, 304},
	} {
		test.in.URL = server.URL + test.in.URL
		_, err := do(t, t.Context(), test.in)
		var status *StatusError
		if !errors.As(err, &status) || status.Status != test.want || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v; want status %d", test.name, err, test.want)
		}
		test.in.Expect = []int{test.want}
		if out, err := do(t, t.Context(), test.in); err != nil || out.Status != test.want {
			t.Errorf("%s, expected: %+v, %v; want it answered", test.name, out, err)
		}
	}
}

func TestRedirectsEnd(t *testing.T) {
	requests := 0
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		http.Redirect(w, r, "/", http.StatusFound)
	})
	if _, err := do(t, t.Context(), Input{URL: server.URL}); !errors.Is(err, errRedirects) || requests != mostRedirects+1 {
		t.Errorf("%v after %d requests; want it given up after %d", err, requests, mostRedirects+1)
	}
}

func TestSameOrigin(t *testing.T) {
	for _, test := range []struct {
		first, next string
		want        bool
	}{
		{"https://a.example/x", "https://A.example/y", true},
		{"https://a.example", "https://a.example:443", true},
		{"http://a.example", "https://a.example", true},
		{"http://a.example:80", "https://a.example:443", true},
		{"https://a.example", "http://a.example", false},
		{"http://a.example:8080", "https://a.example:8443", false},
		{"http://a.example:8080", "https://a.example", false},
		{"https://a.example", "https://b.a.example", false},
		{"https://b.a.example", "https://a.example", false},
		{"https://a.example", "https://a.example:444", false},
		{"https://a.example", "https://a.example.", false},
	} {
		first, _ := url.Parse(test.first)
		next, _ := url.Parse(test.next)
		if got := sameOrigin(first, next); got != test.want {
			t.Errorf("sameOrigin(%s, %s) = %v, want %v", test.first, test.next, got, test.want)
		}
	}
}
