package logship

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"regexp"
	"strconv"

	"github.com/offloadhq/offload"
)

// Loki sends to a Loki's push API: http://loki:3100/loki/api/v1/push. The streams have the labels given, and level: debug, info, warn or error. No attribute becomes a label, as each value would make a stream;
// they are in the line, where LogQL finds them by | json.
func Loki(address string, labels map[string]string, opts ...HTTPOption) Destination {
	return &loki{newPost(address, opts), maps.Clone(labels)}
}

type loki struct {
	post
	labels map[string]string
}

var isLabel = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,99}$`)

func (l *loki) check() error {
	if len(l.labels) == 0 || len(l.labels) > 14 {
		return &offload.InputError{Field: "labels", Got: len(l.labels), Want: "1 to 14 labels, such as app"} // Loki takes 15 by default, and level is one
	}
	for name, value := range l.labels {
		if !isLabel.MatchString(name) || name == "level" {
			return &offload.InputError{Field: "labels", Got: name, Want: "names of letters, digits and _, other than level"}
		}
		if value == "" || len(value) > 1000 {
			return &offload.InputError{Field: "labels." + name, Got: value, Want: "1 to 1,000 bytes"}
		}
	}
	return l.post.check()
}

type lokiStream struct {
	Stream map[string]string `json:"stream"`
	Values [][2]string       `json:"values"` // nanoseconds, line
}

func (l *loki) Ship(ctx context.Context, items []Item) error {
	at := map[string]int{}
	var streams []lokiStream
	for i := range items {
		level := levelLabel(items[i].Level)
		n, ok := at[level]
		if !ok {
			labels := maps.Clone(l.labels)
			labels["level"] = level
			n = len(streams)
			at[level] = n
			streams = append(streams, lokiStream{Stream: labels})
		}
		streams[n].Values = append(streams[n].Values, [2]string{strconv.FormatInt(items[i].Time.UnixNano(), 10), string(items[i].Line)})
	}
	body, err := json.Marshal(map[string]any{"streams": streams})
	if err != nil {
		return &RefusedError{Reason: err.Error()}
	}
	_, err = l.send(ctx, body)
	return err
}

// levelLabel is one of four, whatever levels a program makes up.
func levelLabel(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "debug"
	case l < slog.LevelWarn:
		return "info"
	case l < slog.LevelError:
		return "warn"
	}
	return "error"
}
