package fields_test

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/offloadhq/offload/internal/fields"
)

type knot struct {
	Next *knot `json:"next"`
}

type base struct {
	ID uint `json:"id"`
}

func TestSchemaOfATypeIsWhatItReads(t *testing.T) {
	type street struct {
		Name string `json:"name"`
	}
	for _, test := range []struct {
		of   any
		want string
	}{
		{"", `{"type":"string"}`},
		{0, `{"type":"integer"}`},
		{[]int{}, `{"type":["array","null"],"items":{"type":"integer"}}`},
		{struct {
			base
			At     time.Time         `json:"at"`
			Rate   *float64          `json:"rate,omitempty"`
			Card   string            `json:"card" offload:"secret"`
			To     street            `json:"to"`
			Tags   map[string]string `json:"tags"`
			Raw    json.RawMessage   `json:"raw"`
			Host   netip.Addr        `json:"host"`
			Any    any               `json:"any"`
			Quoted int               `json:"quoted,string"`
			Bytes  []byte            `json:"bytes"`
			hidden int
			Not    int `json:"-"`
		}{}, `{"type":"object","properties":{"id":{"type":"integer","minimum":0},"at":{"type":"string","format":"date-time"},` +
			`"rate":{"type":["number","null"]},"card":{"type":"string","writeOnly":true},"to":{"type":"object","properties":{"name":{"type":"string"}}},` +
			`"tags":{"type":["object","null"],"additionalProperties":{"type":"string"}},"raw":{},"host":{"type":"string"},"any":{},` +
			`"quoted":{"type":"string"},"bytes":{"type":["string","null"],"format":"byte"}}}`},
		{knot{}, `{"type":"object","properties":{"next":{}}}`},
		{json.RawMessage{}, ``},
		{make(chan int), ``},
	} {
		if got := string(fields.SchemaOf(reflect.TypeOf(test.of))); got != test.want {
			t.Errorf("schema of %T is\n%s, want\n%s", test.of, got, test.want)
		}
	}
	if got := fields.SchemaOf(reflect.TypeFor[any]()); got != nil {
		t.Errorf("schema of any is %s", got)
	}
	type wide struct {
		A, B, C, D, E, F, G, H [1]struct {
			A, B, C, D, E, F, G, H [1]struct {
				A, B, C, D, E, F, G, H [1]struct{ A, B, C, D, E, F, G, H int }
			}
		}
	}
	if got := fields.SchemaOf(reflect.TypeFor[wide]()); got != nil {
		t.Errorf("schema of a very large type has %d bytes, want none", len(got))
	}
}
