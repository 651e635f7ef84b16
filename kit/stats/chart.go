package stats

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Show is what a chart has of points.
type Show string

// What there is.
const (
	ShowSum     Show = "sum"
	ShowN       Show = "n"
	ShowMean    Show = "mean"
	ShowMin     Show = "min"
	ShowMax     Show = "max"
	ShowUnique  Show = "unique"
	ShowRefused Show = "refused"
	ShowP50     Show = "p50"
	ShowP95     Show = "p95"
	ShowP99     Show = "p99"
)

var shows = []Show{ShowSum, ShowN, ShowMean, ShowMin, ShowMax, ShowUnique, ShowRefused, ShowP50, ShowP95, ShowP99}

// Value is what the point has of it; NaN where there is none.
func (s Show) Value(p *Point) float64 {
	switch s {
	case ShowN:
		return float64(p.N)
	case ShowMean:
		return p.Mean()
	case ShowMin, ShowMax:
		if p.N == 0 {
			return math.NaN()
		}
		if s == ShowMin {
			return p.Min
		}
		return p.Max
	case ShowUnique:
		return float64(p.Unique())
	case ShowRefused:
		return float64(p.Refused)
	case ShowP50:
		return p.Quantile(0.5)
	case ShowP95:
		return p.Quantile(0.95)
	case ShowP99:
		return p.Quantile(0.99)
	}
	return p.Sum
}

// bars reports whether a point's height is an amount, which a bar shows from zero on.
func (s Show) bars() bool { return s == ShowSum || s == ShowN || s == ShowUnique || s == ShowRefused }

const (
	chartWidth, chartHeight = 720, 280
	left, right             = 64, 16
	top, bottom             = 36, 72
	linesMost               = 6 // beyond that nobody tells them apart
)

// chartStyle is in light and dark what can be read in both. Lines differ in dashes too, not in colour alone.
const chartStyle = `<style>
.offload-chart{font:12px system-ui,sans-serif;--ink:#1f2430;--faint:#5b6270;--grid:#d9dce3;--c0:#1f5fbf;--c1:#b3470b;--c2:#0f766e;--c3:#8a2c8a;--c4:#7a5b00;--c5:#b01e3c}
@media (prefers-color-scheme:dark){.offload-chart{--ink:#e8eaf0;--faint:#a6adbb;--grid:#3a4150;--c0:#7fb0ff;--c1:#ffad73;--c2:#5ad1c3;--c3:#e39be3;--c4:#e5c55a;--c5:#ff8fa3}}
.offload-chart text{fill:var(--faint)}.offload-chart .name{fill:var(--ink);font-weight:600}
</style>`

var dashes = []string{"", "6 3", "2 3", "10 3 2 3", "1 4", "12 4"}

// Chart draws an answer as SVG, to be put into a page or to be served: bars or lines, with a description in words for those who don't see it. It has no script. With more than six series
// it draws the largest six, and says of how many.
func Chart(title string, series []Series, show Show) template.HTML {
	c := chart{show: show, series: largest(series, show)}
	c.measure()
	var b bytes.Buffer
	name := title + ", " + string(show)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="offload-chart" role="img" viewBox="0 0 %d %d" width="%d" height="%d"><title>%s</title><desc>%s</desc>%s`,
		chartWidth, chartHeight, chartWidth, chartHeight, text(name), text(c.words(len(series))), chartStyle)
	fmt.Fprintf(&b, `<text class="name" x="%d" y="18">%s</text>`, left, text(name))
	c.axes(&b)
	for i := range c.series {
		if len(c.series) == 1 && show.bars() {
			c.bars(&b, &c.series[i])
		} else {
			c.line(&b, i)
		}
	}
	if len(series) > 1 || len(series) == 1 && series[0].Value != "" {
		c.legend(&b, len(series))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // every text in it was escaped
}

// text is one that a stranger may have written, for XML: escaped, and without signs that XML does not have.
func text(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
}

// largest are the series with the most, at most as many as can be told apart.
func largest(series []Series, show Show) []Series {
	if len(series) <= linesMost {
		return series
	}
	size := func(s *Series) (most float64) {
		for i := range s.Points {
			if v := math.Abs(show.Value(&s.Points[i])); v > most {
				most = v
			}
		}
		return most
	}
	sizes := make(map[string]float64, len(series))
	for i := range series {
		sizes[series[i].Value] = size(&series[i])
	}
	all := slices.Clone(series)
	slices.SortStableFunc(all, func(a, b Series) int { return cmp.Compare(sizes[b.Value], sizes[a.Value]) })
	return all[:linesMost]
}

// A chart is what is being drawn.
type chart struct {
	show      Show
	series    []Series
	low, high float64
	step      float64 // between lines of the grid
	points    int
	start     time.Time
	every     time.Duration
}

// measure finds what the axes have.
func (c *chart) measure() {
	for i := range c.series {
		points := c.series[i].Points
		c.points = max(c.points, len(points))
		if len(points) > 0 {
			c.start = points[0].Start
		}
		if len(points) > 1 {
			c.every = points[1].Start.Sub(points[0].Start)
		}
		for j := range points {
			if v := c.show.Value(&points[j]); !math.IsNaN(v) {
				c.low, c.high = min(c.low, v), max(c.high, v)
			}
		}
	}
	if c.low == c.high {
		c.high = c.low + 1
	}
	rough := (c.high - c.low) / 4
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, nice := range []float64{1, 2, 5, 10} {
		if c.step = nice * power; c.step >= rough {
			break
		}
	}
	c.low, c.high = math.Floor(c.low/c.step)*c.step, math.Ceil(c.high/c.step)*c.step
}

func (c *chart) x(i float64) float64 {
	return left + (i+0.5)*float64(chartWidth-left-right)/float64(max(c.points, 1))
}

func (c *chart) y(v float64) float64 {
	return top + (c.high-v)/(c.high-c.low)*float64(chartHeight-top-bottom)
}

func (c *chart) axes(b *bytes.Buffer) {
	for i := range 8 {
		v := c.low + float64(i)*c.step
		if v > c.high+c.step/2 {
			break
		}
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="var(--grid)"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`,
			left, c.y(v), chartWidth-right, left-8, c.y(v)+4, figure(v))
	}
	layout := "15:04"
	switch {
	case c.every >= day:
		layout = "2006-01-02"
	case c.every*time.Duration(c.points) > day:
		layout = "01-02 15:04"
	}
	for _, i := range []int{0, c.points / 2, c.points - 1} {
		if i < 0 || i >= c.points || c.points < 3 && i > 0 {
			continue
		}
		at := c.start.Add(time.Duration(i) * c.every)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, min(max(c.x(float64(i)), left+28), chartWidth-right-32), chartHeight-bottom+18, at.Format(layout))
	}
}

func (c *chart) bars(b *bytes.Buffer, s *Series) {
	wide := max(0.8*float64(chartWidth-left-right)/float64(max(c.points, 1)), 0.5)
	for i := range s.Points {
		v := c.show.Value(&s.Points[i])
		if math.IsNaN(v) || v == 0 {
			continue
		}
		y, zero := c.y(v), c.y(0)
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="var(--c0)"><title>%s: %s</title></rect>`,
			c.x(float64(i))-wide/2, min(y, zero), wide, math.Abs(zero-y), s.Points[i].Start.Format("2006-01-02 15:04"), figure(v))
	}
}

// line draws a series; where it has no value there is a gap, and a value between two gaps is a dot.
func (c *chart) line(b *bytes.Buffer, at int) {
	var path strings.Builder
	pen := "M"
	points := c.series[at].Points
	for i := range points {
		v := c.show.Value(&points[i])
		if math.IsNaN(v) {
			pen = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, c.x(float64(i)), c.y(v))
		if pen == "M" {
			path.WriteString("h0.1")
		}
		pen = "L"
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="var(--c%d)" stroke-width="2" stroke-linecap="round" stroke-dasharray="%s"/>`, path.String(), at, dashes[at])
}

func (c *chart) legend(b *bytes.Buffer, of int) {
	const columns = 3
	wide := (chartWidth - left - right) / columns
	for i := range c.series {
		x, y := left+i%columns*wide, chartHeight-30+i/columns*18
		fmt.Fprintf(b, `<path d="M%d %dh24" stroke="var(--c%d)" stroke-width="2" stroke-dasharray="%s"/><text x="%d" y="%d">%s</text>`,
			x, y, i, dashes[i], x+30, y+4, text(short(c.series[i].Value, 26)))
	}
	if of > len(c.series) {
		fmt.Fprintf(b, `<text x="%d" y="18" text-anchor="end">the largest %d of %d</text>`, chartWidth-right, len(c.series), of)
	}
}

// words is the chart for those who hear it.
func (c *chart) words(of int) string {
	var b strings.Builder
	if c.points > 0 {
		fmt.Fprintf(&b, "%d points from %s to %s UTC.", c.points, c.start.Format("2006-01-02 15:04"), c.start.Add(time.Duration(c.points-1)*c.every).Format("2006-01-02 15:04"))
	}
	if of > len(c.series) {
		fmt.Fprintf(&b, " The largest %d of %d series.", len(c.series), of)
	}
	for i := range c.series {
		s := &c.series[i]
		least, most := math.NaN(), math.NaN()
		var when time.Time
		for j := range s.Points {
			v := c.show.Value(&s.Points[j])
			if !math.IsNaN(v) && !(v >= least) {
				least = v
			}
			if !math.IsNaN(v) && !(v <= most) {
				most, when = v, s.Points[j].Start
			}
		}
		all := s.Total()
		if s.Value != "" {
			b.WriteString(" " + s.Value + ":")
		}
		if math.IsNaN(most) {
			b.WriteString(" nothing.")
			continue
		}
		fmt.Fprintf(&b, " over all %s, least %s, most %s at %s.", figure(c.show.Value(&all)), figure(least), figure(most), when.Format("2006-01-02 15:04"))
	}
	return strings.TrimSpace(b.String())
}

func short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// figure is a number for people: four digits, and k, M, G for thousands.
func figure(v float64) string {
	abs := math.Abs(v)
	switch {
	case abs >= 1e15 || abs > 0 && abs < 1e-4:
		return strconv.FormatFloat(v, 'e', 2, 64)
	case abs >= 1e10:
		return strconv.FormatFloat(v/1e9, 'f', 1, 64) + "G"
	case abs >= 1e7:
		return strconv.FormatFloat(v/1e6, 'f', 1, 64) + "M"
	case abs >= 1e4:
		return strconv.FormatFloat(v/1e3, 'f', 1, 64) + "k"
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
