package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/sms"
)

// calls are the jobs that tell the person by a channel; none if they can't be reached by it.
func (t *telling) calls(c Channel) (all []*offload.Call) {
	switch c {
	case Mail:
		all = t.mails()
	case SMS:
		all = t.texts()
	case Push:
		all = t.pushes()
	}
	if len(all) > 0 {
		t.result.Channels = append(t.result.Channels, c)
	}
	return all
}

// mails are one mail, or none.
func (t *telling) mails() []*offload.Call {
	if t.who.Mail == "" {
		t.skip(Mail, "no address", nil)
		return nil
	}
	m := t.content.mail()
	m.To = []string{t.who.Mail}
	if err := m.Validate(); err != nil {
		t.skip(Mail, err.Error(), fmt.Errorf("mail: %w", err))
		return nil
	}
	return []*offload.Call{t.mail.Call(m, t.once("mail"), t.tag())}
}

// mail is the content as a mail.
func (c *Content) mail() mail.Message {
	if c.Mail != nil {
		m := *c.Mail
		m.Cc, m.Bcc = nil, nil
		return m
	}
	return mail.Message{Subject: c.Title, Text: c.plain(), Headers: map[string]string{"Auto-Submitted": "auto-generated"}}
}

// plain is the content as text.
func (c *Content) plain() string {
	text := c.Title
	if c.Text != "" {
		text = c.Text
	}
	if c.URL != "" {
		text += "\n\n" + c.URL
	}
	return text + "\n"
}

// texts are one short message, or none.
func (t *telling) texts() []*offload.Call {
	if t.who.Phone == "" {
		t.skip(SMS, "no number", nil)
		return nil
	}
	m := sms.Message{To: t.who.Phone, Text: t.content.SMS}
	if m.Text == "" {
		m.Text = t.content.Title
		for _, part := range []string{t.content.Text, t.content.URL} {
			if part != "" {
				m.Text += "\n" + part
			}
		}
		m.Text = sms.Plain(m.Text)
	}
	if err := m.Validate(); err != nil {
		t.skip(SMS, err.Error(), fmt.Errorf("sms: %w", err))
		return nil
	}
	return []*offload.Call{t.sms.Call(m, t.once("sms"), t.tag())}
}

// mostPush is how many bytes of the text a push has.
const mostPush = 1000

// pushes are one for each device.
func (t *telling) pushes() (all []*offload.Call) {
	if len(t.who.Push) == 0 {
		t.skip(Push, "no device", nil)
		return nil
	}
	var wrong error
	bad := 0
	seen := map[string]bool{}
	for _, target := range t.who.Push {
		m := t.pushTo(target)
		if err := m.Validate(); err != nil {
			wrong = fmt.Errorf("push: %w", err)
			bad++
			continue
		}
		sum := sha256.Sum256([]byte(target.Service() + " " + target.Address()))
		part := "push-" + hex.EncodeToString(sum[:8])
		if !seen[part] {
			seen[part] = true
			all = append(all, t.push.Call(m, t.once(part), t.tag()))
		}
	}
	switch {
	case wrong == nil:
	case len(all) == 0:
		t.skip(Push, wrong.Error(), wrong)
	default:
		t.skip(Push, fmt.Sprintf("%d of %d devices: %v", bad, len(t.who.Push), wrong), nil)
	}
	return all
}

// pushTo is the content as a push to a device.
func (t *telling) pushTo(target push.Target) push.Message {
	var m push.Message
	if t.content.Push != nil {
		m = *t.content.Push
	} else {
		m = push.Message{Title: t.content.Title, Body: t.content.Text}
		if len(m.Body) > mostPush {
			m.Body = strings.ToValidUTF8(m.Body[:mostPush], "") + "…"
		}
		if strings.HasPrefix(t.content.URL, "https://") {
			m.URL = t.content.URL
		}
		if t.notice.Urgent {
			m.Urgency = push.High
		}
	}
	m.To = target
	m.Data = maps.Clone(m.Data)
	if m.Data == nil {
		m.Data = map[string]string{}
	}
	m.Data["notice"] = t.id.String()
	return m
}

// tag lets the jobs of a notice be found.
func (t *telling) tag() offload.JobOption { return offload.Tag("notice", t.id.String()) }
