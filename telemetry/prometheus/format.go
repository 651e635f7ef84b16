package prometheus

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/telemetry"
)

// A page is written in the text format 0.0.4.
type page struct{ b *bytes.Buffer }

// Kinds of families.
const (
	gauge     = "gauge"
	counter   = "counter"
	histogram = "histogram"
)

// family begins the samples of a name.
func (p *page) family(name, kind, help string) {
	p.b.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

// sample writes one line; labels are names and values in turn.
func (p *page) sample(name string, value float64, labels ...string) {
	p.b.WriteString(name)
	for i := 0; i < len(labels); i += 2 {
		if i == 0 {
			p.b.WriteByte('{')
		} else {
			p.b.WriteByte(',')
		}
		p.b.WriteString(labels[i] + `="` + escaped.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD")) + `"`)
	}
	if len(labels) > 0 {
		p.b.WriteByte('}')
	}
	p.b.WriteString(" " + number(value) + "\n")
}

// escaped is how values of labels are written.
var escaped = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// number writes a value so that reading it yields the same one.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// histogram writes the buckets that are shown, the sum and the count.
func (p *page) histogram(name string, h *store.Histogram, labels ...string) {
	var seen int64
	for i, n := range h {
		if seen += n; i >= firstBucket && i <= lastBucket && (i-firstBucket)%2 == 0 {
			p.sample(name+"_bucket", float64(seen), append(labels[:len(labels):len(labels)], "le", number(float64(telemetry.Bound(i))/1e9))...)
		}
	}
	p.sample(name+"_bucket", float64(seen), append(labels[:len(labels):len(labels)], "le", "+Inf")...)
	p.sample(name+"_sum", telemetry.Sum(h), labels...)
	p.sample(name+"_count", float64(seen), labels...)
}
