package push

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/offloadhq/offload"
)

// A Message is one push to one target. Title, Body and what belongs to them are shown; a Message that has only Data is silent: the app
// gets it, and shows what it likes.
type Message struct {
	To Target `json:"to"`

	Title string `json:"title,omitempty"`
	Body  string `json:"body,omitempty"`
	URL   string `json:"url,omitempty"`   // where a touch leads: absolute, https, or a scheme of the app's; in an app it is the datum "url"
	Icon  string `json:"icon,omitempty"`  // an https URL; browsers only, an app has its own
	Sound string `json:"sound,omitempty"` // "default", or a file in the app; phones only. None if empty
	Badge *int   `json:"badge,omitempty"` // the number at the app's icon; 0 takes it away

	// Tag is what a later push with the same replaces: "order-7". Up to 64 bytes. The default is the job's id: nothing is replaced but
	// the push itself, sent a second time.
	Tag string `json:"tag,omitempty"`

	// Data goes to the app, as it is. Keys that a service has for itself are refused: "aps" for APNs; "from", "message_type" and what
	// begins with "google" or "gcm" for FCM; "url" where URL is given.
	Data map[string]string `json:"data,omitempty"`

	// TTL is for how many seconds the service keeps the push for a device that can't be reached: 0 is a day, -1 not at all, and up to
	// 2419200, which are four weeks. It counts from the attempt that is accepted.
	TTL int `json:"ttl,omitempty"`

	// Urgency is what is worth waking a device that saves power: "very-low", "low", "normal", "high" (RFC 8030). The default is the
	// service's.
	Urgency Urgency `json:"urgency,omitempty"`
}

// An Urgency is how urgent a push is.
type Urgency string

// The urgencies of RFC 8030, section 5.3.
const (
	VeryLow Urgency = "very-low" // when it is charged and in a WLAN: advertisements
	Low     Urgency = "low"      // one of the two: news of a topic
	Normal  Urgency = "normal"   // neither: a chat, a calendar
	High    Urgency = "high"     // even when the battery is low: a call, a time-sensitive alert
)

const (
	mostTTL = 28 * 24 * 60 * 60 // of FCM, which has the least
	dayTTL  = 24 * 60 * 60
	mostTag = 64 // of apns-collapse-id, which has the least
	mostURL = 2048
)

// seconds is TTL as the services want it: 0 is not at all.
func (m *Message) seconds() int {
	switch m.TTL {
	case -1:
		return 0
	case 0:
		return dayTTL
	}
	return m.TTL
}

// silent reports whether there is nothing to be shown.
func (m *Message) silent() bool { return m.Title == "" && m.Body == "" }

// refuse is an error about a field of the input.
func refuse(field string, got any, want string) error {
	return &offload.InputError{Field: field, Got: got, Want: want}
}

// Validate returns the first value that no push can be made of, as an *offload.InputError.
func (m Message) Validate() error {
	if err := m.To.check(); err != nil {
		return err
	}
	for _, text := range []struct{ name, value string }{{"title", m.Title}, {"tag", m.Tag}, {"sound", m.Sound}} {
		if !isLine(text.value) {
			return refuse(text.name, fmt.Sprintf("%.60q", text.value), "one line of valid UTF-8, without control characters")
		}
	}
	if !isText(m.Body) {
		return refuse("body", fmt.Sprintf("%.60q", m.Body), "valid UTF-8, without control characters but the ends of lines")
	}
	switch {
	case m.Title == "" && m.Body != "":
		return refuse("title", "", "some, where there is a body")
	case m.silent() && len(m.Data) == 0:
		return refuse("title", "", "some, or data for the app")
	case len(m.Tag) > mostTag:
		return refuse("tag", fmt.Sprintf("%d bytes", len(m.Tag)), fmt.Sprintf("up to %d", mostTag))
	case m.Badge != nil && (*m.Badge < 0 || *m.Badge > 1<<31-1):
		return refuse("badge", *m.Badge, "0 or more")
	case m.TTL < -1 || m.TTL > mostTTL:
		return refuse("ttl", m.TTL, fmt.Sprintf("seconds up to %d, 0 for a day, or -1 for not at all", mostTTL))
	}
	switch m.Urgency {
	case "", VeryLow, Low, Normal, High:
	default:
		return refuse("urgency", fmt.Sprintf("%.40q", m.Urgency), `"very-low", "low", "normal" or "high"`)
	}
	if m.URL != "" && !isURL(m.URL, false) {
		return refuse("url", fmt.Sprintf("%.100q", m.URL), "an absolute URL, https or of a scheme of the app's")
	}
	if m.Icon != "" && !isURL(m.Icon, true) {
		return refuse("icon", fmt.Sprintf("%.100q", m.Icon), "an https URL")
	}
	if err := m.checkData(); err != nil {
		return err
	}
	return m.checkSize()
}

// isURL reports whether s is an absolute URL that a device may open. What would run as a script, and what everybody on the way can read,
// is none.
func isURL(s string, https bool) bool {
	u, err := url.Parse(s)
	if err != nil || len(s) > mostURL || !utf8.ValidString(s) || u.Scheme == "" {
		return false
	}
	switch u.Scheme {
	case "https":
		return u.Hostname() != "" && u.User == nil
	case "http":
		return !https && u.Hostname() == "localhost" // while one develops
	case "javascript", "data", "vbscript", "blob", "file":
		return false
	}
	return !https
}

func (m *Message) checkData() error {
	for key, value := range m.Data {
		field := fmt.Sprintf("data[%.40q]", key)
		if key == "" || !isLine(key) {
			return refuse(field, "the key", "some text without control characters")
		}
		if !utf8.ValidString(value) {
			return refuse(field, "a value that is no text", "valid UTF-8")
		}
		if m.URL != "" && key == "url" {
			return refuse(field, "a value beside url", "one of the two")
		}
		switch {
		case m.To.APNs != nil && key == "aps", m.To.FCM != nil && reservedByFCM(key):
			return refuse(field, "the key", "one that "+m.To.Service()+" has not for itself")
		}
	}
	return nil
}

func reservedByFCM(key string) bool {
	return key == "from" || key == "message_type" || strings.HasPrefix(key, "google") || strings.HasPrefix(key, "gcm")
}

// isLine reports whether s is text of one line.
func isLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' })
}

// isText reports whether s is text of some lines.
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' })
}
