package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/template"
	"time"
)

// HTTP is a provider that is asked by a request of any form. Its texts are templates of text/template, filled with .To, .Digits (To without the plus), .From, .Text, .ID
// (the job's, the same at each attempt) and .Callback; json writes a value as JSON, and urlquery as part of a form:
//
//	sms.HTTP{
//		URL:     "https://api.example.com/messages",
//		Headers: map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/json"},
//		Body:    `{"to": {{json .To}}, "text": {{json .Text}}, "reference": {{json .ID}}, "dlr": {{json .Callback}}}`,
//		TakenID: "messages.0.id",
//	}
//
// Redirects are not followed. The answers 401, 402, 403, 404, 408, 409, 425 and 429, and those from 500 on, are no fault of the message, which is
// retried; after one from 500 on but 503 it is in doubt whether it was taken. Others that are not expected discard it.
type HTTP struct {
	Label   string // the Name; "http" if empty
	URL     string
	Method  string // POST if empty
	Headers map[string]string
	Body    string
	Expect  []int  // statuses that say that the message is taken; any 2xx if empty
	TakenID string // where in the answer, if that is JSON, the provider's id is: "message.id", "messages.0.id"

	// Once says that the provider takes messages with the same .ID for one, so that it can be asked again whatever has happened.
	Once bool

	// What receipts have, as JSON, form, or query: the provider's id, the state, and what went wrong. "" is nothing. The URL of each is signed by
	// the kit.
	ReceiptID, ReceiptState, ReceiptCode string

	States map[string]State // what the provider's words mean: "DELIVRD": sms.Delivered; others say nothing

	// Client makes the requests; nil is one with half a minute for each.
	Client *http.Client
}

// Name is Label, or "http".
func (h HTTP) Name() string {
	if h.Label == "" {
		return "http"
	}
	return h.Label
}

// Validate says what can't be of the settings.
func (h HTTP) Validate() error {
	r, err := h.request(context.Background(), Outgoing{Message: Message{To: "+436641234567", From: "1", Text: "x"}, Callback: "https://shop.example/"})
	if err != nil {
		return err
	}
	if r.URL.Host == "" || r.URL.Scheme != "https" && r.URL.Scheme != "http" {
		return refuse("URL", shown(r.URL), "an absolute URL such as https://api.example.com/messages")
	}
	for word, state := range h.States {
		if rank[state] == 0 {
			return refuse("States", word+": "+string(state), "one of the states of this package")
		}
	}
	return nil
}

// shown is a URL without what may be a secret.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// fill fills a template. Nothing of it is in the error, since a template may have a password in it.
func fill(field, text string, m *Outgoing) (string, error) {
	t, err := template.New(field).Option("missingkey=error").Funcs(template.FuncMap{"json": func(v any) (string, error) {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		err := e.Encode(v)
		return strings.TrimSuffix(b.String(), "\n"), err
	}}).Parse(text)
	var b strings.Builder
	if err == nil {
		err = t.Execute(&b, map[string]string{
			"To": m.To, "Digits": strings.TrimPrefix(m.To, "+"), "From": m.From, "Text": m.Text, "ID": m.ID.String(), "Callback": m.Callback,
		})
	}
	if err != nil {
		return "", refuse(field, "a template that can't be filled", "one of text/template with .To, .Digits, .From, .Text, .ID, .Callback, json and urlquery")
	}
	return b.String(), nil
}

func (h HTTP) request(ctx context.Context, m Outgoing) (*http.Request, error) {
	at, err := fill("URL", h.URL, &m)
	if err != nil {
		return nil, err
	}
	body, err := fill("Body", h.Body, &m)
	if err != nil {
		return nil, err
	}
	method := h.Method
	if method == "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, at, strings.NewReader(body))
	if err != nil {
		return nil, refuse("URL", "a URL or method that is none", "an absolute URL such as https://api.example.com/messages")
	}
	// A connection of its own: over one that was used before, a request without a body may be made twice when it breaks.
	r.Close = body == ""
	for name, value := range h.Headers {
		if value, err = fill("Headers", value, &m); err != nil {
			return nil, err
		}
		if strings.ContainsAny(name+value, "\r\n\x00") {
			return nil, refuse("Headers", name, "one line each")
		}
		r.Header.Set(name, value)
	}
	return r, nil
}

// mostAnswer is how much of an answer is read, and mostSaid how much of it an error repeats.
const (
	mostAnswer = 256 << 10
	mostSaid   = 300
)

// client is used by all that have none of their own.
var client = &http.Client{
	Timeout:       30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second,
		DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	},
}

// Do makes a provider's request, by a client or by one that follows no redirect and takes half a minute, and returns the status, the header, and up to 256 KiB of
// the answer. Its error is a *SendError if nothing can have reached the provider. It is there for those who write a Provider.
func Do(c *http.Client, provider string, r *http.Request) (status int, header http.Header, body []byte, err error) {
	if c == nil {
		c = client
	}
	answer, err := c.Do(r)
	if err != nil {
		var about *url.Error
		if errors.As(err, &about) {
			err = about.Err // the URL may have a password in it
		}
		if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
			return 0, nil, nil, &SendError{Provider: provider, Text: "it can't be reached: " + err.Error()}
		}
		return 0, nil, nil, err
	}
	defer answer.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(answer.Body, mostAnswer)); err != nil {
		return answer.StatusCode, answer.Header, nil, fmt.Errorf("its answer of status %d broke off: %w", answer.StatusCode, err)
	}
	return answer.StatusCode, answer.Header, body, nil
}

// Close lets unused connections go.
func (h HTTP) Close() error {
	if h.Client == nil {
		client.CloseIdleConnections()
	}
	return nil
}

// Send makes the request.
func (h HTTP) Send(ctx context.Context, m Outgoing) (Report, error) {
	r, err := h.request(ctx, m)
	if err != nil {
		return Report{}, &SendError{Provider: h.Name(), Text: err.Error(), Permanent: true}
	}
	status, header, body, err := Do(h.Client, h.Name(), r)
	if err != nil {
		return Report{}, err
	}
	if slices.Contains(h.Expect, status) || len(h.Expect) == 0 && status >= 200 && status <= 299 {
		report := Report{State: Queued}
		if h.TakenID != "" {
			report.ID = at(body, h.TakenID)
		}
		return report, nil
	}
	said := strings.Map(func(c rune) rune {
		if c < ' ' {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(string(body[:min(len(body), mostSaid)]), ""))
	return Report{}, Refusal(h.Name(), status, header, "", strings.TrimSpace(said))
}

// Refusal makes the error of an answer, as HTTP understands its status: no *SendError where it is in doubt what became of the message. It is there for those who write a
// Provider.
func Refusal(provider string, status int, header http.Header, code, text string) error {
	e := &SendError{Provider: provider, Status: status, Code: code, Text: text}
	switch status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound, http.StatusRequestTimeout, http.StatusConflict,
		http.StatusTooEarly, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		e.RetryAfter = retryAfter(header, time.Now())
		return e
	}
	if status >= 500 {
		return errors.New(strings.Join(slices.DeleteFunc([]string{fmt.Sprintf("status %d", status), code, text}, func(s string) bool { return s == "" }), ", "))
	}
	e.Permanent = true
	return e
}

// mostWait is the longest that a provider may put a message off.
const mostWait = time.Hour

// retryAfter is how long a provider wants to be left alone.
func retryAfter(h http.Header, now time.Time) time.Duration {
	said := strings.TrimSpace(h.Get("Retry-After"))
	if said == "" {
		return 0
	}
	if d, err := time.ParseDuration(said + "s"); err == nil {
		return min(max(d, 0), mostWait)
	}
	if at, err := http.ParseTime(said); err == nil {
		return min(max(at.Sub(now), 0), mostWait)
	}
	return 0
}

// Find says that the message can be sent again, if the provider knows its ID.
func (h HTTP) Find(context.Context, Outgoing) ([]Report, error) {
	if h.Once {
		return nil, ErrUntaken
	}
	return nil, nil
}

// Report reads a receipt.
func (h HTTP) Report(r *http.Request, _ string) (Report, error) {
	var value func(name string) string
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/json" || strings.HasSuffix(kind, "+json") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return Report{}, err
		}
		value = func(name string) string { return at(body, name) }
	} else {
		if err := r.ParseForm(); err != nil {
			return Report{}, err
		}
		value = r.Form.Get
	}
	report := Report{}
	for _, f := range []struct {
		name string
		into *string
	}{{h.ReceiptID, &report.ID}, {h.ReceiptCode, &report.Code}} {
		if f.name != "" {
			*f.into = cut(value(f.name), 100)
		}
	}
	if h.ReceiptState != "" {
		word := value(h.ReceiptState)
		if report.State = h.States[word]; report.State == Failed || report.State == Undelivered {
			report.Reason = cut(word, 100)
		}
	}
	return report, nil
}

// cut is the beginning of a text.
func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}

// at is a value in JSON, as text; "" if there is none.
func at(body []byte, path string) string {
	for name := range strings.SplitSeq(path, ".") {
		var object map[string]json.RawMessage
		var list []json.RawMessage
		if json.Unmarshal(body, &object) == nil {
			body = object[name]
		} else if n := 0; json.Unmarshal(body, &list) == nil {
			if _, err := fmt.Sscanf(name, "%d", &n); err != nil || n < 0 || n >= len(list) {
				return ""
			}
			body = list[n]
		} else {
			return ""
		}
	}
	var text string
	if json.Unmarshal(body, &text) == nil {
		return cut(text, 100)
	}
	return cut(strings.TrimSpace(string(body)), 100)
}
