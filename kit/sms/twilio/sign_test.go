package twilio

import (
	"encoding/base64"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// The signatures are those that Twilio publishes with its documentation and its libraries.
func TestSignaturesAreTwilios(t *testing.T) {
	const page = "https://mycompany.com/myapp.php?foo=1&bar=2"
	for want, form := range map[string]url.Values{
		"RSOYDt4T1cUTdK1PDd93/VVr8B8=": {"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675309"}, "Digits": {"1234"}, "From": {"+14158675309"}, "To": {"+18005551212"}},
		"IK+Dwps556ElfBT0I3Rgjkr1wJU=": {"Sid": {"CA123"}, "SidAccount": {"AC123"}, "Digits": {"5678", "1234", "1234"}},
	} {
		if got := base64.StdEncoding.EncodeToString(sum("12345", page, form)); got != want {
			t.Errorf("%v is signed %s, want %s", form, got, want)
		}
	}
}

func TestTheURLIsSignedInOneOfThreeSpellings(t *testing.T) {
	for at, want := range map[string][]string{
		"https://shop.example/sms/t?a=b": {"https://shop.example/sms/t?a=b", "https://shop.example/sms/t?a=b", "https://shop.example:443/sms/t?a=b"},
		"http://shop.example:8080/sms/t": {"http://shop.example:8080/sms/t", "http://shop.example/sms/t", "http://shop.example:80/sms/t"},
		"https://[::1]:8443/sms/t":       {"https://[::1]:8443/sms/t", "https://[::1]/sms/t", "https://[::1]:443/sms/t"},
	} {
		if got := spellings(at); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
	}
}

func TestTheOldTokenSignsToo(t *testing.T) {
	const at = "https://shop.example/sms/twilio/t"
	form := url.Values{"AccountSid": {"AC1"}, "MessageSid": {"SM1"}, "SmsStatus": {"delivered"}}
	for token, want := range map[string]bool{"new": true, "old": true, "another": false, "": false} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", at, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(sum(token, at, form)))
		report, err := Provider{AccountSID: "AC1", AuthToken: "new", OldToken: "old"}.Report(r, at)
		if (err == nil) != want || want && (report.ID != "SM1" || report.State != "delivered") {
			t.Errorf("token %q: %+v, %v; want %v", token, report, err, want)
		}
	}
	if _, err := (Provider{AccountSID: "AC1", KeySID: "SK1", KeySecret: "x"}).Report(httptest.NewRequestWithContext(t.Context(), "POST", at, nil), at); err == nil {
		t.Error("without a token a receipt is taken")
	}
}
