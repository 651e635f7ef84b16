package dashboard

import (
	"maps"
	"slices"

	"github.com/offloadhq/offload/internal/form"
	"github.com/offloadhq/offload/operate"
)

// mostWords is how many words a search offers: a list that is longer is not read.
const mostWords = 200

// searchWords are beginnings of words that a search of jobs understands: its own, and for those who may ask for it what
// the inputs of the chosen tasks, or of all if none is, can have. Secrets are not searched.
func searchWords(tasks []operate.Task, chosen []string, inputs bool) []string {
	own := []string{"key:", "limit:", "queue:", "schedule:", "tag:", "task:"}
	if !inputs {
		return own
	}
	paths := map[string]bool{}
	for i := range tasks {
		if len(chosen) > 0 && !slices.Contains(chosen, tasks[i].Name) {
			continue
		}
		if made := form.New(tasks[i].Schema, nil); made != nil {
			addPaths(paths, made.Fields())
		}
	}
	words := append(slices.Sorted(maps.Keys(paths)), own...)
	return words[:min(len(words), mostWords)]
}

// addPaths adds the paths of fields that have a value of their own.
func addPaths(to map[string]bool, fields []*form.Field) {
	for _, f := range fields {
		switch f.Kind {
		case form.Group:
			addPaths(to, f.Fields)
		case form.Secret:
		default:
			to[f.Path+":"] = true
		}
	}
}
