package webhook

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// The vector of the specification's own libraries.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTimestamp = "1614265330"
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func header(id, timestamp, signature string) http.Header {
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", timestamp)
	h.Set("webhook-signature", signature)
	return h
}

func TestVerify(t *testing.T) {
	private := NewPrivateKey()
	parsed, err := private.parse()
	if err != nil {
		t.Fatal(err)
	}
	text := signed(vectorID, vectorTimestamp, []byte(vectorBody))
	asymmetric := parsed.sign(text)
	at := time.Unix(1614265330, 0)
	other := string(NewSecret())
	for name, test := range map[string]struct {
		now       time.Time
		body      string
		h         http.Header
		keys      []string
		want      error
		wrongKeys bool
	}{
		"the vector":         {at, vectorBody, header(vectorID, vectorTimestamp, vectorSignature), []string{vectorSecret}, nil, false},
		"the second key":     {at, vectorBody, header(vectorID, vectorTimestamp, vectorSignature), []string{other, vectorSecret}, nil, false},
		"the last signature": {at, vectorBody, header(vectorID, vectorTimestamp, "v1,AAAA v2,x v1a "+vectorSignature), []string{vectorSecret}, nil, false},
		"ed25519":            {at, vectorBody, header(vectorID, vectorTimestamp, asymmetric), []string{private.Public()}, nil, false},
		"five minutes old":   {at.Add(Tolerance), vectorBody, header(vectorID, vectorTimestamp, vectorSignature), []string{vectorSecret}, nil, false},
		"older":              {at.Add(Tolerance + time.Second), vectorBody, header(vectorID, vectorTimestamp, vectorSignature), []string{vectorSecret}, ErrTime, false},
		"of the future":      {at.Add(-Tolerance - time.Second), vectorBody, header(vectorID, vectorTimestamp, vectorSignature), []string{vectorSecret}, ErrTime, false},
		"another body":       {at, vectorBody + " ", header(vectorID, vectorTimestamp, vectorSignature), []string{vectorSecret}, ErrSignature, false},
		"another id":         {at, vectorBody, header("msg_1", vectorTimestamp, vectorSignature), []string{vectorSecret}, ErrSignature, false},
		"another time":       {at, vectorBody, header(vectorID, "1614265331", vectorSignature), []string{vectorSecret}, ErrSignature, false},
		"another key":        {at, vectorBody, header(vectorID, vectorTimestamp, vectorSignature), []string{other}, ErrSignature, false},
		"another version":    {at, vectorBody, header(vectorID, vectorTimestamp, "v1a"+vectorSignature[2:]), []string{vectorSecret, private.Public()}, ErrSignature, false},
		"no signature":       {at, vectorBody, header(vectorID, vectorTimestamp, ""), []string{vectorSecret}, ErrHeaders, false},
		"an empty one":       {at, vectorBody, header(vectorID, vectorTimestamp, "v1,"), []string{vectorSecret}, ErrSignature, false},
		"no id":              {at, vectorBody, header("", vectorTimestamp, vectorSignature), []string{vectorSecret}, ErrHeaders, false},
		"a dot in the id":    {at, vectorBody, header("a.b", vectorTimestamp, vectorSignature), []string{vectorSecret}, ErrHeaders, false},
		"no time":            {at, vectorBody, header(vectorID, "now", vectorSignature), []string{vectorSecret}, ErrHeaders, false},
		"no key":             {at, vectorBody, header(vectorID, vectorTimestamp, vectorSignature), nil, errSecret, true},
		"an empty key":       {at, vectorBody, header(vectorID, vectorTimestamp, vectorSignature), []string{vectorSecret, ""}, errSecret, true},
		"a short key":        {at, vectorBody, header(vectorID, vectorTimestamp, vectorSignature), []string{"whsec_AAAA"}, errSecret, true},
	} {
		if err := verifyAt(test.now, []byte(test.body), test.h, test.keys); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s: %v; want %v", name, err, test.want)
		}
	}
}

// The specification's own library takes what we sign, and we take what it signs.
func TestAgainstStandardWebhooks(t *testing.T) {
	secret := NewSecret()
	theirs, err := standardwebhooks.NewWebhook(string(secret))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	timestamp := strconv.FormatInt(now.Unix(), 10)
	for _, body := range []string{"", "{}", `{"a":"ü.\n"}`, strings.Repeat("x", 100_000)} {
		ours, err := signatures([]Key{{Secret: NewSecret()}, {Secret: secret}}, now, signed("msg_1", timestamp, []byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		if err := theirs.Verify([]byte(body), header("msg_1", timestamp, ours)); err != nil {
			t.Errorf("they refuse ours of %.20q: %v", body, err)
		}
		signature, err := theirs.Sign("msg_1", now, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := Verify([]byte(body), header("msg_1", timestamp, signature), string(secret)); err != nil {
			t.Errorf("we refuse theirs of %.20q: %v", body, err)
		}
	}
}

func TestReceiver(t *testing.T) {
	var got []Message
	fails := false
	receiver := Receiver(func(_ context.Context, m Message) error {
		got = append(got, m)
		if fails {
			return errors.New("secret reason")
		}
		return nil
	}, vectorSecret)
	send := func(method, body string, good bool) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/", strings.NewReader(body))
		timestamp := strconv.FormatInt(time.Now().Unix(), 10)
		signature := vectorSignature
		if good {
			signature, _ = signatures([]Key{{Secret: vectorSecret}}, time.Now(), signed("msg_1", timestamp, []byte(body)))
		}
		r.Header = header("msg_1", timestamp, signature)
		w := httptest.NewRecorder()
		receiver.ServeHTTP(w, r)
		return w
	}
	for name, test := range map[string]struct {
		method, body string
		good         bool
		want         int
	}{
		"genuine":  {"POST", "{}", true, 204},
		"forged":   {"POST", "{}", false, 401},
		"a GET":    {"GET", "", true, 405},
		"too long": {"POST", strings.Repeat("x", mostReceived+1), true, 413},
	} {
		if w := send(test.method, test.body, test.good); w.Code != test.want {
			t.Errorf("%s: %d; want %d", name, w.Code, test.want)
		}
	}
	if len(got) != 1 || got[0].ID != "msg_1" || string(got[0].Body) != "{}" || time.Since(got[0].Time) > time.Minute {
		t.Errorf("%+v; want the genuine one", got)
	}
	fails = true
	if w := send("POST", "{}", true); w.Code != 500 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s; want 500 without the reason", w.Code, w.Body)
	}
	w := httptest.NewRecorder()
	Receiver(nil, "").ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != 500 {
		t.Errorf("%d without a key; want 500", w.Code)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(vectorID, vectorTimestamp, vectorSignature, vectorBody, vectorSecret)
	f.Add("", "", "v1a,", "", NewPrivateKey().Public())
	f.Fuzz(func(t *testing.T, id, timestamp, signature, body, key string) {
		at := time.Unix(1614265330, 0)
		err := verifyAt(at, []byte(body), http.Header{
			"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {signature},
		}, []string{key})
		if err == nil && key == vectorSecret && (id != vectorID || body != vectorBody) {
			t.Errorf("forged: %q %q %q %q", id, timestamp, signature, body)
		}
	})
}

func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{"https://example.com", "http://0x7f000001/", "http://[::1%25lo]/", "http://127.0.0.1:80@x/", "//x", "http://①②⑦.0.0.1/"} {
		f.Add(seed)
	}
	c := config{ports: []uint16{80, 443}}
	f.Fuzz(func(_ *testing.T, given string) {
		if c.checkURL(given) == nil {
			if _, err := http.NewRequest(http.MethodPost, given, nil); err != nil {
				panic("accepted, and no request can be made: " + given)
			}
		}
	})
}
