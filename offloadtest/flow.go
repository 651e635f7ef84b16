package offloadtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
)

// WantAfter fails the test, showing what it is after instead, unless the job is after these jobs
// and batches and no others, whichever option said so.
func WantAfter(t testing.TB, app *App, id offload.ID, upstream ...offload.ID) {
	t.Helper()
	ctx := context.Background()
	if _, err := app.Job(ctx, id); err != nil {
		t.Fatalf("WantAfter: %v", err)
		return
	}
	edges, err := app.backend.Edges(ctx, id)
	if err != nil {
		t.Fatalf("WantAfter: %v", err)
		return
	}
	var got []offload.ID
	for _, e := range edges {
		if !slices.Contains(got, e.Upstream) {
			got = append(got, e.Upstream)
		}
	}
	var wrong []string
	for _, id := range upstream {
		if !slices.Contains(got, id) {
			wrong = append(wrong, "it is not after "+named(app, id))
		}
	}
	for _, id := range got {
		if !slices.Contains(upstream, id) {
			wrong = append(wrong, "it is after "+named(app, id))
		}
	}
	if len(wrong) > 0 {
		t.Fatalf("%s: %s", named(app, id), strings.Join(wrong, "; "))
	}
}

// named says which job an id is of, and what its input is.
func named(app *App, id offload.ID) string {
	job, err := app.Job(context.Background(), id)
	if err != nil {
		return fmt.Sprintf("job %s, which is not stored", id)
	}
	return fmt.Sprintf("job %s of task %q, %s", id, job.Task, job.Input)
}
