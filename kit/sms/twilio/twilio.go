// Package twilio sends short messages by Twilio, and by those who speak its language at another URL.
//
//	kit, err := sms.New(twilio.Provider{AccountSID: "AC…", AuthToken: secret}, sms.From("+15005550006"),
//		sms.Receipts("https://shop.example/sms/", key))
//
// A sender is a number, a short code, a name, or the SID of a messaging service: "MG…".
//
// Twilio reports what becomes of a message to the kit's handler, signed with the auth token. It reports each state once, and does not try
// for long when the handler can't be reached.
//
// Of errors, those with status 401, 403, 404 and 429, and from 500 on, are no fault of the message and retried, after the Retry-After of
// the answer; after one from 500 on but 503 it is in doubt whether the message was taken, and the kit looks for it in the list of messages
// (package sms says how). All others discard it, such as 21211, for a number that is none, and 21610, for somebody who has answered STOP:
// SendError.Code has the number, and twilio.com/docs/api/errors the meaning.
package twilio

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Twilio signs with it
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/sms"
)

// A Provider is an account at Twilio. It is safe for concurrent use.
type Provider struct {
	AccountSID string // "AC…"
	AuthToken  string // signs receipts, and opens the API if there is no key

	KeySID, KeySecret string // of an API key, "SK…", that opens the API instead

	// OldToken is an auth token that signs receipts too, while it is changed.
	OldToken string

	// URL is that of the API; "" is https://api.twilio.com.
	URL string

	// Client makes the requests; nil is one with half a minute for each.
	Client *http.Client
}

// Name is "twilio".
func (p Provider) Name() string { return "twilio" }

var isSID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Validate says what can't be of the settings.
func (p Provider) Validate() error {
	refuse := func(field, got, want string) error { return &offload.InputError{Field: field, Got: got, Want: want} }
	u, err := url.Parse(p.base())
	switch {
	case !isSID.MatchString(p.AccountSID):
		return refuse("AccountSID", p.AccountSID, "the SID of an account, such as AC and 32 digits")
	case p.AuthToken == "" && p.KeySecret == "":
		return refuse("AuthToken", "", "that of the account, or KeySID and KeySecret")
	case (p.KeySID == "") != (p.KeySecret == ""):
		return refuse("KeySID", p.KeySID, "one together with KeySecret, or neither")
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Scheme != "https" && u.Scheme != "http":
		return refuse("URL", "one that is none", "such as https://api.twilio.com")
	}
	return nil
}

func (p Provider) base() string {
	if p.URL == "" {
		return "https://api.twilio.com"
	}
	return strings.TrimRight(p.URL, "/")
}

// A message is one as Twilio writes it.
type message struct {
	SID          string `json:"sid"`
	Status       string `json:"status"`
	Body         string `json:"body"`
	To           string `json:"to"`
	From         string `json:"from"`
	Service      string `json:"messaging_service_sid"`
	Direction    string `json:"direction"`
	DateCreated  string `json:"date_created"`
	ErrorCode    *int   `json:"error_code"`
	ErrorMessage string `json:"error_message"`
}

// states are what Twilio's words mean. "read" is said of messages of other kinds.
var states = map[string]sms.State{
	"accepted": sms.Queued, "scheduled": sms.Queued, "queued": sms.Queued, "sending": sms.Queued, "sent": sms.Sent,
	"delivered": sms.Delivered, "read": sms.Delivered, "undelivered": sms.Undelivered, "failed": sms.Failed, "canceled": sms.Failed,
}

// report is what Twilio says of a message.
func report(sid, status, code, text string) sms.Report {
	r := sms.Report{ID: sid, State: states[status]}
	if r.State == sms.Failed || r.State == sms.Undelivered {
		if r.Code, r.Reason = code, text; r.Reason == "" {
			r.Reason = status
		}
	}
	return r
}

func (m *message) report() sms.Report {
	code := ""
	if m.ErrorCode != nil {
		code = strconv.Itoa(*m.ErrorCode)
	}
	return report(m.SID, m.Status, code, m.ErrorMessage)
}

// Send asks for a message to be sent.
func (p Provider) Send(ctx context.Context, m sms.Outgoing) (sms.Report, error) {
	form := url.Values{"To": {m.To}, "Body": {m.Text}}
	if isService(m.From) {
		form.Set("MessagingServiceSid", m.From)
	} else {
		form.Set("From", m.From)
	}
	if m.Callback != "" {
		form.Set("StatusCallback", m.Callback)
	}
	var taken message
	if err := p.ask(ctx, http.MethodPost, "", form, &taken); err != nil {
		return sms.Report{}, err
	}
	if taken.SID == "" {
		return sms.Report{}, fmt.Errorf("its answer names no message")
	}
	return taken.report(), nil
}

func isService(sender string) bool { return strings.HasPrefix(sender, "MG") && len(sender) == 34 }

// ask makes a request to the account's messages.
func (p Provider) ask(ctx context.Context, method, query string, form url.Values, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, p.base()+"/2010-04-01/Accounts/"+url.PathEscape(p.AccountSID)+"/Messages.json"+query, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	if p.KeySID != "" {
		r.SetBasicAuth(p.KeySID, p.KeySecret)
	} else {
		r.SetBasicAuth(p.AccountSID, p.AuthToken)
	}
	r.Header.Set("Accept", "application/json")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	status, header, body, err := sms.Do(p.Client, p.Name(), r)
	if err != nil {
		return err
	}
	if status < 200 || status > 299 {
		var said struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		}
		code := ""
		if json.Unmarshal(body, &said) == nil && said.Code != 0 {
			code = strconv.Itoa(said.Code)
		}
		return sms.Refusal(p.Name(), status, header, code, said.Message)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("its answer of status %d is no JSON of the kind that was expected: %w", status, err)
	}
	return nil
}

// Close lets unused connections go.
func (p Provider) Close() error { return sms.HTTP{Client: p.Client}.Close() }

// skew is how much this machine's clock may be before Twilio's.
const skew = 2 * time.Minute

// Find looks among the newest hundred messages to the number for those with the text of the message that were made since it was asked for.
func (p Provider) Find(ctx context.Context, m sms.Outgoing) (all []sms.Report, err error) {
	var list struct {
		Messages []message `json:"messages"`
	}
	query := url.Values{"To": {m.To}, "PageSize": {"100"}}
	if err := p.ask(ctx, http.MethodGet, "?"+query.Encode(), nil, &list); err != nil {
		return nil, err
	}
	for _, found := range list.Messages {
		made, err := time.Parse(time.RFC1123Z, found.DateCreated)
		if err != nil || made.Before(m.Asked.Add(-skew)) || found.To != m.To || strings.TrimSpace(found.Body) != strings.TrimSpace(m.Text) || !strings.HasPrefix(found.Direction, "outbound") {
			continue
		}
		if isService(m.From) && found.Service != m.From || !isService(m.From) && found.From != m.From {
			continue
		}
		all = append(all, found.report())
	}
	slices.Reverse(all) // Twilio has the newest first
	return all, nil
}

// Report reads a receipt that the auth token has signed.
func (p Provider) Report(r *http.Request, at string) (sms.Report, error) {
	if err := r.ParseForm(); err != nil {
		return sms.Report{}, err
	}
	given, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Twilio-Signature"))
	signed := func(token string) bool {
		return err == nil && token != "" && slices.ContainsFunc(spellings(at), func(at string) bool {
			return hmac.Equal(given, sum(token, at, r.PostForm))
		})
	}
	if !signed(p.AuthToken) && !signed(p.OldToken) || r.PostForm.Get("AccountSid") != p.AccountSID {
		return sms.Report{}, sms.ErrSignature
	}
	status := r.PostForm.Get("MessageStatus")
	if status == "" {
		status = r.PostForm.Get("SmsStatus")
	}
	return report(r.PostForm.Get("MessageSid"), status, r.PostForm.Get("ErrorCode"), r.PostForm.Get("ErrorMessage")), nil
}

// spellings are the URL as it was given, without its port, and with the usual one: Twilio has signed all three.
func spellings(at string) []string {
	all := []string{at}
	u, err := url.Parse(at)
	if err != nil {
		return all
	}
	scheme, rest, _ := strings.Cut(at, "://")
	host, port := strings.TrimSuffix(u.Host, ":"+u.Port()), "443"
	if scheme == "http" {
		port = "80"
	}
	behind := strings.TrimPrefix(rest, u.Host)
	return append(all, scheme+"://"+host+behind, scheme+"://"+host+":"+port+behind)
}

// sum signs a request: its URL, and its fields by name, each name followed by its values.
func sum(token, at string, form url.Values) []byte {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	h := hmac.New(sha1.New, []byte(token))
	_, _ = h.Write([]byte(at))
	for _, name := range names {
		values := slices.Clone(form[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			_, _ = h.Write([]byte(name + value))
		}
	}
	return h.Sum(nil)
}
