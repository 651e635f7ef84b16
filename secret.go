package offload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/offloadhq/offload/internal/fields"
)

// Fields of inputs and results with the tag offload:"secret" are seen by handlers, and by a call of
// Func.Wait: everywhere else a string reads "•••", and any other value null. In error texts, stacks,
// log lines and notes of progress of a job the words of its input's secrets are replaced as well,
// where they have at least 4 bytes.

// secrets are the secret fields of a task's jobs.
type secrets struct{ input, result fields.Secrets }

// secretTypes are types whose secrets were looked for. A program has as many as it has tasks.
var secretTypes sync.Map // reflect.Type to foundSecrets

type foundSecrets struct {
	secrets fields.Secrets
	err     error
}

func secretsOf(t reflect.Type) (fields.Secrets, error) {
	if t == nil {
		return nil, nil
	}
	if found, ok := secretTypes.Load(t); ok {
		return found.(foundSecrets).secrets, found.(foundSecrets).err
	}
	s, err := fields.SecretsOf(t)
	secretTypes.Store(t, foundSecrets{s, err})
	return s, err
}

// secrets returns the secret fields of a task's types.
func (def *definition) secrets() (s secrets, err error) {
	if s.input, err = secretsOf(def.input); err != nil {
		return s, badSecret(def.name, "input", err)
	}
	if s.result, err = secretsOf(def.result); err != nil {
		return s, badSecret(def.name, "result", err)
	}
	return s, nil
}

func badSecret(task, of string, err error) error {
	var bad *fields.BadTag
	if !errors.As(err, &bad) {
		return err
	}
	return &InputError{
		Task: task, Field: of + " " + bad.Field, Got: "a field that " + bad.Why,
		Want: `offload:"secret" at an exported field that is kept in the JSON`,
	}
}

// errMasked refuses an input in which a mask stands for a secret.
func errMasked(task string) error {
	return &InputError{Task: task, Field: "input", Got: "one with " + fields.Mask + " in place of a secret", Want: "the secret itself"}
}

// leastWord is how many bytes a secret word must have to be looked for in texts: what is shorter
// stands in too many innocent ones.
const leastWord = 4

// hider returns what takes the secrets of an input out of texts, nil if there is nothing to take out.
func (s secrets) hider(input []byte) func(string) string {
	words := s.input.Words(input, leastWord)
	if len(words) == 0 {
		return nil
	}
	var forms []string
	for _, w := range words {
		quoted, err := json.Marshal(w)
		if err == nil {
			forms = append(forms, string(quoted[1:len(quoted)-1]))
		}
		goQuoted := strconv.Quote(w)
		forms = append(forms, w, goQuoted[1:len(goQuoted)-1], url.QueryEscape(w), url.PathEscape(w))
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, f := range slices.Compact(forms) {
		pairs = append(pairs, f, fields.Mask)
	}
	return strings.NewReplacer(pairs...).Replace
}

// withoutValue is an error of decoding that says nothing of what was decoded.
func withoutValue(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return errors.New("JSON that can't be decoded")
	}
	kind, _, _ := strings.Cut(wrong.Value, " ") // "number 4111"
	return &json.UnmarshalTypeError{Value: kind, Type: wrong.Type, Offset: wrong.Offset, Struct: wrong.Struct, Field: wrong.Field}
}

// hiders are those of the jobs of one call.
type hiders []func(string) string

// all returns what takes the secrets of all of them out of texts, nil if there are none.
func (h hiders) all() func(string) string {
	some := slices.DeleteFunc(slices.Clone(h), func(f func(string) string) bool { return f == nil })
	if len(some) == 0 {
		return nil
	}
	return func(text string) string {
		for _, f := range some {
			text = f(text)
		}
		return text
	}
}

// A hidingHandler takes the secrets of a job out of what is handed to the app's logger.
type hidingHandler struct {
	slog.Handler
	hide func(string) string
}

// Handle hands a record on.
func (h hidingHandler) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, h.hide(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.attr(a))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

// WithAttrs is that of slog.Handler.
func (h hidingHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = h.attr(a)
	}
	return hidingHandler{h.Handler.WithAttrs(clean), h.hide}
}

// WithGroup is that of slog.Handler.
func (h hidingHandler) WithGroup(name string) slog.Handler {
	return hidingHandler{h.Handler.WithGroup(name), h.hide}
}

// attr takes secrets out of an attribute. One that is no text is shown as a text if there are some
// in it, in whatever way it may be written.
func (h hidingHandler) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, h.hide(v.String()))
	case slog.KindGroup:
		group := slices.Clone(v.Group())
		for i := range group {
			group[i] = h.attr(group[i])
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	case slog.KindAny, slog.KindInt64, slog.KindUint64, slog.KindFloat64:
		text := fmt.Sprintf("%+v", v.Any())
		encoded, _ := json.Marshal(v.Any())
		if hidden := h.hide(text); hidden != text {
			return slog.String(a.Key, hidden)
		}
		if hidden := h.hide(string(encoded)); hidden != string(encoded) {
			return slog.String(a.Key, hidden)
		}
	}
	return slog.Attr{Key: a.Key, Value: v}
}
