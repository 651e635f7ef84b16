package mail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	html "html/template"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	text "text/template"

	"github.com/offloadhq/offload"
)

// templates are all templates by name.
type templates struct{ byName map[string]*pair }

// A pair is what a template is made of: one of the two at least.
type pair struct {
	text    *text.Template
	html    *html.Template
	subject *text.Template // of whichever defines it
}

// filled is what a template has become.
type filled struct{ subject, text, html string }

// subjectName is the template that makes the subject.
const subjectName = "subject"

// readTemplates parses all templates of a folder. Files that begin with "_" are for others to use.
func readTemplates(files fs.FS) (*templates, error) {
	t := &templates{map[string]*pair{}}
	if files == nil {
		return t, nil
	}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	sources := map[string]string{}
	for _, e := range entries {
		if ext := path.Ext(e.Name()); !e.IsDir() && (ext == ".txt" || ext == ".html") {
			source, err := fs.ReadFile(files, e.Name())
			if err != nil {
				return nil, fmt.Errorf("read templates: %w", err)
			}
			sources[e.Name()] = string(source)
		}
	}
	for file := range sources {
		if err := t.add(file, sources); err != nil {
			return nil, &offload.InputError{Field: "Templates", Got: err, Want: "templates that can be parsed"}
		}
	}
	return t, nil
}

// add parses one file, and what others may use beside it.
func (t *templates) add(file string, sources map[string]string) error {
	ext := path.Ext(file)
	name := strings.TrimSuffix(file, ext)
	if strings.HasPrefix(name, "_") {
		return nil
	}
	p := t.byName[name]
	if p == nil {
		p = &pair{}
		t.byName[name] = p
	}
	plain := text.New("").Option("missingkey=error")
	marked := html.New("").Option("missingkey=error")
	for _, other := range slices.Sorted(maps.Keys(sources)) {
		if path.Ext(other) != ext || other != file && !strings.HasPrefix(other, "_") {
			continue
		}
		if _, err := plain.New(other).Parse(sources[other]); err != nil {
			return err
		}
		if _, err := marked.New(other).Parse(sources[other]); ext == ".html" && err != nil {
			return err
		}
	}
	if subject := plain.Lookup(subjectName); subject != nil && (p.subject == nil || ext == ".txt") {
		p.subject = subject // a line of text, also where it stands in HTML
	}
	if ext == ".txt" {
		p.text = plain.Lookup(file)
	} else {
		p.html = marked.Lookup(file)
	}
	return nil
}

// fill fills a template with the data of a message.
func (t *templates) fill(name string, data json.RawMessage) (f filled, err error) {
	p := t.byName[name]
	if p == nil {
		known := "none (mail.Templates)"
		if len(t.byName) > 0 {
			known = strings.Join(slices.Sorted(maps.Keys(t.byName)), ", ")
		}
		return f, &offload.InputError{Field: "template", Got: name, Want: "one of the kit's: " + known}
	}
	var value any
	if len(data) > 0 {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber() // 1000000 stays so
		if err := d.Decode(&value); err != nil {
			return f, &offload.InputError{Field: "data", Got: err, Want: "JSON"}
		}
	}
	var b strings.Builder
	run := func(into *string, execute func() error) {
		b.Reset()
		err = errors.Join(err, execute())
		*into = b.String()
	}
	if p.subject != nil {
		run(&f.subject, func() error { return p.subject.Execute(&b, value) })
		f.subject = strings.TrimSpace(f.subject)
	}
	if p.text != nil {
		run(&f.text, func() error { return p.text.Execute(&b, value) })
	}
	if p.html != nil {
		run(&f.html, func() error { return p.html.Execute(&b, value) })
	}
	if err != nil {
		return f, &offload.InputError{Field: "data", Got: err, Want: "what template " + name + " asks for"}
	}
	return f, nil
}
