package push

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/offloadhq/offload"
)

// headers are those that belong to the message, as its service names them.
func (m *Message) headers(id offload.ID, now time.Time) map[string]string {
	switch m.To.Service() {
	case "web":
		return m.webHeaders()
	case "apns":
		return m.apnsHeaders(id, now)
	}
	return nil // Firebase has all in the payload
}

// webHeaders are those of RFC 8030, section 5.
func (m *Message) webHeaders() map[string]string {
	h := map[string]string{"TTL": strconv.Itoa(m.seconds())}
	if m.Urgency != "" {
		h["Urgency"] = string(m.Urgency)
	}
	if m.Tag != "" {
		// At most 32 characters of base64url, which a tag need not be. The service learns no more of it.
		hash := sha256.Sum256([]byte(m.Tag))
		h["Topic"] = base64.RawURLEncoding.EncodeToString(hash[:])[:32]
	}
	return h
}

// apnsHeaders are Apple's, but for the topic and who sends it.
func (m *Message) apnsHeaders(id offload.ID, now time.Time) map[string]string {
	h := map[string]string{
		"apns-id": id.String(), "apns-push-type": "alert", "apns-priority": m.apnsPriority(), "apns-expiration": m.apnsExpiration(now),
		"apns-collapse-id": m.Tag,
	}
	if m.Tag == "" {
		h["apns-collapse-id"] = id.String()
	}
	if m.silent() {
		h["apns-push-type"] = "background"
	}
	return h
}

// apnsPriority is the urgency as Apple has it: 10 is at once, 5 spares the battery, 1 does not wake the device. A silent push may not be
// 10.
func (m *Message) apnsPriority() string {
	switch {
	case m.Urgency == VeryLow:
		return "1"
	case m.Urgency == Low, m.silent():
		return "5"
	}
	return "10"
}

// apnsExpiration is TTL as Apple has it: a time in seconds since 1970, or 0 for not at all.
func (m *Message) apnsExpiration(now time.Time) string {
	if m.seconds() == 0 {
		return "0"
	}
	return strconv.FormatInt(now.Add(time.Duration(m.seconds())*time.Second).Unix(), 10)
}
