package docs

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v3"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
)

func deployFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSystemdUnit has systemd read the unit, with a program that is there in place of ours.
func TestSystemdUnit(t *testing.T) {
	text := deployFile(t, "offload.service")
	for _, want := range []string{"\nExecStart=/usr/local/bin/offload work", "\nTimeoutStopSec=35s", "\nRestart=always", "\nKillMode=mixed"} {
		if !strings.Contains(text, want) {
			t.Errorf("the unit has no line %s", strings.TrimSpace(want))
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("SKIPPED GROUP systemd: install with apt-get install systemd")
	}
	unit := filepath.Join(t.TempDir(), "offload.service")
	text = strings.Replace(text, "/usr/local/bin/offload", "/bin/true", 1)
	if err := os.WriteFile(unit, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unit).CombinedOutput()
	for line := range strings.Lines(string(out)) { // it speaks of other units of the machine too
		if strings.Contains(line, "offload.service") {
			t.Errorf("systemd-analyze: %s", line)
		}
	}
	if err != nil && !strings.Contains(string(out), "Failed to") && len(out) == 0 {
		t.Errorf("systemd-analyze: %v", err)
	}
}

// TestDockerfile looks at what the image must be, whoever builds it.
func TestDockerfile(t *testing.T) {
	text := deployFile(t, "Dockerfile")
	stages := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(text, -1)
	if len(stages) != 2 || stages[1][1] != "scratch" {
		t.Errorf("stages are %v, want a build and one from scratch", stages)
	}
	for _, want := range []string{`(?m)^RUN CGO_ENABLED=0 go build .* \./cmd/offload$`, `(?m)^USER 65532:65532$`, `(?m)^ENTRYPOINT \["/offload"\]$`, `(?m)^STOPSIGNAL SIGTERM$`, `ca-certificates`} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("there is no %s", want)
		}
	}
	// That go can build it so is looked at by make cross; here, that each instruction is one.
	known := regexp.MustCompile(`^(FROM|WORKDIR|COPY|RUN|USER|VOLUME|ENV|STOPSIGNAL|ENTRYPOINT|CMD) \S`)
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") && !known.MatchString(line) {
			t.Errorf("%q is no instruction", line)
		}
	}
}

// A manifest is what the test looks at of an object.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Spec       struct {
		Replicas       int
		MaxUnavailable int `yaml:"maxUnavailable"`
		Selector       struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				Grace      int `yaml:"terminationGracePeriodSeconds"`
				Containers []struct {
					Args           []string
					Env            []struct{ Name string }
					ReadinessProbe struct {
						Exec struct{ Command []string }
					} `yaml:"readinessProbe"`
				}
			}
		}
	}
}

func TestKubernetes(t *testing.T) {
	kinds := map[string]manifest{}
	text := deployFile(t, "kubernetes.yaml")
	for dec := yaml.NewDecoder(strings.NewReader(text)); ; {
		var m manifest
		err := dec.Decode(&m)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kinds[m.APIVersion+" "+m.Kind] = m
	}
	worker, budget, migrate := kinds["apps/v1 Deployment"], kinds["policy/v1 PodDisruptionBudget"], kinds["batch/v1 Job"]
	pod := worker.Spec.Template.Spec
	if len(kinds) != 3 || worker.Spec.Replicas < 2 || budget.Spec.MaxUnavailable != 1 || len(pod.Containers) != 1 || len(migrate.Spec.Template.Spec.Containers) != 1 {
		t.Fatalf("objects are %+v", kinds)
	}
	app := worker.Spec.Template.Metadata.Labels["app"]
	if app == "" || worker.Spec.Selector.MatchLabels["app"] != app || budget.Spec.Selector.MatchLabels["app"] != app {
		t.Error("deployment, pods and budget are not of one label")
	}
	if pod.Grace < 25+2 {
		t.Errorf("a pod has %d s to end, which is less than the grace period and two seconds", pod.Grace)
	}
	w := World{Help: helpOf(buildOffload(t))}
	for _, args := range [][]string{pod.Containers[0].Args, pod.Containers[0].ReadinessProbe.Exec.Command[1:], migrate.Spec.Template.Spec.Containers[0].Args} {
		if why := w.checkOffload(args); why != "" {
			t.Error(why)
		}
	}
}

// TestRoles makes the roles on a real server, and does with each what it is for, and one thing more.
func TestRoles(t *testing.T) {
	server := testpg.Start(t)
	address := server.Database(t)
	as := func(role string) string { return testpg.WithUser(t, address, role, "") }
	script(t, address, deployFile(t, "roles.sql"))
	migrate(t, as("offload_owner"))
	script(t, as("offload_owner"), deployFile(t, "grants.sql"))

	done := make(chan string, 2)
	greet := offload.NewTask("greet", func(_ context.Context, name string) error {
		done <- name
		return nil
	})
	app, err := offload.Open(t.Context(), as("offload_worker"), offload.NoMigrate(), greet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	if _, err := greet.Enqueue(t.Context(), app, "Ada"); err != nil {
		t.Error(err)
	}
	script(t, as("offload_enqueuer"), `INSERT INTO offload.inbox (task, input) VALUES ('greet', '"Grace"')`)
	for range 2 {
		<-done
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	script(t, as("offload_reader"), "SELECT state, count(*) FROM offload.jobs GROUP BY state")
	for role, statement := range map[string]string{
		"offload_worker":   "UPDATE offload.migration SET needs = 99",
		"offload_enqueuer": "SELECT * FROM offload.job",
		"offload_reader":   "DELETE FROM offload.job",
	} {
		if err := try(t, as(role), statement); err == nil {
			t.Errorf("%s may %s", role, statement)
		}
	}
}

func script(t *testing.T, address, text string) {
	t.Helper()
	if err := try(t, address, text); err != nil {
		t.Fatal(err)
	}
}

func try(t *testing.T, address, text string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		return err
	}
	defer conn.Close(t.Context())
	_, err = conn.PgConn().Exec(t.Context(), text).ReadAll()
	return err
}
