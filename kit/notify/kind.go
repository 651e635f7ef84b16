package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/push"
)

// A Channel is a way to a person.
type Channel string

// The channels.
const (
	InApp Channel = "in-app" // a list in the program: Inbox, NewHandler
	Mail  Channel = "mail"
	Push  Channel = "push"
	SMS   Channel = "sms"
)

var allChannels = []Channel{InApp, Mail, Push, SMS}

// A Kind is a kind of notices.
type Kind struct {
	Name string // "order.shipped"

	// Channels are those by which its notices go to a person who has not said otherwise.
	Channels []Channel

	// Required are channels that nobody can switch off: for what people must know.
	Required []Channel

	// Content says what is to be read. It is called when a notice runs, and again after quiet hours. An *offload.InputError discards the notice. See Fill.
	Content func(ctx context.Context, who Who, data json.RawMessage) (Content, error)

	// Otherwise sends by another channel what does not arrive.
	Otherwise Otherwise

	// Digest is for how long mails are gathered into one; 0 sends each at once. An urgent one is sent at once anyway.
	Digest time.Duration

	// DigestMail makes the mail of several notices, the oldest first; nil is a list of their titles, texts and links.
	DigestMail func(ctx context.Context, who Who, all []Content) (mail.Message, error)
}

// An Otherwise is what is done with a notice that does not arrive.
type Otherwise struct {
	From, To Channel       // such as Push and SMS; To is not used at first
	After    time.Duration // at least a second
	Until    Arrived       // what is waited for; Seen if empty
}

// Arrived says what it means that a push has arrived.
type Arrived string

// What it means that a push has arrived.
const (
	Seen  Arrived = "seen"  // the person has opened it, or has read the notice in the list: MarkRead, MarkSeen
	Taken Arrived = "taken" // the service of one of the devices, or a server of mail, or a provider of messages, has accepted it
)

// Content is what a person reads of a notice.
type Content struct {
	Title string `json:"title"`
	Text  string `json:"text,omitempty"`
	URL   string `json:"url,omitempty"` // where more is: absolute, https or http; pushes lead there if it is https

	Mail *mail.Message `json:"mail,omitempty"` // instead of one of Title, Text and URL; To is filled in, and Cc and Bcc are left out
	SMS  string        `json:"sms,omitempty"`  // instead of Title, Text and URL
	Push *push.Message `json:"push,omitempty"` // instead of one of Title, Text and URL; To is filled in
}

const (
	mostTitle = 200 // bytes
	mostText  = 500 // bytes that the list keeps
	mostURL   = 1000
)

// check says what of a content can't be.
func (c *Content) check() error {
	if c.Title == "" || len(c.Title) > mostTitle || !isLine(c.Title) {
		return refuse("Content.Title", c.Title, fmt.Sprintf("1 to %d bytes in one line", mostTitle))
	}
	if c.URL != "" {
		u, err := url.Parse(c.URL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || len(c.URL) > mostURL {
			return refuse("Content.URL", c.URL, fmt.Sprintf("an absolute URL, https or http, up to %d bytes", mostURL))
		}
	}
	return nil
}

// Fill makes a Kind's Content of a function that takes the Data of a notice as a T. Data that are no T discard the notice.
func Fill[T any](f func(ctx context.Context, who Who, data T) (Content, error)) func(context.Context, Who, json.RawMessage) (Content, error) {
	return func(ctx context.Context, who Who, raw json.RawMessage) (Content, error) {
		var data T
		if len(raw) > 0 {
			if err := json.Unmarshal(raw, &data); err != nil {
				return Content{}, refuse("data", err.Error(), fmt.Sprintf("JSON of the type %T", data))
			}
		}
		return f(ctx, who, data)
	}
}

func (k *Kind) check() error {
	if !isKind(k.Name) {
		return refuse("Kind.Name", k.Name, wantKind)
	}
	refuse := func(field string, got any, want string) error { return refuse(k.Name+"."+field, got, want) }
	for field, all := range map[string][]Channel{"Channels": k.Channels, "Required": k.Required} {
		for _, c := range all {
			if !slices.Contains(allChannels, c) {
				return refuse(field, c, "in-app, mail, push or sms")
			}
		}
	}
	if k.Content == nil {
		return refuse("Content", "nil", "a function")
	}
	if k.Digest < 0 || k.Digest > 0 && k.Digest < time.Second || k.Digest > 31*24*time.Hour {
		return refuse("Digest", k.Digest, "0, or a second to 31 days")
	}
	o := &k.Otherwise
	if *o == (Otherwise{}) {
		return nil
	}
	if o.Until == "" {
		o.Until = Seen
	}
	switch {
	case o.From == InApp && o.Until == Taken:
		return refuse("Otherwise.Until", o.Until, "seen, for notices in the list")
	case !slices.Contains(allChannels, o.From):
		return refuse("Otherwise.From", o.From, "in-app, mail, push or sms")
	case !slices.Contains(allChannels[1:], o.To) || o.To == o.From:
		return refuse("Otherwise.To", o.To, "mail, push or sms, and another than From")
	case o.After < time.Second || o.After > 31*24*time.Hour:
		return refuse("Otherwise.After", o.After, "a second to 31 days")
	case o.Until != Seen && o.Until != Taken:
		return refuse("Otherwise.Until", o.Until, "seen or taken")
	case (o.From == Mail || o.To == Mail) && k.Digest > 0:
		return refuse("Otherwise", Mail, "other channels than mail, which is gathered")
	}
	return nil
}

// fallible reports whether an error says that a notice can't be, whenever it is tried.
func fallible(err error) error {
	if wrong := (*offload.InputError)(nil); asInput(err, &wrong) {
		return offload.Discard(err)
	}
	return err
}
