package table

import (
	"database/sql/driver"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// Value returns v as a value of a row: what it points to, what driver.Valuer and encoding.TextMarshaler
// say of it, a number as int64 or float64, or one of those too large for int64 as Decimal; structs, maps and
// slices as JSON. A nil pointer is nil.
func Value(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64, float64, string, time.Time, json.RawMessage, Decimal:
		return v, nil
	case []byte:
		if v == nil {
			return nil, nil
		}
		return v, nil
	case int:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case json.Number:
		if isDecimal(string(v)) {
			return Decimal(v), nil
		}
		return string(v), nil
	}
	r := reflect.ValueOf(v)
	if (r.Kind() == reflect.Pointer || r.Kind() == reflect.Interface) && r.IsNil() {
		return nil, nil
	}
	switch v := v.(type) {
	case driver.Valuer:
		inner, err := v.Value()
		if err != nil {
			return nil, err
		}
		if _, again := inner.(driver.Valuer); again {
			return nil, fmt.Errorf("the value of %T is another driver.Valuer", v)
		}
		return Value(inner)
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		return string(text), err
	case json.Marshaler:
		return encodeJSON(v)
	}
	return reflected(r)
}

// reflected is the value of a type that says nothing of itself.
func reflected(r reflect.Value) (any, error) {
	switch r.Kind() {
	case reflect.Pointer, reflect.Interface:
		return Value(r.Elem().Interface())
	case reflect.Bool:
		return r.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if u := r.Uint(); u > math.MaxInt64 {
			return Decimal(strconv.FormatUint(u, 10)), nil
		}
		return int64(r.Uint()), nil //nolint:gosec // looked at above
	case reflect.Float64:
		return r.Float(), nil
	case reflect.Float32: // 1.1 shall stay 1.1
		return strconv.ParseFloat(strconv.FormatFloat(r.Float(), 'g', -1, 32), 64)
	case reflect.String:
		return r.String(), nil
	case reflect.Slice:
		if r.Type().Elem().Kind() == reflect.Uint8 {
			return Value(r.Bytes())
		}
		if r.IsNil() {
			return nil, nil
		}
	case reflect.Map:
		if r.IsNil() {
			return nil, nil
		}
	}
	return encodeJSON(r.Interface())
}

func encodeJSON(v any) (any, error) {
	text, err := json.Marshal(v)
	return json.RawMessage(text), err
}

// isDecimal reports whether s is a number as JSON has it.
func isDecimal(s string) bool {
	digits := func() (some bool) {
		for s != "" && '0' <= s[0] && s[0] <= '9' {
			s, some = s[1:], true
		}
		return some
	}
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	if len(s) > 1 && s[0] == '0' && '0' <= s[1] && s[1] <= '9' || !digits() {
		return false
	}
	if s != "" && s[0] == '.' {
		if s = s[1:]; !digits() {
			return false
		}
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		if s = s[1:]; s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if !digits() {
			return false
		}
	}
	return s == ""
}

// AppendText appends a value as text, as CSV has it: numbers in digits, times by RFC 3339, the days of a Date column as
// 2006-01-02, bytes in base64, nil as nothing. A value of another type than those of rows is an error.
func AppendText(b []byte, kind Kind, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return b, nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case float64:
		return appendFloat(b, v), nil
	case string:
		return append(b, v...), nil
	case time.Time:
		return v.AppendFormat(b, layoutOf(kind)), nil
	case []byte:
		return base64.StdEncoding.AppendEncode(b, v), nil
	case Decimal:
		return append(b, v...), nil
	case json.RawMessage:
		return append(b, v...), nil
	}
	return b, fmt.Errorf("a %T is no value of a row", v)
}

func layoutOf(kind Kind) string {
	if kind == Date {
		return time.DateOnly
	}
	return time.RFC3339Nano
}

// appendFloat appends a float as encoding/json does: without an exponent unless the number is very large or small.
func appendFloat(b []byte, f float64) []byte {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) && !math.IsInf(f, 0) {
		format = 'e'
	}
	return strconv.AppendFloat(b, f, format, -1, 64)
}
