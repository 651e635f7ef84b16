package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// jsonFlag gives a listing its --json.
func jsonFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "print one JSON object a line")
}

// object writes v as JSON in one line.
func (s *session) object(v any) error {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	_, err := s.out.Write(bytes.ToValidUTF8(line.Bytes(), []byte("\uFFFD"))) // an input may hold any bytes
	return err
}

// A table aligns rows of cells.
type table struct {
	to      io.Writer
	w       *tabwriter.Writer
	aligned *bytes.Buffer
}

// table begins a table with its heads.
func (s *session) table(heads ...string) *table {
	t := &table{to: s.out, aligned: new(bytes.Buffer)}
	t.w = tabwriter.NewWriter(t.aligned, 0, 8, 2, ' ', 0)
	t.row(heads...)
	return t
}

// row writes a row. What a terminal would take as a command, or break the row, is left out.
func (t *table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.Join(strings.Fields(clean(cell)), " ")
		if cells[i] == "" && i < len(cells)-1 {
			cells[i] = "-"
		}
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

// end writes the table, without the spaces that align an empty last cell.
func (t *table) end() error {
	if err := t.w.Flush(); err != nil {
		return err
	}
	for line := range bytes.Lines(t.aligned.Bytes()) {
		if _, err := fmt.Fprintf(t.to, "%s\n", bytes.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// clean takes out of a text what could steer a terminal; line breaks and tabs stay.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// cut shortens a text to n characters.
func cut(s string, n int) string {
	if runes := []rune(s); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return s
}

// when writes a time for people; the zero time is nothing.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// lasting writes a duration for people, with about three digits.
func lasting(d time.Duration) string {
	switch {
	case d <= 0:
		return "0"
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond / 10).String()
	case d < time.Minute:
		return d.Round(time.Second / 10).String()
	case d < 48*time.Hour:
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// period writes a duration as somebody would type it: "90s", "5m", "1h30m", "1d".
func period(d time.Duration) string {
	if d > 0 && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Colours, for a terminal, and bold.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
)

func (s *session) paint(colour, text string) string {
	if !s.colour || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// progress shows how far something is, on a terminal, in place of what it has shown before.
// An empty text takes that away. It may be called by many at once.
func (s *session) progress(format string, args ...any) {
	text := clean(fmt.Sprintf(format, args...))
	if !s.live || text == "" && !s.inLine.Load() {
		return
	}
	s.inLine.Store(text != "")
	fmt.Fprint(s.err, "\r\x1b[K"+text)
}

// note tells people something that is no part of the output.
func (s *session) note(format string, args ...any) {
	s.progress("")
	fmt.Fprintf(s.err, format+"\n", args...)
}
