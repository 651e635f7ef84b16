package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A run is one comparison: a line of results.jsonl.
type run struct {
	Commit     string    `json:"commit"` // "+" at the end: with changes that were not committed
	Date       time.Time `json:"date"`
	Machine    machine   `json:"machine"`
	Rounds     int       `json:"rounds"`
	Without    []string  `json:"without,omitempty"` // left out knowingly
	Contenders []result  `json:"contenders"`
}

// A machine is where a run was made. Client and servers share it.
type machine struct {
	Cores      int    `json:"cores"`
	CPU        string `json:"cpu"`
	MemoryGiB  int    `json:"memory_gib"`
	OS         string `json:"os"`
	Go         string `json:"go"`
	PostgreSQL string `json:"postgresql,omitempty"`
	Redis      string `json:"redis,omitempty"`
	Node       string `json:"node,omitempty"`
}

// A result is what one contender answered. Rates are medians of the rounds, in jobs a second;
// latencies are of all rounds together, in milliseconds.
type result struct {
	Name       string `json:"name"`
	System     string `json:"system"`
	Variant    string `json:"variant,omitempty"`
	Version    string `json:"version"`
	Store      string `json:"store"`
	Peer       bool   `json:"peer"`
	Tuned      bool   `json:"tuned"`
	Settings   string `json:"settings"`
	Durability string `json:"durability"`
	Notes      string `json:"notes"`
	Many       string `json:"many,omitempty"`

	Jobs       int     `json:"jobs"` // drained
	Drain      float64 `json:"drain"`
	Insert1    float64 `json:"insert_1"`
	Insert16   float64 `json:"insert_16"`
	InsertBulk float64 `json:"insert_bulk,omitempty"` // none where the API has no such call
	P50        float64 `json:"latency_p50_ms"`        // jobs a few milliseconds apart
	P99        float64 `json:"latency_p99_ms"`
	RestP50    float64 `json:"rest_p50_ms"` // after a quarter of a second in which nothing happened
	Latencies  int     `json:"latencies"`   // how many P50 and P99 are made of
}

// title is what people read: "River, tuned".
func (c *result) title() string {
	if c.Variant == "" {
		return c.System
	}
	return c.System + ", " + c.Variant
}

// line writes the run as one line.
func (r *run) line(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

// append adds the run to the end of a file.
func (r *run) append(path string) error {
	var line bytes.Buffer
	if err := r.line(&line); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(line.Bytes())
	return errors.Join(err, f.Close())
}

// newest reads the last line of a file of results.
func newest(path string) (*run, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lines := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	r := &run{}
	if err := json.Unmarshal(lines[len(lines)-1], r); err != nil {
		return nil, fmt.Errorf("%s: line %d: %w", path, len(lines), err)
	}
	return r, nil
}

// commit names the commit that is measured, "unknown" outside of a repository. Results are
// written by a run, and so are no change to it.
func commit(ctx context.Context) string {
	id, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=10", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	changes, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--", ":(top)", ":(top,exclude)bench/results.jsonl").Output()
	if err != nil || len(bytes.TrimSpace(changes)) > 0 {
		return strings.TrimSpace(string(id)) + "+"
	}
	return strings.TrimSpace(string(id))
}
