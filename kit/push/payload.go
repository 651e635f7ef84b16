package push

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// What the services take at most, in bytes.
const (
	mostWeb  = 4096 - 103 // RFC 8291, section 4: the encrypted body has 86 bytes of header, 1 of padding and 16 of tag beside it
	mostAPNs = 4096
	mostFCM  = 4096
)

// checkSize refuses what the service would refuse, naming the field that has the most of it.
func (m *Message) checkSize() error {
	most := map[string]int{"web": mostWeb, "apns": mostAPNs, "fcm": mostFCM}[m.To.Service()]
	payload, err := m.payload(strings.Repeat("0", 36), time.Now())
	if err != nil {
		return refuse("data", err, "what encodes as JSON")
	}
	if len(payload) <= most {
		return nil
	}
	field, largest, data := "body", len(m.Body), 0
	for key, value := range m.Data {
		data += len(key) + len(value)
	}
	for _, part := range []struct {
		name string
		size int
	}{{"title", len(m.Title)}, {"url", len(m.URL)}, {"icon", len(m.Icon)}, {"data", data}} {
		if part.size > largest {
			field, largest = part.name, part.size
		}
	}
	return refuse(field, fmt.Sprintf("%d bytes, in a payload of %d", largest, len(payload)), fmt.Sprintf("a payload of up to %d bytes", most))
}

// payload is what the service is given, as JSON: of web push what is encrypted, of FCM the message without its token. The id stands for
// the tag that is not given.
func (m *Message) payload(id string, now time.Time) ([]byte, error) {
	tag := m.Tag
	if tag == "" {
		tag = id
	}
	var v any
	switch m.To.Service() {
	case "web":
		v = m.webPayload(tag)
	case "apns":
		v = m.apnsPayload()
	default:
		v = m.fcmPayload(tag, now)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // six bytes for each "<", of few
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// webPayload is a declarative push message of the W3C's Push API where it can be one, which needs a title and an URL: browsers that know
// it show it without a service worker. Others give the same JSON to the worker.
type webPayload struct {
	WebPush      int               `json:"web_push,omitempty"` // always 8030
	Notification *webNotification  `json:"notification,omitempty"`
	AppBadge     *int              `json:"app_badge,omitempty"`
	Data         map[string]string `json:"data,omitempty"` // of a silent one
}

type webNotification struct {
	Title    string            `json:"title"`
	Body     string            `json:"body,omitempty"`
	Navigate string            `json:"navigate,omitempty"`
	Icon     string            `json:"icon,omitempty"`
	Tag      string            `json:"tag,omitempty"`
	Data     map[string]string `json:"data,omitempty"`
}

func (m *Message) webPayload(tag string) webPayload {
	if m.silent() {
		return webPayload{AppBadge: m.Badge, Data: m.Data}
	}
	p := webPayload{AppBadge: m.Badge, Notification: &webNotification{m.Title, m.Body, m.URL, m.Icon, tag, m.Data}}
	if m.URL != "" {
		p.WebPush = 8030
	}
	return p
}

type aps struct {
	Alert            *alert `json:"alert,omitempty"`
	Badge            *int   `json:"badge,omitempty"`
	Sound            string `json:"sound,omitempty"`
	ContentAvailable int    `json:"content-available,omitempty"`
}

type alert struct {
	Title string `json:"title,omitempty"`
	Body  string `json:"body,omitempty"`
}

func (m *Message) apnsPayload() map[string]any {
	a := aps{Badge: m.Badge, Sound: m.Sound}
	if m.silent() {
		a.ContentAvailable = 1
	} else {
		a.Alert = &alert{m.Title, m.Body}
	}
	p := map[string]any{"aps": a}
	for key, value := range m.appData() {
		p[key] = value
	}
	return p
}

// appData is Data with URL, for apps, which have no other place for it.
func (m *Message) appData() map[string]string {
	if m.URL == "" {
		return m.Data
	}
	data := map[string]string{"url": m.URL}
	maps.Copy(data, m.Data)
	return data
}

// fcmPayload is a Message of FCM's v1 API. A registration may be of an Android app, one of Apple's, or a web page: each has its part.
type fcmPayload struct {
	Notification *alert            `json:"notification,omitempty"`
	Data         map[string]string `json:"data,omitempty"`
	Android      fcmAndroid        `json:"android"`
	APNs         fcmAPNs           `json:"apns"`
	WebPush      fcmWeb            `json:"webpush"`
}

type fcmAndroid struct {
	CollapseKey  string               `json:"collapse_key,omitempty"`
	Priority     string               `json:"priority,omitempty"`
	TTL          string               `json:"ttl"`
	Notification *androidNotification `json:"notification,omitempty"`
}

type androidNotification struct {
	Tag   string `json:"tag,omitempty"`
	Sound string `json:"sound,omitempty"`
}

type fcmAPNs struct {
	Headers map[string]string `json:"headers"`
	Payload *apsPayload       `json:"payload,omitempty"`
}

type apsPayload struct {
	APS aps `json:"aps"`
}

type fcmWeb struct {
	Headers      map[string]string `json:"headers"`
	Notification *webIcon          `json:"notification,omitempty"`
	Options      *webOptions       `json:"fcm_options,omitempty"`
}

type webIcon struct {
	Icon string `json:"icon,omitempty"`
	Tag  string `json:"tag,omitempty"`
}

type webOptions struct {
	Link string `json:"link"`
}

func (m *Message) fcmPayload(tag string, now time.Time) fcmPayload {
	seconds := strconv.Itoa(m.seconds())
	p := fcmPayload{
		Data: m.appData(),
		// A key of a device's own pushes out another of its: it can have four. So there is none without a Tag.
		Android: fcmAndroid{CollapseKey: m.Tag, TTL: seconds + "s"},
		APNs: fcmAPNs{Headers: map[string]string{
			"apns-collapse-id": tag, "apns-priority": m.apnsPriority(), "apns-expiration": m.apnsExpiration(now),
		}},
		WebPush: fcmWeb{Headers: map[string]string{"TTL": seconds}},
	}
	switch m.Urgency {
	case High:
		p.Android.Priority = "HIGH"
	case Normal, Low, VeryLow:
		p.Android.Priority = "NORMAL"
	}
	if m.Urgency != "" {
		p.WebPush.Headers["Urgency"] = string(m.Urgency)
	}
	if m.silent() {
		p.APNs.Headers["apns-push-type"] = "background"
		p.APNs.Payload = &apsPayload{aps{ContentAvailable: 1, Badge: m.Badge}}
		return p
	}
	p.Notification = &alert{m.Title, m.Body}
	p.Android.Notification = &androidNotification{Tag: tag, Sound: m.Sound}
	if m.Badge != nil || m.Sound != "" {
		p.APNs.Payload = &apsPayload{aps{Badge: m.Badge, Sound: m.Sound}}
	}
	p.WebPush.Notification = &webIcon{Icon: m.Icon, Tag: tag}
	if strings.HasPrefix(m.URL, "https:") {
		p.WebPush.Options = &webOptions{m.URL}
	}
	return p
}
