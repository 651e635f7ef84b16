package demo

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
)

// A letter is a mail as the one who gets it sees it.
type letter struct {
	path        string
	id          string // the left part of its Message-ID
	to          string // as its header says
	deliveredTo string // as the conversation with the mail server said
	subject     string
	text        string
	files       map[string][]byte // that are attached
}

// readMails reads the mails that the mail server has kept.
func readMails(dir string) ([]letter, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if err != nil {
		return nil, err
	}
	var letters []letter
	for _, path := range paths {
		l, err := readMail(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		letters = append(letters, l)
	}
	return letters, nil
}

func readMail(path string) (letter, error) {
	file, err := os.Open(path)
	if err != nil {
		return letter{}, err
	}
	defer file.Close()
	message, err := mail.ReadMessage(file)
	if err != nil {
		return letter{}, err
	}
	to, err := mail.ParseAddress(message.Header.Get("To"))
	if err != nil {
		return letter{}, fmt.Errorf("header To: %w", err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		return letter{}, fmt.Errorf("header Subject: %w", err)
	}
	id, _, _ := strings.Cut(strings.Trim(message.Header.Get("Message-Id"), "<>"), "@")
	l := letter{
		path: path, id: id, to: to.Address, deliveredTo: message.Header.Get("Delivered-To"),
		subject: subject, files: map[string][]byte{},
	}
	return l, l.read(textproto.MIMEHeader(message.Header), message.Body)
}

// read adds a part of the mail, which may have parts itself.
func (l *letter) read(header textproto.MIMEHeader, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(cmp.Or(header.Get("Content-Type"), "text/plain"))
	if err != nil {
		return fmt.Errorf("header Content-Type: %w", err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		return l.readParts(multipart.NewReader(body, params["boundary"]))
	}
	content, err := io.ReadAll(decoded(header.Get("Content-Transfer-Encoding"), body))
	if err != nil {
		return err
	}
	if disposition, params, _ := mime.ParseMediaType(header.Get("Content-Disposition")); disposition == "attachment" {
		l.files[params["filename"]] = content
	} else {
		l.text += string(content)
	}
	return nil
}

func (l *letter) readParts(parts *multipart.Reader) error {
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := l.read(part.Header, part); err != nil {
			return err
		}
	}
}

func decoded(encoding string, body io.Reader) io.Reader {
	switch strings.ToLower(encoding) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	}
	return body
}
