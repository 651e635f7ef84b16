package dashboard

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload/operate"
)

func TestNiceNumbers(t *testing.T) {
	for most, want := range map[float64]float64{0: 1, 1: 0.5, 4: 1, 5: 2, 9: 5, 37: 10, 56: 20, 100: 50, 1234: 500} {
		if got := niceNumber(most); got != want {
			t.Errorf("up to %g: lines %g apart, want %g", most, got, want)
		}
	}
	for most, want := range map[float64]float64{0.003: 0.001, 90: 50, 600: 300, 7200: 3000, 36000: 18000} {
		if got := niceSeconds(most); math.Abs(got-want) > 1e-9 {
			t.Errorf("up to %g s: lines %g s apart, want %g", most, got, want)
		}
	}
}

// Bars stand on each other, lines have gaps where nothing is known, and steps outside of the range are left out.
func TestChartsOfSteps(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 30, 30, 0, time.UTC)
	at := func(minute int) time.Time { return time.Date(2026, 3, 4, 12, minute, 0, 0, time.UTC) }
	steps := []operate.StatsStep{
		{Start: at(1), Completed: 99},
		{Start: at(20), Completed: 30, Failed: 12, Discarded: 2, Wait: [3]time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
		{Start: at(30), Completed: 7, Wait: [3]time.Duration{time.Second, time.Second, time.Second}},
	}
	charts := chartsOf(steps, overviewRanges[0], []change{{Time: at(25), Text: "pause queue mail"}, {Time: at(2)}}, now, time.UTC)
	ended := charts[0]
	if len(ended.Times) != 15 || !ended.Times[0].Equal(at(16)) || !ended.Times[14].Equal(at(30)) {
		t.Fatalf("times are %v", ended.Times)
	}
	if got := [3]float64{ended.Series[0].Values[4], ended.Series[1].Values[4], ended.Series[2].Values[4]}; got != [3]float64{30, 10, 2} {
		t.Errorf("12:20 has %v", got)
	}
	if top := ended.top(); top != 60 {
		t.Errorf("the axis ends at %g, want 60", top)
	}
	marks := ended.Marked()
	if len(marks) != 1 || !strings.Contains(marks[0].Text, "pause queue mail") {
		t.Errorf("marks are %v", marks)
	}
	d := charts[1].Drawn()
	if strings.Count(d[0].Path, "M") != 2 || d[0].Last != "1 s" {
		t.Errorf("the line of p50 is %q, %s", d[0].Path, d[0].Last)
	}
	for i := range d {
		for j := range i {
			if math.Abs(d[i].EndY-d[j].EndY) < 12 {
				t.Errorf("the names %s and %s stand on each other: %g, %g", d[i].Name, d[j].Name, d[i].EndY, d[j].EndY)
			}
		}
	}
	if !charts[2].Empty() {
		t.Error("no run took any time, and the chart is not empty")
	}
	if slots := ended.Slots(); slots[4].Text != "Wed 4 Mar 12:20: completed 30, failed 10, discarded 2" {
		t.Errorf("the pointer reads %q", slots[4].Text)
	}
}

func TestOverview(t *testing.T) {
	h := New(shop(t), as(Operator))
	page := ask(h, "GET", "/", nil).Body.String()
	for _, want := range []string{"Ended each minute", "pause queue reports", ">paused<", "New kinds of error", "Figures"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, within := range []string{"15m", "6h", "24h", "7d", "30d", "90d"} {
		if w := ask(h, "GET", "/?within="+within, nil); w.Code != 200 {
			t.Errorf("%s: %d", within, w.Code)
		}
	}
	if w := ask(h, "GET", "/?within=1y", nil); w.Code != 400 {
		t.Errorf("%d", w.Code)
	}
}
