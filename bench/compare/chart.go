package main

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

// chartFile is the chart's name, beside the results.
const chartFile = "chart.svg"

// The chart has a row for each contender. To the left are bars, from zero on a linear axis,
// since a bar's length is read as its amount; to the right a dot for p50 and a line to p99, on
// a logarithmic one, since those lie a thousandfold apart.
const (
	chartWidth          = 880
	rowHeight           = 24
	barLeft, barRight   = 228, 500
	dotLeft, dotRight   = 624, 852
	chartTop, chartFoot = 54, 30
)

// The colours are readable on light and on dark, and are exact where a page tells which it is.
const chartStyle = `
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; fill: #1f2328 }
.head { font-weight: 600 }
.note, .tick { fill: #59636e; font-size: 12px }
.ours { font-weight: 600 }
.grid { stroke: #d1d9e0 }
.bar, .dot { fill: #8c959f } .span { stroke: #8c959f }
.bar.ours, .dot.ours { fill: #0969da } .span.ours { stroke: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .note, .tick { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .bar, .dot { fill: #7d8590 } .span { stroke: #7d8590 }
  .bar.ours, .dot.ours { fill: #4493f8 } .span.ours { stroke: #4493f8 }
}
`

// chart draws the run as SVG.
func (r *run) chart() string {
	var rows strings.Builder
	y, fastest := chartTop, 1.0
	least, most := math.Inf(1), 1.0
	for i := range r.Contenders {
		c := &r.Contenders[i]
		fastest = max(fastest, c.Drain)
		least, most = min(least, c.P50), max(most, c.P99)
	}
	axis := logAxis{math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))}
	for i := range r.Contenders {
		c := &r.Contenders[i]
		if i == 0 || r.Contenders[i-1].Store != c.Store {
			y += rowHeight / 2
			fmt.Fprintf(&rows, `<text class="note" x="8" y="%d">on %s</text>`+"\n", y+16, c.Store)
			y += rowHeight
		}
		c.row(&rows, y, fastest, axis)
		y += rowHeight
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-labelledby="title">
<title id="title">%[3]s</title>
<style>%[4]s</style>
<text class="head" x="%[5]d" y="24">Jobs drained a second</text>
<text class="note" x="%[5]d" y="42">longer is better</text>
<text class="head" x="%[6]d" y="24">Enqueue to start, ms</text>
<text class="note" x="%[6]d" y="42">dot p50, line to p99; left is better</text>
`, chartWidth, y+chartFoot, escape(r.chartTitle()), chartStyle, barLeft, dotLeft)
	for power := axis.from; power <= axis.to; power++ {
		x := axis.x(math.Pow(10, power))
		fmt.Fprintf(&b, `<line class="grid" x1="%.1[1]f" x2="%.1[1]f" y1="%[2]d" y2="%[3]d"/><text class="tick" text-anchor="middle" x="%.1[1]f" y="%[4]d">%[5]s</text>`+"\n",
			x, chartTop+4, y+6, y+22, tick(math.Pow(10, power)))
	}
	fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%[1]d" y1="%d" y2="%d"/>`+"\n", barLeft, chartTop+4, y+6)
	b.WriteString(rows.String())
	b.WriteString("</svg>\n")
	return b.String()
}

// chartTitle says in words what the chart shows, for those who do not see it.
func (r *run) chartTitle() string {
	var parts []string
	for i := range r.Contenders {
		c := &r.Contenders[i]
		parts = append(parts, fmt.Sprintf("%s on %s %s jobs a second and %s ms", c.title(), c.Store, thousands(c.Drain), ms(c.P50)))
	}
	return "Jobs drained a second, and p50 from enqueue to start: " + strings.Join(parts, "; ")
}

// row draws a contender.
func (c *result) row(w *strings.Builder, y int, fastest float64, axis logAxis) {
	class, text := "", ""
	if !c.Peer {
		class, text = " ours", ` class="ours"`
	}
	length := max(c.Drain/fastest*(barRight-barLeft), 1)
	fmt.Fprintf(w, `<text%s x="20" y="%d">%s</text>`, text, y+16, escape(c.title()))
	fmt.Fprintf(w, `<rect class="bar%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`, class, barLeft, y+4, length, rowHeight-8)
	fmt.Fprintf(w, `<text%s x="%.1f" y="%d">%s</text>`, text, barLeft+length+6, y+16, thousands(c.Drain))
	from, to := axis.x(c.P50), axis.x(c.P99)
	fmt.Fprintf(w, `<line class="span%s" stroke-width="2" x1="%.1f" x2="%.1f" y1="%d" y2="%[4]d"/>`, class, from, to, y+rowHeight/2)
	fmt.Fprintf(w, `<circle class="dot%s" cx="%.1f" cy="%d" r="5"/>`, class, from, y+rowHeight/2)
	fmt.Fprintf(w, `<text%s text-anchor="end" x="%d" y="%d">%s</text>`+"\n", text, dotLeft-16, y+16, ms(c.P50))
}

// A logAxis goes from one power of ten to another.
type logAxis struct{ from, to float64 }

func (a logAxis) x(v float64) float64 {
	at := (math.Log10(max(v, math.Pow(10, a.from))) - a.from) / max(a.to-a.from, 1)
	return dotLeft + at*(dotRight-dotLeft)
}

func tick(v float64) string {
	if v < 1 {
		return fmt.Sprintf("%g", v)
	}
	return thousands(v)
}

func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
