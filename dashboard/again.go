package dashboard

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/offloadhq/offload"
)

// commandOf is the command that enqueues a job like this one.
func commandOf(job *offload.Job) string {
	var b strings.Builder
	fmt.Fprintf(&b, "offload enqueue %s %s", quoted(job.Task), quoted(string(compacted(job.Input))))
	fmt.Fprintf(&b, " --queue %s", quoted(job.Queue))
	if job.Priority != 5 {
		fmt.Fprintf(&b, " --priority %d", job.Priority)
	}
	return b.String()
}

// quoted is a word of a shell.
func quoted(text string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./:@=,+", c)
	}
	if text != "" && strings.IndexFunc(text, func(c rune) bool { return !plain(c) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// testOf is a test in Go that runs a job like this one.
func testOf(job *offload.Job) string {
	input := string(compacted(job.Input))
	literal := "`" + input + "`"
	if strings.ContainsAny(input, "`\r") {
		literal = strconv.Quote(input)
	}
	return fmt.Sprintf(`func TestJob(t *testing.T) {
	app := offloadtest.New(task) // the task %q
	defer app.Close()
	call := offload.NewCall(%q, json.RawMessage(%s))
	if _, err := app.Enqueue(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	job, err := app.Job(t.Context(), call.ID())
	if err != nil || job.State != offload.Completed {
		t.Fatalf("%%v, %%v", job, err)
	}
}
`, job.Task, job.Task, literal)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
