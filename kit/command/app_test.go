//go:build unix

package command_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/command"
	"github.com/offloadhq/offload/offloadtest"
)

func TestJobsOfTheKit(t *testing.T) {
	app := offloadtest.New(command.New(), offload.LogTo(slog.New(slog.DiscardHandler)))
	defer app.Close()
	for _, test := range []struct {
		name, input string
		want        offload.State
		text        string // in the error
	}{
		{"fine", `{"argv":["true"]}`, offload.Completed, ""},
		{"a failure is retried", `{"argv":["sh","-c","echo broken >&2; exit 3"]}`, offload.Retryable, "command: exit code 3: broken"},
		{"no program is not", `{"argv":["no-such-program-here"]}`, offload.Discarded, `argv[0] is "no-such-program-here"`},
	} {
		jobs, err := app.Enqueue(t.Context(), offload.NewCall("command", json.RawMessage(test.input)))
		if err != nil {
			t.Fatal(err)
		}
		app.Drain()
		job, err := app.Job(t.Context(), jobs[0].ID)
		if err != nil || job.State != test.want || !strings.Contains(job.Error, test.text) {
			t.Errorf("%s: %+v, %v; want it %s and %q in its error", test.name, job, err, test.want, test.text)
		}
	}
}

// What no worker could run is no job: who enqueues it hears why.
func TestEnqueueRefusesWhatIsNoCommand(t *testing.T) {
	app := offloadtest.New(command.New(), offload.LogTo(slog.New(slog.DiscardHandler)))
	defer app.Close()
	for field, input := range map[string]string{
		"argv": `{"argv":[]}`, "argv[1]": `{"argv":["echo","\u0000"]}`, "env": `{"argv":["true"],"env":{"A=B":"c"}}`, "dir": `{"argv":["true"],"dir":"\u0000"}`,
		"max_output": `{"argv":["true"],"max_output":-1}`, "max_memory": `{"argv":["true"],"max_memory":-1}`, "ok_exit_codes[0]": `{"argv":["true"],"ok_exit_codes":[256]}`,
	} {
		_, err := app.Enqueue(t.Context(), offload.NewCall("command", json.RawMessage(input)))
		var refused *offload.InputError
		if !errors.As(err, &refused) || refused.Field != field {
			t.Errorf("%s: %v; want %s refused", input, err, field)
		}
	}
}

func TestEnvironmentOfAJob(t *testing.T) {
	app := offloadtest.New(command.New(), offload.LogTo(slog.New(slog.DiscardHandler)))
	defer app.Close()
	job, err := command.Run.Enqueue(t.Context(), app, command.Input{
		Argv: []string{"sh", "-c", "echo $OFFLOAD_JOB_ID $OFFLOAD_ATTEMPT"},
		Env:  map[string]string{"OFFLOAD_JOB_ID": "somebody else's"},
	})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	out, err := command.Run.Wait(t.Context(), app.App, job.ID)
	if want := job.ID.String() + " 1\n"; err != nil || out.Stdout != want {
		t.Errorf("%q, %v; want %q", out.Stdout, err, want)
	}
}

func TestTimeoutEndsTheCommand(t *testing.T) {
	app := offloadtest.New(command.New(), offload.LogTo(slog.New(slog.DiscardHandler)))
	defer app.Close()
	job, err := command.Run.Enqueue(t.Context(), app, command.Input{Argv: []string{"sleep", "1000"}}, offload.Timeout(1))
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	failures, err := app.Failures(t.Context(), job.ID)
	if err != nil || len(failures) != 1 || failures[0].Kind != "timeout" {
		t.Errorf("failures %+v, %v; want one of kind timeout", failures, err)
	}
}
