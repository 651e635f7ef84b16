package mail

import (
	"context"
	"encoding/json"
	"fmt"
	"net/mail"
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
)

// A Message is one mail. Addresses are written "ada@example.com" or "Ada Lovelace <ada@example.com>".
type Message struct {
	From    string   `json:"from,omitempty"` // the Kit's if empty
	ReplyTo string   `json:"reply_to,omitempty"`
	To      []string `json:"to"`
	Cc      []string `json:"cc,omitempty"`
	Bcc     []string `json:"bcc,omitempty"`
	Subject string   `json:"subject,omitempty"` // of a template: may be defined in it, as "subject"

	Text string `json:"text,omitempty"`
	HTML string `json:"html,omitempty"` // beside Text or alone

	Template string          `json:"template,omitempty"` // of the Kit's, instead of Text and HTML
	Data     json.RawMessage `json:"data,omitempty"`     // what it is filled with: see Fill

	Attach []File `json:"attach,omitempty"`

	// Unsubscribe is where a reader leaves a list with one click (RFC 8058): an https URL that takes a POST; or a mailto URL.
	Unsubscribe string            `json:"unsubscribe,omitempty"`
	Headers     map[string]string `json:"headers,omitempty"` // others, such as Auto-Submitted

	// Domain is where the first recipient is, by which PerDomain counts. A Sender fills it in; who enqueues by name may.
	Domain string `json:"domain,omitempty"`
}

// A File is attached, or stands in the HTML as <img src="cid:NAME"> if it is Inline.
type File struct {
	Name    string `json:"name"`
	Type    string `json:"type,omitempty"`   // "application/pdf"; by the end of the name if empty
	Path    string `json:"path,omitempty"`   // below Files; read when the mail is sent
	Blob    string `json:"blob,omitempty"`   // a key of the store of Blobs; read when the mail is sent
	Content []byte `json:"content,omitzero"` // []byte{} is an empty file
	Inline  bool   `json:"inline,omitempty"`
}

// Fill makes Data of a value. What does not encode as JSON is refused when the message is enqueued.
func Fill(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("{") // which encodes as little
	}
	return data
}

// Enqueue is that of offload.Func.
func (s *Sender) Enqueue(ctx context.Context, to offload.Enqueuer, m Message, opts ...offload.EnqueueOption) (*offload.Job, error) {
	return s.Func.Enqueue(ctx, to, m.complete(), opts...)
}

// EnqueueMany is that of offload.Func.
func (s *Sender) EnqueueMany(ctx context.Context, to offload.Enqueuer, all []Message, opts ...offload.EnqueueOption) ([]*offload.Job, error) {
	complete := make([]Message, len(all))
	for i := range all {
		complete[i] = all[i].complete()
	}
	return s.Func.EnqueueMany(ctx, to, complete, opts...)
}

// Call is that of offload.Func.
func (s *Sender) Call(m Message, opts ...offload.EnqueueOption) *offload.Call {
	return s.Func.Call(m.complete(), opts...)
}

// complete fills in what follows from the rest.
func (m Message) complete() Message {
	if m.Domain == "" && len(m.To) > 0 {
		if a, err := mail.ParseAddress(m.To[0]); err == nil {
			m.Domain = strings.ToLower(a.Address[strings.LastIndexByte(a.Address, '@')+1:])
		}
	}
	return m
}

// Bounds of what is worth trying.
const (
	mostRecipients = 100 // RFC 5321 asks servers to take as many
	mostSubject    = 990 // bytes: a line
)

// own are headers that the fields make.
var own = map[string]bool{
	"from": true, "to": true, "cc": true, "bcc": true, "reply-to": true, "subject": true, "date": true, "message-id": true, "sender": true,
	"mime-version": true, "content-type": true, "content-transfer-encoding": true, "list-unsubscribe": true, "list-unsubscribe-post": true,
	"dkim-signature": true, "return-path": true, "received": true, "content-disposition": true, "content-id": true,
}

// Validate says what is wrong with a message, as far as that is known without the kit that will send it.
func (m *Message) Validate() error {
	refuse := func(field string, got any, want string) error {
		return &offload.InputError{Field: field, Got: got, Want: want}
	}
	if len(m.To)+len(m.Cc)+len(m.Bcc) == 0 {
		return refuse("to", "nobody", "an address such as ada@example.com")
	}
	if n := len(m.To) + len(m.Cc) + len(m.Bcc); n > mostRecipients {
		return refuse("to", fmt.Sprintf("%d addresses with cc and bcc", n), fmt.Sprintf("at most %d; give each reader a mail", mostRecipients))
	}
	for _, f := range []struct {
		name string
		all  []string
	}{{"from", some(m.From)}, {"reply_to", some(m.ReplyTo)}, {"to", m.To}, {"cc", m.Cc}, {"bcc", m.Bcc}} {
		for _, address := range f.all {
			if !isAddress(address) {
				return refuse(f.name, address, "an address such as ada@example.com or Ada <ada@example.com>")
			}
		}
	}
	if !isLine(m.Subject) || len(m.Subject) > mostSubject {
		return refuse("subject", m.Subject, fmt.Sprintf("one line of text, at most %d bytes", mostSubject))
	}
	switch {
	case m.Template != "" && (m.Text != "" || m.HTML != ""):
		return refuse("template", m.Template, "none beside text and html")
	case m.Template == "" && m.Text == "" && m.HTML == "" && len(m.Attach) == 0:
		return refuse("text", "nothing", "text, html, a template or something attached")
	case m.Template != "" && (!isLine(m.Template) || strings.ContainsAny(m.Template, `/\`)):
		return refuse("template", m.Template, "the name of a template, such as welcome")
	case !utf8.ValidString(m.Text) || strings.ContainsRune(m.Text, 0):
		return refuse("text", "bytes that are none", "valid UTF-8 without NUL")
	case !utf8.ValidString(m.HTML) || strings.ContainsRune(m.HTML, 0):
		return refuse("html", "bytes that are none", "valid UTF-8 without NUL")
	case len(m.Data) > 0 && !json.Valid(m.Data):
		return refuse("data", "a value that does not encode", "JSON")
	}
	if err := m.validateHeaders(refuse); err != nil {
		return err
	}
	for i := range m.Attach {
		if err := m.Attach[i].validate(fmt.Sprintf("attach[%d]", i), refuse); err != nil {
			return err
		}
	}
	return nil
}

func (m *Message) validateHeaders(refuse func(string, any, string) error) error {
	if m.Unsubscribe != "" {
		u, err := url.Parse(m.Unsubscribe)
		if err != nil || !isLine(m.Unsubscribe) || strings.ContainsAny(m.Unsubscribe, "<>, ") || (u.Scheme != "mailto" && (u.Scheme != "https" || u.Host == "")) {
			return refuse("unsubscribe", m.Unsubscribe, "an https or mailto URL")
		}
	}
	for name, value := range m.Headers {
		token := name != "" && strings.IndexFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == ':' }) < 0
		switch {
		case !token:
			return refuse("headers", name, "the name of a header, such as Auto-Submitted")
		case own[strings.ToLower(name)]:
			return refuse("headers."+name, value, "a header that has no field of its own")
		case !isLine(value) || len(value) > mostSubject:
			return refuse("headers."+name, value, fmt.Sprintf("one line of text, at most %d bytes", mostSubject))
		}
	}
	return nil
}

func (f *File) validate(at string, refuse func(string, any, string) error) error {
	switch {
	case f.Name == "" || !isLine(f.Name) || path.Base(f.Name) != f.Name || f.Name == "." || f.Name == ".." || strings.Contains(f.Name, `\`):
		return refuse(at+".name", f.Name, "the name of a file, without folders")
	case f.Path == "" && f.Blob == "" && f.Content == nil:
		return refuse(at, f.Name, "a path, a blob or content")
	case f.Path != "" && f.Content != nil:
		return refuse(at+".path", f.Path, "none beside content")
	case f.Blob != "" && (f.Path != "" || f.Content != nil):
		return refuse(at+".blob", f.Blob, "none beside a path or content")
	case f.Blob != "" && blob.CheckKey(f.Blob) != nil:
		return refuse(at+".blob", f.Blob, "a key such as invoices/7.pdf: see blob.CheckKey")
	case f.Type != "" && (!isLine(f.Type) || !strings.Contains(f.Type, "/")):
		return refuse(at+".type", f.Type, "a media type such as application/pdf")
	}
	return nil
}

// some is a list of one, or of none if it is empty.
func some(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// isAddress reports whether a is one address, of which no part can be taken for a command or a parameter of SMTP.
func isAddress(a string) bool {
	parsed, err := mail.ParseAddress(a)
	if err != nil || !isLine(a) || !isLine(parsed.Name) || len(parsed.Address) > 254 {
		return false
	}
	return !strings.ContainsAny(parsed.Address, " <>\"") && strings.Count(parsed.Address, "@") == 1
}

// isLine reports whether s is text without anything that ends a line, or is no character.
func isLine(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}
