package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// A jobRow is a job in a line of a list.
type jobRow struct {
	*offload.Job
	Says  string // what of its input tells it from others; "" is nothing, or not for who looks
	Wrong string // the first line of its last error
	Bar   int    // of 100, how far it is; -1 is not known
	Until string // "next try in 4 min"
	Wait  time.Duration
	Ran   time.Duration
}

// jobRow makes a line of a job, with what who looks may see.
func (r *request) jobRow(job *offload.Job) jobRow {
	row := jobRow{Job: job, Bar: -1}
	if r.role.may(Operator) {
		row.Says, row.Wrong = identify(job.Input), firstLine(job.Error)
	} else if job.Error != "" {
		row.Wrong = "failed"
	}
	if p := job.Progress; p != nil && p.Total > 0 && job.State == offload.Running {
		row.Bar = percent(p.Done, p.Total)
	}
	if !job.StartedAt.IsZero() && job.StartedAt.After(job.RunAt) {
		row.Wait = job.StartedAt.Sub(job.RunAt)
	}
	switch {
	case job.StartedAt.IsZero():
	case job.State == offload.Running:
		row.Ran = max(0, r.now.Sub(job.StartedAt))
	case !job.FinishedAt.IsZero() && job.State == offload.Completed:
		row.Ran = max(0, job.FinishedAt.Sub(job.StartedAt))
	}
	return row
}

// Retry reports whether an act to retry makes sense.
func (row *jobRow) Retry() bool {
	return row.State == offload.Retryable || row.State == offload.Discarded || row.State == offload.Cancelled || row.State == offload.Expired
}

// identify is what of an input tells a job from others: its first plain values, as "order 7, to ada@example.com".
func identify(input []byte) string {
	dec := json.NewDecoder(bytes.NewReader(input))
	dec.UseNumber()
	open, err := dec.Token()
	if err != nil {
		return ""
	}
	if open != json.Delim('{') {
		return seen(shortened(strings.ToValidUTF8(string(input), "�"), 120))
	}
	var parts []string
	for dec.More() && len(parts) < 3 {
		key, err := dec.Token()
		if err != nil {
			break
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			break
		}
		if text, ok := plainValue(value); ok {
			parts = append(parts, fmt.Sprintf("%v %s", key, shortened(text, 60)))
		}
	}
	return seen(strings.Join(parts, ", "))
}

// seen is a text in one direction: what turns the order of what follows it is shown as a mark.
func seen(text string) string {
	return strings.Map(func(c rune) rune {
		if c >= '\u202a' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069' {
			return '�'
		}
		return c
	}, text)
}

// plainValue is a value of JSON that is neither empty nor made of others.
func plainValue(value json.RawMessage) (string, bool) {
	var text string
	switch c := value[0]; {
	case c == '{' || c == '[' || c == 'n':
		return "", false
	case c == '"':
		if json.Unmarshal(value, &text) != nil || text == "" {
			return "", false
		}
		return strings.Join(strings.Fields(text), " "), true
	}
	return string(value), true
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return seen(shortened(line, 300))
}

// TagList are the tags, by name.
func (row *jobRow) TagList() (tags []string) {
	for name, value := range row.Tags {
		if value != "" {
			name += "=" + value
		}
		tags = append(tags, name)
	}
	slices.Sort(tags)
	return tags
}
