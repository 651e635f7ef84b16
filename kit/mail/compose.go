package mail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"mime"
	netmail "net/mail"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/offloadhq/offload"
)

// A composer makes mails of messages.
type composer struct {
	from      string
	templates *templates
	files     *os.Root // nil: there are none
	signer    *mail.DKIMSigner
}

// A letter is a mail that is ready to be sent, and the files that it reads meanwhile.
type letter struct {
	*mail.Msg
	id    string // Message-ID without brackets
	files []*os.File
}

func (l *letter) close() {
	for _, f := range l.files {
		_ = f.Close() // only read
	}
}

// compose makes the mail of a job: the same each time, so that it can be known as the same.
func (c *composer) compose(m *Message, job offload.ID, at time.Time) (_ *letter, err error) {
	from := m.From
	if from == "" {
		from = c.from
	}
	sender, err := netmail.ParseAddress(from)
	if err != nil {
		return nil, &offload.InputError{Field: "from", Got: from, Want: "an address, here or as mail.From"}
	}
	opts := []mail.MsgOption{mail.WithNoDefaultUserAgent()}
	if c.signer != nil {
		opts = append(opts, mail.WithDKIM(c.signer))
	}
	l := &letter{Msg: mail.NewMsg(opts...), id: job.String() + "@" + sender.Address[strings.LastIndexByte(sender.Address, '@')+1:]}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	l.SetMessageIDWithValue(l.id)
	l.SetDateWithValue(at)
	err = errors.Join(l.From(from), l.To(m.To...), l.Cc(m.Cc...), l.Bcc(m.Bcc...))
	if m.ReplyTo != "" {
		err = errors.Join(err, l.ReplyTo(m.ReplyTo))
	}
	if err != nil {
		return nil, &offload.InputError{Field: "to", Got: err, Want: "addresses"}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		l.SetGenHeader(mail.Header(name), m.Headers[name])
	}
	if m.Unsubscribe != "" {
		l.SetGenHeaderPreformatted("List-Unsubscribe", "<"+m.Unsubscribe+">")
		if strings.HasPrefix(m.Unsubscribe, "https:") {
			l.SetGenHeaderPreformatted("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
		}
	}
	if err := c.body(l, m); err != nil {
		return nil, err
	}
	return l, c.attach(l, m)
}

func (c *composer) body(l *letter, m *Message) error {
	subject, text, html := m.Subject, m.Text, m.HTML
	if m.Template != "" {
		made, err := c.templates.fill(m.Template, m.Data)
		if err != nil {
			return err
		}
		text, html = made.text, made.html
		if subject == "" {
			subject = made.subject
		}
		if !isLine(subject) || len(subject) > mostSubject {
			return &offload.InputError{Field: "subject", Got: subject, Want: "one line of text, also of template " + m.Template}
		}
	}
	l.Subject(subject)
	switch {
	case html == "":
		l.SetBodyString(mail.TypeTextPlain, text)
	case text == "":
		l.SetBodyString(mail.TypeTextHTML, html)
	default:
		l.SetBodyString(mail.TypeTextPlain, text)
		l.AddAlternativeString(mail.TypeTextHTML, html)
	}
	return nil
}

// attach opens what is attached, and has it read when the mail goes out: it is never whole in memory.
func (c *composer) attach(l *letter, m *Message) error {
	var attached, inline []*mail.File
	for i := range m.Attach {
		f := &m.Attach[i]
		kind := f.Type
		if kind == "" {
			kind = mime.TypeByExtension(path.Ext(f.Name))
		}
		if kind == "" {
			kind = "application/octet-stream"
		}
		part := &mail.File{Name: f.Name, ContentType: mail.ContentType(kind), Enc: mail.EncodingB64, Header: map[string][]string{}}
		if f.Path == "" {
			part.Writer = func(w io.Writer) (int64, error) { return io.Copy(w, bytes.NewReader(f.Content)) }
		} else {
			file, err := c.open(f.Path, fmt.Sprintf("attach[%d].path", i))
			if err != nil {
				return err
			}
			l.files = append(l.files, file)
			part.Writer = func(w io.Writer) (int64, error) {
				if _, err := file.Seek(0, io.SeekStart); err != nil {
					return 0, err
				}
				return io.Copy(w, file)
			}
		}
		if f.Inline {
			part.Header.Set("Content-ID", "<"+f.Name+">")
			inline = append(inline, part)
		} else {
			attached = append(attached, part)
		}
	}
	l.SetAttachments(attached)
	l.SetEmbeds(inline)
	return nil
}

// open opens a file below the kit's folder.
func (c *composer) open(name, field string) (*os.File, error) {
	if c.files == nil {
		return nil, &offload.InputError{Field: field, Got: name, Want: "content instead: the kit has no folder of files (mail.Files)"}
	}
	file, err := c.files.Open(name)
	var machine syscall.Errno // such as too many open files: not what a name that leads out of the folder brings
	if errors.Is(err, fs.ErrNotExist) || err != nil && !errors.As(err, &machine) {
		return nil, &offload.InputError{Field: field, Got: name, Want: "a file below the kit's folder"}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", field, err)
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		_ = file.Close()
		return nil, &offload.InputError{Field: field, Got: name, Want: "a file, not a folder or a device"}
	}
	return file, nil
}

// bytes is the mail as it goes out.
func (l *letter) bytes() ([]byte, error) {
	var b bytes.Buffer
	if _, err := l.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("write the mail: %w", err)
	}
	return b.Bytes(), nil
}
