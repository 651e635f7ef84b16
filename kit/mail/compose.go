package mail

import (
	"bytes"
	"context"
	"encoding/base64"
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
	"github.com/offloadhq/offload/kit/blob"
)

// A composer makes mails of messages.
type composer struct {
	from      string
	templates *templates
	files     *os.Root   // nil: there are none
	blobs     blob.Store // nil: there are none
	signer    *signer
}

// A letter is a mail that is ready to be sent.
type letter struct {
	id        string // Message-ID without brackets
	from      string // addresses without brackets
	to        []string
	signature string // the header, or ""
	text      spool
}

// reader reads the mail as it goes out. There may be several, until close.
func (l *letter) reader() io.Reader {
	return io.MultiReader(strings.NewReader(l.signature), l.text.reader())
}

func (l *letter) close() { _ = l.text.close() } // there is nobody whom it helps that a temporary file stays

// A draft is a mail in the making, and the files that are open for it.
type draft struct {
	*mail.Msg
	files []*os.File
	out   io.Writer
	wrong error // what something attached could not be read or written for
}

func (d *draft) write(w io.Writer) error {
	d.out = w
	_, err := d.WriteTo(w)
	if d.wrong != nil {
		return d.wrong // without what the library says around it
	}
	return err
}

func (d *draft) close() {
	for _, f := range d.files {
		_ = f.Close() // only read
	}
}

// compose makes the mail of a job: the same each time, so that it can be known as the same.
func (c *composer) compose(ctx context.Context, m *Message, job offload.ID, at time.Time) (*letter, error) {
	from := m.From
	if from == "" {
		from = c.from
	}
	sender, err := netmail.ParseAddress(from)
	if err != nil {
		return nil, &offload.InputError{Field: "from", Got: from, Want: "an address, here or as mail.From"}
	}
	d := &draft{Msg: mail.NewMsg(mail.WithNoDefaultUserAgent())}
	defer d.close()
	l := &letter{id: job.String() + "@" + sender.Address[strings.LastIndexByte(sender.Address, '@')+1:]}
	d.SetMessageIDWithValue(l.id)
	d.SetDateWithValue(at)
	if err := c.address(d, m, from, l); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		d.SetGenHeader(mail.Header(name), m.Headers[name])
	}
	if m.Unsubscribe != "" {
		d.SetGenHeaderPreformatted("List-Unsubscribe", "<"+m.Unsubscribe+">")
		if strings.HasPrefix(m.Unsubscribe, "https:") {
			d.SetGenHeaderPreformatted("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
		}
	}
	if err := c.body(d, m); err != nil {
		return nil, err
	}
	if err := c.attach(ctx, d, m); err != nil {
		return nil, err
	}
	if l.signature, err = c.signer.sign(&l.text, m.Unsubscribe != "", d.write); err != nil {
		l.close()
		if errors.Is(err, errTooLarge) {
			return nil, &offload.InputError{Field: "attach", Got: "a mail of more than 256 MiB", Want: "a link to what is so large"}
		}
		return nil, fmt.Errorf("write the mail: %w", err)
	}
	return l, nil
}

// address says in a mail, and on its letter, who writes to whom.
func (c *composer) address(d *draft, m *Message, from string, l *letter) error {
	err := errors.Join(d.From(from), d.To(m.To...), d.Cc(m.Cc...), d.Bcc(m.Bcc...))
	if m.ReplyTo != "" {
		err = errors.Join(err, d.ReplyTo(m.ReplyTo))
	}
	sender, err1 := d.GetSender(false)
	to, err2 := d.GetRecipients()
	if err = errors.Join(err, err1, err2); err != nil {
		return &offload.InputError{Field: "to", Got: err, Want: "addresses"}
	}
	l.from = strings.Trim(sender, "<>")
	for _, address := range to {
		l.to = append(l.to, strings.Trim(address, "<>"))
	}
	return nil
}

func (c *composer) body(d *draft, m *Message) error {
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
	d.Subject(subject)
	switch {
	case html == "":
		d.SetBodyString(mail.TypeTextPlain, text)
	case text == "":
		d.SetBodyString(mail.TypeTextHTML, html)
	default:
		d.SetBodyString(mail.TypeTextPlain, text)
		d.AddAlternativeString(mail.TypeTextHTML, html)
	}
	return nil
}

// attach opens what is attached, and has it read when the mail is written: it is never whole in memory.
func (c *composer) attach(ctx context.Context, d *draft, m *Message) error {
	var attached, inline []*mail.File
	for i := range m.Attach {
		f := &m.Attach[i]
		kind := f.Type
		if kind == "" {
			kind = mime.TypeByExtension(path.Ext(f.Name))
		}
		if kind == "" {
			kind = blob.TypeOf(f.Blob)
		}
		part := &mail.File{Name: f.Name, ContentType: mail.ContentType(kind), Enc: mail.EncodingB64, Header: map[string][]string{}}
		content, err := c.content(ctx, d, f, fmt.Sprintf("attach[%d]", i))
		if err != nil {
			return err
		}
		// Past the library, which has written the headers of the part when it asks for its content, and would hold that in memory.
		part.Writer = func(io.Writer) (int64, error) {
			if d.wrong == nil {
				d.wrong = content(d.out)
			}
			return 0, d.wrong
		}
		if f.Inline {
			part.Header.Set("Content-ID", "<"+f.Name+">")
			inline = append(inline, part)
		} else {
			attached = append(attached, part)
		}
	}
	d.SetAttachments(attached)
	d.SetEmbeds(inline)
	return nil
}

// content returns what writes the content of a file, encoded. Of blobs one is open at a time, while it is read.
func (c *composer) content(ctx context.Context, d *draft, f *File, at string) (func(io.Writer) error, error) {
	switch {
	case f.Blob != "" && c.blobs == nil:
		return nil, &offload.InputError{Field: at + ".blob", Got: f.Blob, Want: "content instead: the kit has no store (mail.Blobs)"}
	case f.Blob != "":
		return func(w io.Writer) error {
			r, _, err := c.blobs.Get(ctx, f.Blob)
			if errors.Is(err, offload.ErrNotFound) {
				return &offload.InputError{Field: at + ".blob", Got: f.Blob, Want: "a key under which there is a file"}
			}
			if err != nil {
				return fmt.Errorf("%s.blob %q: %w", at, f.Blob, err)
			}
			defer r.Close()
			return encode(w, r)
		}, nil
	case f.Path != "":
		file, err := c.open(f.Path, at+".path")
		if err != nil {
			return nil, err
		}
		d.files = append(d.files, file)
		return func(w io.Writer) error { return encode(w, file) }, nil
	}
	return func(w io.Writer) error { return encode(w, bytes.NewReader(f.Content)) }, nil
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

// encode writes what r has in base64, in lines as RFC 2045 has them.
func encode(w io.Writer, r io.Reader) error {
	const most = 57 // bytes in a line of 76
	raw, line := make([]byte, 256*most), make([]byte, 0, 78)
	for {
		n, err := io.ReadFull(r, raw)
		for part := range slices.Chunk(raw[:n], most) {
			line = append(base64.StdEncoding.AppendEncode(line[:0], part), "\r\n"...)
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
