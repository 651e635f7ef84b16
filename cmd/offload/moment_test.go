package main

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for _, test := range []struct {
		text string
		want time.Duration
		bad  bool
	}{
		{text: "30s", want: 30 * time.Second},
		{text: "1h30m", want: 90 * time.Minute},
		{text: "7d", want: 7 * 24 * time.Hour},
		{text: "1d12h", want: 36 * time.Hour},
		{text: "-5m", want: -5 * time.Minute},
		{text: "-1d1h", want: -25 * time.Hour},
		{text: "0", want: 0},
		{text: "", bad: true},
		{text: "5", bad: true},
		{text: "d", bad: true},
		{text: "1.5d", bad: true},
		{text: "99999d", bad: true},
		{text: "1d-1h", bad: true},
		{text: "--5m", bad: true},
		{text: "soon", bad: true},
	} {
		got, err := parseDuration(test.text)
		if got != test.want && !test.bad || (err != nil) != test.bad {
			t.Errorf("parseDuration(%q) = %v, %v; want %v, an error: %t", test.text, got, err, test.want, test.bad)
		}
	}
}

func TestTimeFlag(t *testing.T) {
	want := time.Date(2026, 5, 1, 14, 30, 0, 0, time.Local)
	for _, text := range []string{want.Format(time.RFC3339), "2026-05-01 14:30", "2026-05-01T14:30:00", "2026-05-01 14:30:00.000"} {
		var flag timeFlag
		if err := flag.Set(text); err != nil || !flag.Equal(want) {
			t.Errorf("Set(%q) = %v, %v; want %v", text, flag.Time, err, want)
		}
	}
	for _, text := range []string{"", "tomorrow", "7d", "2026-13-01", "14:30"} {
		var flag timeFlag
		if err := flag.Set(text); err == nil {
			t.Errorf("Set(%q) = %v, want an error", text, flag.Time)
		}
	}
}

func TestTimeFlagAgo(t *testing.T) {
	flag := timeFlag{ago: true}
	before := time.Now()
	if err := flag.Set("7d"); err != nil {
		t.Fatal(err)
	}
	if ago := before.Sub(flag.Time); ago > 7*24*time.Hour || ago < 7*24*time.Hour-time.Minute {
		t.Errorf("7d is %v ago", ago)
	}
	if err := flag.Set("-7d"); err == nil {
		t.Error("a time to come is taken as one that was")
	}
}

func TestLasting(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0": 0, "12µs": 12_345 * time.Nanosecond, "12.3ms": 12_345 * time.Microsecond, "1.2s": 1234 * time.Millisecond,
		"1m2s": 62 * time.Second, "25h0m0s": 25 * time.Hour, "3d4h": 76 * time.Hour,
	} {
		if got := lasting(d); got != want {
			t.Errorf("lasting(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestPeriodIsWrittenAsItIsTyped(t *testing.T) {
	for _, want := range []string{"100ms", "1s", "1.5s", "1m", "1m30s", "5m", "1h", "1h30m", "1h0m5s", "10m", "20h", "1d", "7d", "25h"} {
		d, err := parseDuration(want)
		if got := period(d); err != nil || got != want {
			t.Errorf("period(%v) = %s, %v; want %s", d, got, err, want)
		}
	}
}
