package logship

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strconv"

	"github.com/offloadhq/offload"
)

// A Resource says what logs: "service.name" at least, by the conventions of OpenTelemetry.
type Resource map[string]string

// OTLP sends to a collector of OpenTelemetry, at its address for logs by HTTP: http://collector:4318/v1/logs. It speaks OTLP's JSON, with gzip. A record's attributes trace_id and span_id, hex as W3C
// says, become those of the record.
func OTLP(address string, r Resource, opts ...HTTPOption) Destination {
	return &otlp{newPost(address, opts), maps.Clone(r)}
}

type otlp struct {
	post
	resource Resource
}

func (o *otlp) check() error {
	if len(o.resource) > 64 {
		return &offload.InputError{Field: "Resource", Got: len(o.resource), Want: "64 attributes at most"}
	}
	return o.post.check()
}

// What follows is the JSON of opentelemetry-proto's logs.proto: names in lowerCamelCase, 64-bit numbers as texts.
type (
	otlpRequest struct {
		ResourceLogs []otlpResourceLogs `json:"resourceLogs"`
	}
	otlpResourceLogs struct {
		Resource  otlpResource    `json:"resource"`
		ScopeLogs []otlpScopeLogs `json:"scopeLogs"`
	}
	otlpResource struct {
		Attributes []otlpAttribute `json:"attributes"`
	}
	otlpScopeLogs struct {
		Scope      otlpScope    `json:"scope"`
		LogRecords []otlpRecord `json:"logRecords"`
	}
	otlpScope struct {
		Name string `json:"name"`
	}
	otlpRecord struct {
		Time           string          `json:"timeUnixNano"`
		Observed       string          `json:"observedTimeUnixNano"`
		SeverityNumber int             `json:"severityNumber"`
		SeverityText   string          `json:"severityText"`
		Body           otlpValue       `json:"body"`
		Attributes     []otlpAttribute `json:"attributes,omitempty"`
		TraceID        string          `json:"traceId,omitempty"`
		SpanID         string          `json:"spanId,omitempty"`
	}
	otlpAttribute struct {
		Key   string    `json:"key"`
		Value otlpValue `json:"value"`
	}
	otlpValue struct {
		String *string    `json:"stringValue,omitempty"`
		Bool   *bool      `json:"boolValue,omitempty"`
		Int    *string    `json:"intValue,omitempty"`
		Double *float64   `json:"doubleValue,omitempty"`
		Array  *otlpArray `json:"arrayValue,omitempty"`
		List   *otlpList  `json:"kvlistValue,omitempty"`
	}
	otlpArray struct {
		Values []otlpValue `json:"values"`
	}
	otlpList struct {
		Values []otlpAttribute `json:"values"`
	}
	otlpAnswer struct {
		PartialSuccess struct {
			Rejected json.Number `json:"rejectedLogRecords"` // a text, or, by some, a number
			Message  string      `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
)

func (o *otlp) Ship(ctx context.Context, items []Item) error {
	records := make([]otlpRecord, len(items))
	for i := range items {
		records[i] = otlpRecordOf(&items[i])
	}
	resource := otlpResource{Attributes: []otlpAttribute{}}
	for _, key := range slices.Sorted(maps.Keys(o.resource)) {
		resource.Attributes = append(resource.Attributes, otlpAttribute{key, otlpText(o.resource[key])})
	}
	body, err := json.Marshal(otlpRequest{[]otlpResourceLogs{{resource, []otlpScopeLogs{{otlpScope{"log/slog"}, records}}}}})
	if err != nil {
		return &RefusedError{Reason: err.Error()}
	}
	text, err := o.send(ctx, body)
	if err != nil {
		return err
	}
	var answer otlpAnswer
	if json.Unmarshal(text, &answer) != nil {
		return nil // it was taken, whatever is said of it
	}
	if n, err := answer.PartialSuccess.Rejected.Int64(); err == nil && n > 0 {
		return &RefusedError{Records: int(min(n, int64(len(items)))), Reason: sentence([]byte(answer.PartialSuccess.Message))}
	}
	return nil
}

func otlpRecordOf(item *Item) otlpRecord {
	at := strconv.FormatInt(item.Time.UnixNano(), 10)
	r := otlpRecord{Time: at, Observed: at, SeverityNumber: severity(item.Level), SeverityText: item.Level.String()}
	fields := ordered(item.Line)
	body := ""
	builtIn := map[string]bool{slog.TimeKey: true, slog.LevelKey: true, slog.MessageKey: true}
	for _, f := range fields {
		if builtIn[f.key] { // once: later ones of that name are attributes
			delete(builtIn, f.key)
			if f.key == slog.MessageKey {
				body = unquoted(f.value)
			}
			continue
		}
		switch text := unquoted(f.value); {
		case f.key == "trace_id" && isHex(text, 32):
			r.TraceID = text
		case f.key == "span_id" && isHex(text, 16):
			r.SpanID = text
		default:
			r.Attributes = append(r.Attributes, otlpAttribute{f.key, otlpOf(f.value, 0)})
		}
	}
	r.Body = otlpText(body)
	return r
}

// severity is the number of a level: DEBUG is 5, INFO 9, WARN 13, ERROR 17, and those between them between.
func severity(l slog.Level) int { return min(max(int(l)+9, 1), 24) }

func isHex(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

func otlpText(s string) otlpValue { return otlpValue{String: &s} }

// otlpDeepest is how deep values are taken apart; what is deeper stays a text of JSON.
const otlpDeepest = 16

func otlpOf(value json.RawMessage, depth int) otlpValue {
	switch {
	case len(value) == 0 || depth > otlpDeepest:
		return otlpText(string(value))
	case value[0] == '"':
		return otlpText(unquoted(value))
	case value[0] == '{':
		list := &otlpList{Values: []otlpAttribute{}}
		for _, f := range ordered(value) {
			list.Values = append(list.Values, otlpAttribute{f.key, otlpOf(f.value, depth+1)})
		}
		return otlpValue{List: list}
	case value[0] == '[':
		var all []json.RawMessage
		_ = json.Unmarshal(value, &all) // it was read before
		array := &otlpArray{Values: []otlpValue{}}
		for _, one := range all {
			array.Values = append(array.Values, otlpOf(one, depth+1))
		}
		return otlpValue{Array: array}
	case value[0] == 't' || value[0] == 'f':
		yes := value[0] == 't'
		return otlpValue{Bool: &yes}
	case value[0] == 'n':
		return otlpValue{}
	}
	text := string(value)
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		return otlpValue{Int: &text}
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return otlpValue{Double: &f}
	}
	return otlpText(text)
}

type field struct {
	key   string
	value json.RawMessage
}

// ordered is what is in an object, in order, and all of a name that is there twice.
func ordered(object []byte) (fields []field) {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return fields
		}
		name, _ := key.(string)
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return fields
		}
		fields = append(fields, field{name, value})
	}
	return fields
}

func unquoted(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return string(value)
	}
	return s
}
