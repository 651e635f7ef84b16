package main

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/offloadhq/offload"
)

// figures are what a suite has measured.
type figures struct {
	suite, store string
	jobs         int // drained
	all          []figure
}

// A figure is one of them.
type figure struct {
	name, unit string
	value      float64
	digits     int // behind the point
}

func (f *figures) add(name, unit string, value float64, digits int) {
	f.all = append(f.all, figure{name, unit, value, digits})
}

// MarshalJSON writes the figures as one object, in their order.
func (f *figures) MarshalJSON() ([]byte, error) {
	head, err := json.Marshal(struct {
		Suite   string `json:"suite"`
		Store   string `json:"store"`
		Version string `json:"version"`
		Jobs    int    `json:"jobs"`
	}{f.suite, f.store, offload.Version, f.jobs})
	if err != nil {
		return nil, err
	}
	object := bytes.NewBuffer(head[:len(head)-1])
	for _, one := range f.all {
		object.WriteString(`,"` + one.name + `":`)
		factor := math.Pow10(one.digits)
		object.Write(strconv.AppendFloat(nil, math.Round(one.value*factor)/factor, 'f', -1, 64))
	}
	object.WriteByte('}')
	return object.Bytes(), nil
}

func (s *session) figures(f *figures, asJSON bool) error {
	if asJSON {
		return s.object(f)
	}
	table := s.table("FIGURE", "VALUE", "UNIT")
	for _, one := range f.all {
		table.row(one.name, strconv.FormatFloat(one.value, 'f', one.digits, 64), one.unit)
	}
	return table.end()
}

func rate(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}
