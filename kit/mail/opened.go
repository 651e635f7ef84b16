package mail

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"path"
	"strings"
)

// An opened is a mail that was read, as far as it could be.
type opened struct {
	name    string
	text    []byte
	headers netmail.Header
	parts   []part
	wrong   error // why the rest could not be read
}

// A part is one that has no parts itself.
type part struct {
	kind     string // "text/plain"
	name     string // of a file
	id       string // Content-ID, without brackets
	attached bool
	content  []byte
}

const (
	mostParts = 200
	mostDepth = 20
)

// open reads a mail. What others have made of it is not trusted to be one.
func open(name string, text []byte) *opened {
	o := &opened{name: name, text: text, headers: netmail.Header{}}
	m, err := netmail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		o.wrong = err
		return o
	}
	o.headers = m.Header
	o.wrong = o.read(textproto.MIMEHeader(m.Header), m.Body, 0)
	return o
}

// read adds a part, or those that it is made of.
func (o *opened) read(h textproto.MIMEHeader, body io.Reader, depth int) error {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || h.Get("Content-Type") == "" {
		kind, params = "text/plain", nil // RFC 2045, section 5.2
	}
	switch {
	case len(o.parts) >= mostParts || depth > mostDepth:
		return errors.New("it has too many parts")
	case strings.HasPrefix(kind, "multipart/"):
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read its parts: %w", err)
			}
			if err := o.read(p.Header, p, depth+1); err != nil {
				return err
			}
		}
	}
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("decode a part: %w", err)
	}
	how, more, _ := mime.ParseMediaType(h.Get("Content-Disposition"))
	p := part{kind: kind, id: strings.Trim(h.Get("Content-Id"), "<> "), content: content, attached: how == "attachment"}
	if p.name = more["filename"]; p.name == "" {
		p.name = params["name"]
	}
	p.name = path.Base(strings.ReplaceAll(word(p.name), `\`, "/"))
	if p.name == "." || p.name == "/" {
		p.name = "unnamed"
	}
	o.parts = append(o.parts, p)
	return nil
}

// header is one as people write it.
func (o *opened) header(name string) string {
	return strings.ToValidUTF8(word(o.headers.Get(name)), "\uFFFD")
}

// word decodes what RFC 2047 has encoded.
func word(s string) string {
	decoded, err := new(mime.WordDecoder).DecodeHeader(s)
	if err != nil {
		return s
	}
	return decoded
}

// find returns the first part of a kind that is not attached.
func (o *opened) find(kind string) *part {
	for i := range o.parts {
		if p := &o.parts[i]; p.kind == kind && !p.attached {
			return p
		}
	}
	return nil
}

// attached are the numbers of the parts that are no text of the mail.
func (o *opened) attached() (numbers []int) {
	for n := range o.parts {
		p := &o.parts[n]
		if p != o.find("text/plain") && p != o.find("text/html") {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
