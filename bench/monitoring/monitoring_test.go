package monitoring

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

const (
	golden   = "../../telemetry/prometheus/testdata/page.txt"
	examples = "../../examples/monitoring/"
)

// shown returns the names of samples that the page has, with the names of their labels.
func shown(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string][]string{}
	sample := regexp.MustCompile(`(?m)^([a-z_]+)(?:\{(.*)\})? \S+$`)
	label := regexp.MustCompile(`([a-z]+)="`)
	for _, m := range sample.FindAllSubmatch(page, -1) {
		labels := []string{"instance"}
		for _, l := range label.FindAllSubmatch(m[2], -1) {
			labels = append(labels, string(l[1]))
		}
		names[string(m[1])] = labels
	}
	if len(names) < 15 {
		t.Fatalf("the page has %d names", len(names))
	}
	return names
}

// check fails the test unless an expression is one, and asks for what is shown.
func check(t *testing.T, where, expr string, shown map[string][]string) {
	t.Helper()
	e, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Errorf("%s: %v in\n%s", where, err, expr)
		return
	}
	asked := 0
	known := map[string]bool{}
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		asked++
		labels, there := shown[v.Name]
		if !there {
			t.Errorf("%s: there is no metric %s", where, v.Name)
		}
		for _, l := range labels {
			known[l] = true
		}
		for _, m := range v.LabelMatchers {
			if m.Name != model.MetricNameLabel && !slices.Contains(labels, m.Name) {
				t.Errorf("%s: %s has no label %s", where, v.Name, m.Name)
			}
		}
		return nil
	})
	if asked == 0 {
		t.Errorf("%s asks for no metric", where)
	}
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if a, ok := n.(*parser.AggregateExpr); ok {
			for _, l := range a.Grouping {
				if !known[l] {
					t.Errorf("%s: groups by %s, which no metric in it has", where, l)
				}
			}
		}
		return nil
	})
}

func TestThePageIsWhatPrometheusReads(t *testing.T) {
	page, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	samples := 0
	for name, f := range families {
		if f.GetHelp() == "" || !strings.HasPrefix(name, "offload_") {
			t.Errorf("family %s: help %q", name, f.GetHelp())
		}
		if counter := strings.HasSuffix(name, "_total"); counter != (f.GetType().String() == "COUNTER") {
			t.Errorf("%s is a %s", name, f.GetType())
		}
		for _, m := range f.GetMetric() {
			samples++
			h := m.GetHistogram()
			if h == nil {
				continue
			}
			samples += len(h.GetBucket()) + 1
			last := uint64(0)
			for _, b := range h.GetBucket() {
				if b.GetCumulativeCount() < last {
					t.Errorf("%s: buckets fall", name)
				}
				last = b.GetCumulativeCount()
			}
			if last != h.GetSampleCount() {
				t.Errorf("%s: the last bucket has %d, the count is %d", name, last, h.GetSampleCount())
			}
		}
	}
	lines := 0
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "#") {
			lines++
		}
	}
	if samples != lines {
		t.Errorf("%d samples were read of %d", samples, lines)
	}
	odd := `odd "name"` + "\n\\ \uFFFD"
	if !slices.ContainsFunc(families["offload_queue_paused"].GetMetric(), func(m *dto.Metric) bool { return m.GetLabel()[0].GetValue() == odd && m.GetGauge().GetValue() == 1 }) {
		t.Error("a name that needs care was read as another")
	}
	if got := families["offload_jobs_enqueued_total"].GetMetric()[0].GetCounter().GetValue(); got != 1<<60 {
		t.Errorf("2^60 was read as %v", got)
	}
}

// functions are those of Prometheus that annotations use.
var functions = template.FuncMap{
	"humanize":           func(v float64) string { return "" },
	"humanizeDuration":   func(v float64) string { return "" },
	"humanizePercentage": func(v float64) string { return "" },
}

func TestAlertsAreRules(t *testing.T) {
	text, err := os.ReadFile(examples + "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		t.Fatal(err)
	}
	names, known := map[string]bool{}, shown(t)
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if names[r.Alert] || !strings.HasPrefix(r.Alert, "Offload") {
				t.Errorf("alert %q twice, or not ours", r.Alert)
			}
			names[r.Alert] = true
			check(t, r.Alert, r.Expr, known)
			if r.For != "" {
				if _, err := model.ParseDuration(r.For); err != nil {
					t.Errorf("%s: %v", r.Alert, err)
				}
			}
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s has no severity, summary or description", r.Alert)
			}
			for _, a := range r.Annotations {
				if _, err := template.New("").Funcs(functions).Parse("{{ $labels := .Labels }}{{ $value := .Value }}" + a); err != nil {
					t.Errorf("%s: %v in %q", r.Alert, err, a)
				}
			}
		}
	}
	if len(names) < 10 {
		t.Errorf("%d alerts", len(names))
	}
}

func TestTheBoardLoadsAndAsksForWhatIsThere(t *testing.T) {
	text, err := os.ReadFile(examples + "board.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title, UID    string
		SchemaVersion int
		Templating    struct {
			List []struct{ Name, Definition string }
		}
		Panels []struct {
			ID          int
			Type, Title string
			GridPos     struct{ X, Y, W, H int }
			Targets     []struct{ RefID, Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	if board.Title == "" || board.UID == "" || board.SchemaVersion < 36 {
		t.Errorf("the board is %q, %q, version %d", board.Title, board.UID, board.SchemaVersion)
	}
	known, ids, cells := shown(t), map[int]bool{}, map[string]string{}
	variables := map[string]string{"$__rate_interval": "5m"}
	for _, v := range board.Templating.List {
		variables["$"+v.Name] = ".*"
		if m := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(v.Definition); v.Definition != "" && (m == nil || !slices.Contains(known[m[1]], m[2])) {
			t.Errorf("variable %s asks for %s", v.Name, v.Definition)
		}
	}
	for _, p := range board.Panels {
		where := "panel " + p.Title
		if ids[p.ID] || p.Type == "" || p.Title == "" || len(p.Targets) == 0 {
			t.Errorf("%s: id %d twice, or something is missing", where, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				cell := fmt.Sprint(x, ",", y)
				if other := cells[cell]; other != "" || x >= 24 {
					t.Errorf("%s is not on the board, or over %s", where, other)
				}
				cells[cell] = where
			}
		}
		for _, target := range p.Targets {
			expr := target.Expr
			for name, value := range variables {
				expr = strings.ReplaceAll(expr, name, value)
			}
			if strings.Contains(expr, "$") {
				t.Errorf("%s: a variable is unknown in %s", where, expr)
			}
			check(t, where, expr, known)
		}
	}
	if len(board.Panels) < 10 {
		t.Errorf("%d panels", len(board.Panels))
	}
}

func TestPrometheusFindsTheRules(t *testing.T) {
	text, err := os.ReadFile(examples + "prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		RuleFiles     []string `yaml:"rule_files"`
		ScrapeConfigs []struct {
			Interval time.Duration `yaml:"scrape_interval"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	if len(config.RuleFiles) != 1 || config.RuleFiles[0] != "alerts.yml" || len(config.ScrapeConfigs) != 1 || config.ScrapeConfigs[0].Interval <= 0 {
		t.Errorf("prometheus.yml says %+v", config)
	}
}
