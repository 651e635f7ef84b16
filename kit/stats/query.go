package stats

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/offloadhq/offload"
)

// A Step is how long the time of a Point is.
type Step int

// The steps that are kept.
const (
	Minute Step = iota + 1
	Hour
	Day
)

func (s Step) seconds() int64 { return [...]int64{0, 60, 3600, 86400}[s] }

// String is "minute", "hour" or "day".
func (s Step) String() string {
	if s < Minute || s > Day {
		return fmt.Sprintf("step %d", int(s))
	}
	return [...]string{"", "minute", "hour", "day"}[s]
}

// A Query is a question to a statistic.
type Query struct {
	Name   string            // of the statistic
	Labels map[string]string // only series with these values; nil is all, added up
	By     string            // a label: a Series for each of its values; "" is one Series
	From   time.Time         // whole steps from the one that it is in; zero is 24 steps before To
	To     time.Time         // up to the one that it is in; zero is now
	Step   Step              // 0 is Hour
}

// A Point is what was in one step, or, of Total, in all.
type Point struct {
	Start   time.Time
	N       int64   // of an Observer how many numbers, of a Unique how many calls
	Sum     float64 // of a Counter and an Observer
	Min     float64 // of an Observer; 0 where N is
	Max     float64 // of an Observer; 0 where N is
	Refused int64   // how many were no numbers
	amount  amount
}

// Mean is the mean of an Observer's numbers; NaN without any.
func (p *Point) Mean() float64 {
	if p.N == 0 {
		return math.NaN()
	}
	return p.Sum / float64(p.N)
}

// Quantile is a number of an Observer that a share q, 0 to 1, of all are not above, within 2 %; NaN without any.
func (p *Point) Quantile(q float64) float64 {
	v := p.amount.histogram.quantile(min(max(q, 0), 1))
	if math.IsNaN(v) {
		return v
	}
	return min(max(v, p.Min), p.Max)
}

// Unique is how many different ones a Unique has seen, within about 2 %.
func (p *Point) Unique() uint64 {
	if p.amount.sketch == nil {
		return 0
	}
	return p.amount.sketch.Estimate()
}

func (p *Point) settle() {
	a := &p.amount
	p.N, p.Sum, p.Min, p.Max, p.Refused = a.n, a.sum, a.least, a.most, a.refused
}

// A Series is the answer for one value of By: a Point for each step, also where nothing was.
type Series struct {
	Value  string // of By; "" without
	Points []Point
}

// Total is all points of a series as one: of a Unique those who were there in several steps count once.
func (s *Series) Total() Point {
	var all Point
	for i := range s.Points {
		if i == 0 {
			all.Start = s.Points[i].Start
		}
		all.amount.merge(&s.Points[i].amount)
	}
	all.settle()
	return all
}

const (
	mostPoints = 10_000  // of a series
	mostInAll  = 200_000 // of all: some 40 MiB, sketches apart
)

// Query answers with points, the oldest first; the last may still grow. The series are in the order of their values; without By there is one, also if nothing was counted. It reads
// from the database what was written: this process's last seconds are not in it before Flush.
func (k *Kept) Query(ctx context.Context, q Query) ([]Series, error) {
	if err := q.complete(k.now()); err != nil {
		return nil, err
	}
	from, to := q.From.Unix(), q.To.Unix()
	step := q.Step.seconds()
	query := "SELECT labels, kind, start, n, sum, lowest, highest, refused, sketch FROM offload_stats WHERE name = $1 AND period = $2 AND start >= $3 AND start <= $4"
	args := []any{q.Name, int(q.Step), from, to}
	for _, name := range slices.Sorted(maps.Keys(q.Labels)) {
		args = append(args, pair(name, q.Labels[name]))
		// Unlike LIKE, the same in both databases: it knows capitals, and has no signs of its own.
		query += fmt.Sprintf(" AND labels <> replace(labels, $%d, '')", len(args))
	}
	rows, err := k.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read statistic %q: %w", q.Name, err)
	}
	defer rows.Close()
	found := map[string]*Series{}
	series := func(value string) *Series {
		s := found[value]
		if s == nil {
			s = &Series{Value: value, Points: make([]Point, (to-from)/step+1)}
			for i := range s.Points {
				s.Points[i].Start = time.Unix(from+int64(i)*step, 0).UTC()
			}
			found[value] = s
		}
		return s
	}
	if q.By == "" {
		series("")
	}
	for rows.Next() {
		var labels string
		var kind kind
		var start int64
		var a amount
		var sketch []byte
		if err := rows.Scan(&labels, &kind, &start, &a.n, &a.sum, &a.least, &a.most, &a.refused, &sketch); err != nil {
			return nil, fmt.Errorf("read statistic %q: %w", q.Name, err)
		}
		if err := a.mergeStored(kind, sketch); err != nil {
			return nil, fmt.Errorf("read statistic %q: %w", q.Name, err)
		}
		value := ""
		if q.By != "" {
			value = decodeLabels(labels)[q.By]
		}
		if points := (to-from)/step + 1; found[value] == nil && (int64(len(found))+1)*points > mostInAll {
			return nil, &offload.InputError{Field: "By", Got: q.By, Want: "200,000 points at most in all series; say Labels, a longer Step or a shorter time"}
		}
		if at := (start - from) / step; at >= 0 && at <= (to-from)/step {
			series(value).Points[at].amount.merge(&a)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read statistic %q: %w", q.Name, err)
	}
	answer := make([]Series, 0, len(found))
	for _, value := range slices.Sorted(maps.Keys(found)) {
		s := found[value]
		for i := range s.Points {
			s.Points[i].settle()
		}
		answer = append(answer, *s)
	}
	return answer, nil
}

// complete fills in what a question leaves open, and refuses what cannot be answered.
func (q *Query) complete(now time.Time) error {
	if q.Step == 0 {
		q.Step = Hour
	}
	if !isName.MatchString(q.Name) {
		return &offload.InputError{Field: "Name", Got: q.Name, Want: "the name of a statistic"}
	}
	if q.Step < Minute || q.Step > Day {
		return &offload.InputError{Field: "Step", Got: int(q.Step), Want: "Minute, Hour or Day"}
	}
	step := time.Duration(q.Step.seconds()) * time.Second
	if q.To.IsZero() {
		q.To = now
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-23 * step)
	}
	q.From, q.To = floor(q.From, step), floor(q.To, step)
	switch points := q.To.Sub(q.From)/step + 1; {
	case points < 1:
		return &offload.InputError{Field: "From", Got: q.From, Want: "a time before To"}
	case points > mostPoints:
		return &offload.InputError{Field: "Step", Got: q.Step.String(), Want: "one of which there are 10,000 at most from From to To"}
	}
	return nil
}

func floor(t time.Time, step time.Duration) time.Time {
	s := t.Unix()
	n := int64(step / time.Second)
	return time.Unix(s-((s%n)+n)%n, 0).UTC()
}

// Total answers with all of a question as one point.
func (k *Kept) Total(ctx context.Context, q Query) (Point, error) {
	q.By = ""
	answer, err := k.Query(ctx, q)
	if err != nil {
		return Point{}, err
	}
	return answer[0].Total(), nil
}
