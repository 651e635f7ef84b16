package dashboard

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A chart is figures over time, drawn as SVG: bars that stand on each other, or lines.
type chart struct {
	Title  string
	Series []series
	Times  []time.Time // of the points
	Step   time.Duration
	Zone   *time.Location
	Marks  []mark
	Bars   bool
	Say    func(float64) string // a value as people read it
	Nice   func(most float64) float64
}

// A series is one row of values of a chart: NaN where there is none.
type series struct {
	Name, Class string
	Values      []float64
}

// A mark is something that happened: a line from top to bottom.
type mark struct {
	Time time.Time
	Text string
}

// The room of a chart, in units of its own.
const (
	chartWidth  = 640
	chartHeight = 190
	chartLeft   = 54
	chartRight  = 84
	chartTop    = 10
	chartBottom = 24
	plotWidth   = chartWidth - chartLeft - chartRight
	plotHeight  = chartHeight - chartTop - chartBottom
)

// Box is the view box of the SVG.
func (c *chart) Box() string { return fmt.Sprintf("0 0 %d %d", chartWidth, chartHeight) }

// Empty reports whether there is nothing to be drawn.
func (c *chart) Empty() bool {
	for _, s := range c.Series {
		for _, v := range s.Values {
			if v > 0 {
				return false
			}
		}
	}
	return true
}

// top is the greatest value, of stacks where bars stand on each other, rounded up to what an axis shows.
func (c *chart) top() float64 {
	most := 0.0
	for i := range c.Times {
		sum := 0.0
		for _, s := range c.Series {
			switch v := s.Values[i]; {
			case math.IsNaN(v):
			case c.Bars:
				sum += v
			default:
				sum = max(sum, v)
			}
		}
		most = max(most, sum)
	}
	step := c.Nice(most)
	return math.Max(1, math.Ceil(most/step)) * step
}

// An axisTick is a line of an axis, with its text.
type axisTick struct {
	At   float64
	Text string
}

// YTicks are the lines of the axis of values, from zero.
func (c *chart) YTicks() (ticks []axisTick) {
	top := c.top()
	step := c.Nice(top)
	for n := 0; float64(n)*step <= top*1.0001; n++ {
		ticks = append(ticks, axisTick{c.y(float64(n)*step, top), c.Say(float64(n) * step)})
	}
	return ticks
}

func (c *chart) y(v, top float64) float64 {
	return round(chartTop + plotHeight*(1-v/top))
}

// x is where a point begins.
func (c *chart) x(i int) float64 {
	return round(chartLeft + plotWidth*float64(i)/float64(max(1, len(c.Times))))
}

// XTicks are some times along the axis of time.
func (c *chart) XTicks() (ticks []axisTick) {
	const most = 6
	every := max(1, (len(c.Times)+most-1)/most)
	layout := "15:04"
	if c.Step*time.Duration(len(c.Times)) > 36*time.Hour {
		layout = "2 Jan"
	}
	for i := 0; i < len(c.Times); i += every {
		ticks = append(ticks, axisTick{c.x(i), c.Times[i].In(c.Zone).Format(layout)})
	}
	return ticks
}

// A drawn series is its path, and its name at the end of it.
type drawn struct {
	Name, Class string
	Path        string
	Last        string // its newest value
	EndY        float64
}

// Drawn are the series as they are drawn, the first at the bottom.
func (c *chart) Drawn() (all []drawn) {
	top := c.top()
	under := make([]float64, len(c.Times))
	for _, s := range c.Series {
		d := drawn{Name: s.Name, Class: s.Class}
		if c.Bars {
			d.Path = c.bars(s, under, top)
		} else {
			d.Path = c.line(s, top)
		}
		for i := len(s.Values) - 1; i >= 0; i-- {
			if v := s.Values[i]; !math.IsNaN(v) {
				if c.Bars && v == 0 { // there is no bar to name
					break
				}
				d.Last = c.Say(v)
				d.EndY = c.y(v, top)
				if c.Bars {
					d.EndY = c.y(under[i]-v/2, top)
				}
				break
			}
		}
		all = append(all, d)
	}
	apart(all)
	return all
}

// bars draws a row of bars on what is under it, and adds it to that.
func (c *chart) bars(s series, under []float64, top float64) string {
	var b strings.Builder
	for i, v := range s.Values {
		if math.IsNaN(v) || v <= 0 {
			continue
		}
		x, to := c.x(i), c.x(i+1)
		gap := math.Min(1, (to-x)/4)
		y0, y1 := c.y(under[i], top), c.y(under[i]+v, top)
		if y0-y1 < 0.8 { // that there was any is seen
			y1 = round(y0 - 0.8)
		}
		fmt.Fprintf(&b, "M%g %gH%gV%gH%gZ", x, y0, round(to-gap), y1, x)
		under[i] += v
	}
	return b.String()
}

// line draws values as a line with gaps where there are none.
func (c *chart) line(s series, top float64) string {
	var b strings.Builder
	open := false
	half := (c.x(1) - c.x(0)) / 2
	for i, v := range s.Values {
		if math.IsNaN(v) {
			open = false
			continue
		}
		x, y := round(c.x(i)+half), c.y(v, top)
		if !open {
			alone := i+1 >= len(s.Values) || math.IsNaN(s.Values[i+1])
			fmt.Fprintf(&b, "M%g %g", x, y)
			if alone {
				b.WriteString("h0.01") // a dot
			}
		} else {
			fmt.Fprintf(&b, "L%g %g", x, y)
		}
		open = true
	}
	return b.String()
}

// apart keeps names at the ends of lines from lying on each other: each stands at least a line below the one above it, and
// none below the chart.
func apart(all []drawn) {
	const least = 15.0
	var named []*drawn
	for i := range all {
		if all[i].Last != "" {
			named = append(named, &all[i])
		}
	}
	slices.SortStableFunc(named, func(a, b *drawn) int { return cmp.Compare(a.EndY, b.EndY) })
	y := float64(chartTop + 8 - least)
	for _, d := range named {
		y = math.Max(y+least, d.EndY)
		d.EndY = round(y)
	}
	y = chartHeight - chartBottom + least
	for _, d := range slices.Backward(named) {
		y = math.Min(y-least, d.EndY)
		d.EndY = round(y)
	}
}

// A slot is a point of time, for the pointer.
type slot struct {
	X, Width float64
	Text     string
}

// Slots are the points of time with all their values in words.
func (c *chart) Slots() (slots []slot) {
	for i, t := range c.Times {
		cells := c.Cells(i)
		for j, s := range c.Series {
			cells[j] = s.Name + " " + cells[j]
		}
		slots = append(slots, slot{c.x(i), round(c.x(i+1) - c.x(i)), c.When(t) + ": " + strings.Join(cells, ", ")})
	}
	return slots
}

// Cells are the values of a point in words.
func (c *chart) Cells(i int) (cells []string) {
	for _, s := range c.Series {
		text := "–"
		if v := s.Values[i]; !math.IsNaN(v) {
			text = c.Say(v)
		}
		cells = append(cells, text)
	}
	return cells
}

// When is a point of time in words.
func (c *chart) When(t time.Time) string { return t.In(c.Zone).Format("Mon 2 Jan 15:04") }

// A placedMark is a mark where it stands.
type placedMark struct {
	X    float64
	Text string
}

// Marked are the marks within the time that is shown.
func (c *chart) Marked() (marks []placedMark) {
	if len(c.Times) == 0 {
		return nil
	}
	from, length := c.Times[0], c.Step*time.Duration(len(c.Times))
	for _, m := range c.Marks {
		if far := m.Time.Sub(from); far >= 0 && far < length {
			marks = append(marks, placedMark{round(chartLeft + plotWidth*float64(far)/float64(length)), c.When(m.Time) + ": " + m.Text})
		}
	}
	return marks
}

// Room are the lengths that the template needs.
func (c *chart) Room() map[string]int {
	return map[string]int{"left": chartLeft, "right": chartWidth - chartRight, "top": chartTop, "bottom": chartHeight - chartBottom, "height": plotHeight}
}

func round(v float64) float64 { return math.Round(v*10) / 10 }

// niceNumber is the distance of lines on an axis up to a number: 1, 2 or 5 times a power of ten, for at most five lines.
func niceNumber(most float64) float64 {
	if most <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(most/4)))
	for _, n := range []float64{1, 2, 5, 10} {
		if most/(n*unit) <= 4.0001 {
			return n * unit
		}
	}
	return 10 * unit
}

// niceSeconds is niceNumber for durations in seconds: whole minutes and hours where they are longer.
func niceSeconds(most float64) float64 {
	switch {
	case most > 3600*4:
		return niceNumber(most/3600) * 3600
	case most > 240:
		return math.Max(60, niceNumber(most/60)*60)
	}
	return niceNumber(most)
}

// saySeconds is a duration in seconds as people read it.
func saySeconds(v float64) string { return span(time.Duration(v * float64(time.Second))) }

// sayRate is a number per minute.
func sayRate(v float64) string {
	if v > 0 && v < 10 {
		return trimZero(fmt.Sprintf("%.1f", v))
	}
	return short(int64(math.Round(v)))
}
