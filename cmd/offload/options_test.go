package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
)

func TestParseLimit(t *testing.T) {
	if got, err := parseLimit("crm/eu=20"); err != nil || got != (offload.Limit{Name: "crm/eu", Max: 20}) {
		t.Errorf("parseLimit = %+v, %v", got, err)
	}
	for _, bad := range []string{"", "crm", "crm=", "=3", "crm=0", "crm=-1", "crm=x", "crm=3/s"} {
		if _, err := parseLimit(bad); !isInputError(err) {
			t.Errorf("--limit %q: %v; want an InputError", bad, err)
		}
	}
}

func TestParseRate(t *testing.T) {
	for text, per := range map[string]time.Duration{
		"crm=5/s": time.Second, "crm=5/sec": time.Second, "crm=5/second": time.Second,
		"crm=5/m": time.Minute, "crm=5/min": time.Minute, "crm=5/minute": time.Minute, "crm=5/1m": time.Minute,
		"crm=5/h": time.Hour, "crm=5/hour": time.Hour, "crm=5/90m": 90 * time.Minute,
		"crm=5/d": 24 * time.Hour, "crm=5/day": 24 * time.Hour, "crm=5/7d": 7 * 24 * time.Hour,
		"crm=5/100ms": 100 * time.Millisecond,
	} {
		if got, err := parseRate(text); err != nil || got != (offload.Limit{Name: "crm", Max: 5, Per: per}) {
			t.Errorf("parseRate(%q) = %+v, %v; want 5 in %v", text, got, err, per)
		}
	}
	for _, bad := range []string{"", "crm", "crm=5", "crm=5/", "crm=/s", "=5/s", "crm=0/s", "crm=-1/s", "crm=5/0s", "crm=5/-1m", "crm=5/week"} {
		if _, err := parseRate(bad); !isInputError(err) {
			t.Errorf("--rate %q: %v; want an InputError", bad, err)
		}
	}
}

func TestJobFlagsThatSayTooLittleAreRefused(t *testing.T) {
	for _, args := range []string{
		"--unique=", "--unique-for=1h", "--unique=a --unique-for=0s", "--limit=crm", "--rate=crm=1", "--tag=customer", "--fair=",
	} {
		var f jobFlags
		cmd := &cobra.Command{}
		f.flags(cmd)
		if err := cmd.ParseFlags(strings.Fields(args)); err != nil {
			t.Fatal(err)
		}
		var usage *usageError
		if _, err := f.options(cmd); !isInputError(err) && !errors.As(err, &usage) {
			t.Errorf("%s: %v; want it refused", args, err)
		}
	}
}

func isInputError(err error) bool {
	var wrong *offload.InputError
	return errors.As(err, &wrong)
}
