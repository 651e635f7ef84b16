package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/fields"
)

// Names of fields that are hidden unless told: those that end so, and those that are just so.
var (
	secretEnds  = []string{"password", "passwd", "passphrase", "passwordhash", "secret", "token", "apikey", "accesskey", "secretkey", "privatekey", "signingkey"}
	secretNames = []string{"authorization", "cookie", "sessionid", "cardnumber", "cvv", "cvc", "pin", "otp"}
)

const (
	mask        = fields.Mask
	maskChanged = fields.Mask + " (changed)"
	mostText    = 1 << 20 // bytes of what something was, or is
	deepest     = 64      // objects in each other; what lies deeper is hidden as a whole
)

// plainName is a name in lower case, without what is between its words. Most names are so.
func plainName(name string) string {
	if strings.IndexFunc(name, func(c rune) bool { return c == '_' || c == '-' || c == ' ' || c >= 'A' && c <= 'Z' || c > 127 }) < 0 {
		return name
	}
	return strings.ToLower(between.Replace(name))
}

var between = strings.NewReplacer("_", "", "-", "", " ", "")

// hides reports whether a field of a name is secret.
func (l *Log) hides(name string) bool {
	name = plainName(name)
	return l.hidden[name] || slices.ContainsFunc(secretEnds, func(end string) bool { return strings.HasSuffix(name, end) })
}

// hide returns what something was and is as JSON, without secrets.
func (l *Log) hide(before, after any) (was, is json.RawMessage, err error) {
	var secrets fields.Secrets
	for _, v := range []any{before, after} {
		some, err := secretsOf(v)
		if err != nil {
			return nil, nil, err
		}
		secrets = append(secrets, some...)
	}
	if was, err = textOf("Before", before); err != nil {
		return nil, nil, err
	}
	if is, err = textOf("After", after); err != nil {
		return nil, nil, err
	}
	if len(secrets) == 0 && !l.mayHide(was) && !l.mayHide(is) {
		return was, is, nil
	}
	oldTree, newTree := l.hideBoth(decode(was), decode(is), secrets, 0)
	return encode(was, oldTree), encode(is, newTree), nil
}

// textOf is a value as JSON, nil for none.
func textOf(field string, v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	text, err := json.Marshal(v)
	switch {
	case err != nil:
		return nil, &offload.InputError{Task: Later.Name(), Field: field, Got: fmt.Sprintf("%T", v), Want: "what encoding/json can write: " + err.Error()}
	case string(text) == "null":
		return nil, nil
	case len(text) > mostText:
		return nil, &offload.InputError{Task: Later.Name(), Field: field, Got: fmt.Sprintf("%d bytes of JSON", len(text)), Want: fmt.Sprintf("at most %d: say where the rest is", mostText)}
	}
	return text, nil
}

// known are the tagged fields of types that were looked at. A program has few that it writes of.
var known sync.Map // reflect.Type to foundSecrets

type foundSecrets struct {
	secrets fields.Secrets
	err     error
}

// secretsOf are the paths of the fields of a value that are tagged. A tag that means nothing is refused: the field would be shown.
func secretsOf(v any) (fields.Secrets, error) {
	if v == nil {
		return nil, nil
	}
	t := reflect.TypeOf(v)
	found, ok := known.Load(t)
	if !ok {
		var f foundSecrets
		if t != reflect.TypeFor[json.RawMessage]() {
			f.secrets, f.err = fields.SecretsOf(t)
		}
		found, _ = known.LoadOrStore(t, f)
	}
	f := found.(foundSecrets)
	if f.err != nil {
		return nil, &offload.InputError{Task: Later.Name(), Field: t.String(), Got: f.err.Error(), Want: `offload:"secret" at an exported field that is kept in the JSON`}
	}
	return f.secrets, nil
}

// mayHide reports whether a name in JSON may be hidden: most texts need not be taken apart.
func (l *Log) mayHide(text []byte) bool {
	for len(text) > 0 {
		end := bytes.Index(text, []byte(`":`))
		if end < 0 {
			return false
		}
		begin := bytes.LastIndexByte(text[:end], '"') + 1
		name := text[begin:end]
		if bytes.IndexByte(name, '\\') >= 0 || l.hides(string(name)) {
			return true
		}
		text = text[end+2:]
	}
	return false
}

func decode(text []byte) (v any) {
	if len(text) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	_ = d.Decode(&v) // it is what Marshal wrote
	return v
}

func encode(was json.RawMessage, tree any) json.RawMessage {
	if was == nil {
		return nil
	}
	text, _ := json.Marshal(tree) // it is what was decoded
	return text
}

// hideBoth hides what is secret in two trees, side by side.
func (l *Log) hideBoth(before, after any, secrets fields.Secrets, depth int) (was, is any) {
	if depth == deepest {
		return hideValue(before, after)
	}
	switch {
	case isObject(before) || isObject(after):
		old, _ := before.(map[string]any)
		now, _ := after.(map[string]any)
		for name := range names(old, now) {
			rest, secret := step(secrets, name)
			a, b := old[name], now[name]
			if secret || l.hides(name) {
				a, b = hideValue(a, b)
			} else {
				a, b = l.hideBoth(a, b, rest, depth+1)
			}
			if _, ok := old[name]; ok {
				old[name] = a
			}
			if _, ok := now[name]; ok {
				now[name] = b
			}
		}
	}
	if old, ok := before.([]any); ok {
		now, _ := after.([]any)
		for i := range old {
			old[i] = l.hideOne(&now, i, old[i], secrets, depth)
		}
	}
	if now, ok := after.([]any); ok {
		old, _ := before.([]any)
		for i := len(old); i < len(now); i++ {
			rest, secret := step(secrets, "")
			if secret {
				_, now[i] = hideValue(nil, now[i])
			} else {
				_, now[i] = l.hideBoth(nil, now[i], rest, depth+1)
			}
		}
	}
	return before, after
}

// hideOne hides an element of a list, and the one in its place in the other.
func (l *Log) hideOne(now *[]any, i int, old any, secrets fields.Secrets, depth int) any {
	var other any
	if i < len(*now) {
		other = (*now)[i]
	}
	rest, secret := step(secrets, "")
	if secret {
		old, other = hideValue(old, other)
	} else {
		old, other = l.hideBoth(old, other, rest, depth+1)
	}
	if i < len(*now) {
		(*now)[i] = other
	}
	return old
}

func isObject(v any) bool { _, ok := v.(map[string]any); return ok }

func names(trees ...map[string]any) map[string]bool {
	all := map[string]bool{}
	for _, t := range trees {
		for name := range t {
			all[name] = true
		}
	}
	return all
}

// hideValue hides a value and what became of it. That there is none is no secret.
func hideValue(before, after any) (was, is any) {
	if before != nil {
		was = mask
	}
	if after != nil {
		is = mask
		if before != nil && !reflect.DeepEqual(before, after) {
			is = maskChanged
		}
	}
	return was, is
}

// step goes into a field, or with "" into an element.
func step(secrets fields.Secrets, name string) (rest fields.Secrets, secret bool) {
	for _, s := range secrets {
		if s.Path[0] != "" && !strings.EqualFold(s.Path[0], name) {
			continue
		}
		if len(s.Path) == 1 {
			return nil, true
		}
		rest = append(rest, fields.Secret{Path: s.Path[1:], Text: s.Text})
	}
	return rest, false
}
