package sms_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload/kit/sms"
	"github.com/offloadhq/offload/kit/sms/twilio"
)

func TestMain(m *testing.M) {
	if address := os.Getenv("SMS_CHILD"); address != "" {
		child(address)
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	account = "AC0123456789abcdef0123456789abcdef"
	token   = "the auth token"
)

// A texted is a message that the server has taken.
type texted struct {
	sid, to, from, body, callback string
	made                          time.Time
}

// A phoneServer is a provider that speaks Twilio's language, and misbehaves when told.
type phoneServer struct {
	*httptest.Server
	t *testing.T

	mu     sync.Mutex
	asked  int
	taken  []texted
	hidden bool // the list is empty

	next []misdeed // of the next requests, in turn
}

// A misdeed is done in place of a good answer.
type misdeed struct {
	take       bool // the message is taken nevertheless
	cut        bool // no answer
	status     int
	code       int
	retryAfter string
	body       string
	before     func(m texted) // the answer is given
}

func newPhoneServer(t *testing.T) *phoneServer {
	s := &phoneServer{t: t}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *phoneServer) provider() twilio.Provider {
	return twilio.Provider{AccountSID: account, AuthToken: token, URL: s.URL}
}

func (s *phoneServer) will(all ...misdeed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, all...)
}

func (s *phoneServer) messages() []texted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken)
}

func (s *phoneServer) fail(w http.ResponseWriter, status, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"code": %d, "message": %q, "status": %d}`, code, text, status)
}

func (s *phoneServer) serve(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	switch {
	case user != account || password != token:
		s.fail(w, 401, 20003, "Authenticate")
		return
	case r.URL.Path != "/2010-04-01/Accounts/"+account+"/Messages.json":
		s.fail(w, 404, 20404, "The requested resource was not found")
		return
	case r.Method == http.MethodGet:
		s.list(w, r)
		return
	}
	s.mu.Lock()
	s.asked++
	var bad misdeed
	if len(s.next) > 0 {
		bad, s.next = s.next[0], s.next[1:]
	}
	m := texted{fmt.Sprintf("SM%032d", len(s.taken)+1), r.PostFormValue("To"), r.PostFormValue("From"), r.PostFormValue("Body"), r.PostFormValue("StatusCallback"), time.Now()}
	good := bad.status == 0 && !bad.cut
	if strings.HasPrefix(m.to, "+1500555") {
		good, bad.status, bad.code = false, 400, 21211
	}
	if good || bad.take {
		s.taken = append(s.taken, m)
	}
	s.mu.Unlock()
	if bad.before != nil {
		bad.before(m)
	}
	switch {
	case bad.cut:
		panic(http.ErrAbortHandler)
	case good:
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(s.resource(m))
	default:
		if bad.retryAfter != "" {
			w.Header().Set("Retry-After", bad.retryAfter)
		}
		if bad.body != "" {
			w.WriteHeader(bad.status)
			fmt.Fprint(w, bad.body)
			return
		}
		s.fail(w, bad.status, bad.code, fmt.Sprintf("it is about %s", m.to))
	}
}

func (s *phoneServer) resource(m texted) map[string]any {
	return map[string]any{
		"sid": m.sid, "status": "queued", "to": m.to, "from": m.from, "body": m.body, "direction": "outbound-api",
		"date_created": m.made.UTC().Format(time.RFC1123Z), "error_code": nil, "error_message": nil,
	}
}

func (s *phoneServer) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []map[string]any{}
	for _, m := range slices.Backward(s.taken) {
		if m.to == r.FormValue("To") && !s.hidden {
			all = append(all, s.resource(m))
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"messages": all})
}

// receipt is a request that tells of a message, signed as Twilio does.
func receipt(m texted, status string, more url.Values) *http.Request {
	form := url.Values{"MessageSid": {m.sid}, "SmsSid": {m.sid}, "MessageStatus": {status}, "SmsStatus": {status}, "To": {m.to}, "From": {m.from}, "AccountSid": {account}, "ApiVersion": {"2010-04-01"}}
	maps.Copy(form, more)
	h := hmac.New(sha1.New, []byte(token))
	h.Write([]byte(m.callback))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		h.Write([]byte(name + form.Get(name)))
	}
	r := httptest.NewRequestWithContext(context.Background(), "POST", m.callback, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(h.Sum(nil)))
	return r
}

func give(h http.Handler, r *http.Request) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

var key = []byte("a key of more than sixteen bytes")

func withReceipts() sms.Option { return sms.Receipts("https://shop.example/sms/", key) }
