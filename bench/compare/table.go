package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// write prints the run for people, or as one line.
func (r *run) write(w io.Writer, asJSON bool) error {
	if asJSON {
		return r.line(w)
	}
	return r.print(w)
}

// print writes the figures, how offload stands beside each, and the ratios it has to hold.
func (r *run) print(w io.Writer) error {
	fmt.Fprintf(w, "commit %s, %s, %s\nmedians of %d rounds; rates in jobs/s, times from enqueue to the start of the handler in ms\n\n", r.Commit, r.Date.Format("2006-01-02"), r.Machine.String(), r.Rounds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "store\tcontender\tdrained\tdrain\toffload\tenqueue 16\toffload\tone by one\toffload\tmany\toffload\tp50\tp99\tat rest\toffload\t")
	for i := range r.Contenders {
		c := &r.Contenders[i]
		ours := r.ours(c)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", c.Store, c.Name, thousands(float64(c.Jobs)),
			thousands(c.Drain), beside(ours, c, drain), thousands(c.Insert16), beside(ours, c, insert16),
			thousands(c.Insert1), beside(ours, c, func(c *result) float64 { return c.Insert1 }),
			thousands(c.InsertBulk), beside(ours, c, func(c *result) float64 { return c.InsertBulk }),
			ms(c.P50), ms(c.P99), ms(c.RestP50), beside(ours, c, p50))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\noffload's column is its figure on that store (PostgreSQL beside Redis) by the contender's; the last is of p50.\n\nratios to hold:")
	for _, ratio := range r.ratios() {
		fmt.Fprintf(w, "  %-12s  %8s   %s\n", ratio.held, ratio.got, ratio.what)
	}
	for _, name := range r.Without {
		fmt.Fprintf(w, "\nleft out: %s\n", name)
	}
	return nil
}

// ours returns offload on the store of a peer, on PostgreSQL for one on another server; nil
// for offload itself.
func (r *run) ours(c *result) *result {
	switch {
	case !c.Peer:
		return nil
	case c.Store == "SQLite":
		return r.of("offload-sqlite")
	}
	return r.of("offload-postgres")
}

// beside is how many times a peer's figure ours is.
func beside(ours, c *result, of func(*result) float64) string {
	if ours == nil || of(ours) == 0 || of(c) == 0 {
		return ""
	}
	return times(of(ours) / of(c))
}

// times writes a ratio with two digits that mean something.
func times(x float64) string {
	switch {
	case x >= 10:
		return thousands(x) + " ×"
	case x >= 1:
		return strconv.FormatFloat(x, 'f', 1, 64) + " ×"
	}
	return strconv.FormatFloat(x, 'f', 2, 64) + " ×"
}

// thousands writes a number of jobs with three digits that mean something.
func thousands(x float64) string {
	if x == 0 {
		return "–"
	}
	if unit := math.Pow(10, math.Floor(math.Log10(x))-2); unit >= 1 {
		x = math.Round(x/unit) * unit
	}
	s := strconv.FormatFloat(math.Round(x), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// ms writes milliseconds.
func ms(x float64) string {
	if x >= 100 {
		return thousands(x)
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}

// String describes the machine in a line.
func (m machine) String() string {
	parts := []string{fmt.Sprintf("%d cores", m.Cores)}
	if m.CPU != "" {
		parts[0] += " of " + m.CPU
	}
	parts = append(parts, fmt.Sprintf("%d GiB", m.MemoryGiB), m.OS, m.Go)
	for _, server := range []struct{ name, version string }{{"PostgreSQL", m.PostgreSQL}, {"Redis", m.Redis}, {"Node.js", strings.TrimPrefix(m.Node, "v")}} {
		if server.version != "" {
			version, _, _ := strings.Cut(server.version, " ")
			parts = append(parts, server.name+" "+version)
		}
	}
	return strings.Join(parts, ", ")
}
