package tidy

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A room may import only the rooms named, beside the standard library and other modules
// (deps.txt has those). Arrows go one way, so that each room can be read without those above.
type room struct {
	dir  string
	may  []string
	what string
}

// kitMay is what kits are made of: the tasks of the four kits that others hand work to, but
// never a transport.
var kitMay = []string{".", "record", "internal/page", "internal/safedial", "internal/ticket", "kit/mail", "kit/push", "kit/sms", "kit/blob", "kit/table"}

// rooms are all rooms of the house. The first that matches counts.
var rooms = []room{
	{".", []string{"store", "internal/..."}, "the public API"},

	{"store", nil, "the contract, and the plain values it speaks"},
	{"store/storetest", []string{"store", "store/memory"}, "the laws that every store keeps"},
	{"store/...", []string{"store", "internal/gate", "internal/cause"}, "one store each"},

	{"internal/engine", []string{"store", "internal/batch", "internal/cron"}, "one process at work"},
	{"internal/inside", []string{"store", "internal/engine"}, "the door from an App to what is in it"},
	{"internal/batch", nil, "many callers, one round trip"},
	{"internal/gate", []string{"store"}, "which jobs limits let through"},
	{"internal/cause", []string{"store", "internal/seal"}, "which failures are alike"},
	{"internal/move", []string{"store"}, "everything from one store into another"},
	{"internal/cron", nil, "when a schedule ticks"},
	{"internal/fields", nil, "keys made of the fields of an input, and fields that are secret"},
	{"internal/form", nil, "forms made of JSON Schemas"},
	{"internal/seal", nil, "what is encrypted, and how"},
	{"internal/reply", nil, "what HTTP servers say, to go by and to show"},
	{"internal/safedial", nil, "dials that stay out of private networks"},
	{"internal/cutwire", nil, "a proxy that breaks connections, for tests"},
	{"internal/testpg", nil, "a throw-away PostgreSQL, for tests"},
	{"internal/ticket", []string{"."}, "what links carry, signed"},
	{"internal/intx", nil, "statements in transactions of users"},
	{"internal/live", nil, "pieces of pages that stay true by themselves"},
	{"internal/page", []string{"."}, "pages of kits in the dashboard"},
	{"internal/tables", nil, "tables of kits in databases of users"},
	{"internal/testpush", []string{".", "kit/push", "offloadtest"}, "what the tests of push and of its services share"},
	{"internal/testrun", nil, "make test"},
	{"internal/sbom", nil, "make sbom"},
	{"internal/cross", nil, "make cross"},
	{"internal/tidy", nil, "these rules"},
	{"internal/madeup", []string{".", "operate", "record", "store/memory"}, "made-up jobs to look at the dashboard by"},
	{"internal/stories", []string{".", "dashboard", "internal/madeup", "store/postgres", "store/sqlite"}, "the dashboard with made-up jobs"},
	{"internal/docs", nil, "what the documents say is true"},

	{"operate", []string{".", "store", "internal/inside", "internal/cause"}, "acting on many, in somebody's name"},
	{"record", []string{".", "store", "internal/inside"}, "small documents for kits and programs"},
	{
		"offloadtest",
		[]string{".", "operate", "record", "store", "store/memory", "internal/inside", "internal/engine"},
		"what users need to test their tasks",
	},
	{"dashboard", []string{".", "operate", "record", "internal/form"}, "the web interface"},
	{"dashboard/access", []string{"dashboard"}, "who may come in to a dashboard"},
	{"telemetry", []string{".", "store", "internal/inside"}, "health, and figures for monitoring"},
	{"telemetry/...", []string{".", "store", "internal/inside", "telemetry"}, "traces and metrics"},
	// file runs converters as command runs programs: groups, limits and the log are one subject.
	{"kit/file", append([]string{"kit/command"}, kitMay...), "files made of files"},
	// httpcall shows its rates beside the hosts they are of.
	{"kit/httpcall", append([]string{"operate", "internal/reply"}, kitMay...), "requests"},
	{"kit/webhook", append([]string{"internal/reply"}, kitMay...), "signed events for subscribers"},
	{"kit/push", append([]string{"internal/reply"}, kitMay...), "notifications"},
	// alert watches what operators see, and signs as webhook does.
	{"kit/alert", append([]string{"operate", "internal/reply", "kit/webhook"}, kitMay...), "telling people of what goes wrong"},
	// audit hides what tags say is secret, as the API does.
	{"kit/audit", append([]string{"internal/fields", "internal/intx", "internal/tables"}, kitMay...), "who did what"},
	{"kit/derive", append([]string{"internal/intx", "internal/tables"}, kitMay...), "what follows from events"},
	{"kit/image", append([]string{"kit/command"}, kitMay...), "pictures made of pictures, some by a program"},
	{"kit/status", append([]string{"internal/live", "internal/tables"}, kitMay...), "columns that stay true"},
	{"kit/notify", append([]string{"internal/live"}, kitMay...), "notices for people"},
	{"kit/stats", append([]string{"internal/tables"}, kitMay...), "statistics"},
	{"kit/logship", append([]string{"internal/tables"}, kitMay...), "logs on their way"},
	{"kit/...", kitMay, "ready-made tasks"},
	{"vet", nil, "what handlers do while a user waits"},
	{"cmd/...", []string{"..."}, "the command"},
	{"examples/...", []string{"..."}, "programs that use it all"},
}

// forTests are rooms that only tests may import.
var forTests = []string{"internal/cutwire", "internal/testpg", "internal/testpush", "internal/testrun", "internal/sbom", "internal/cross", "internal/tidy", "internal/docs"}

// arrows holds what files that are no tests import against the rooms.
func arrows(h *house) (found []finding) {
	for f := range h.goFiles {
		if f.isTest() {
			continue
		}
		r := roomOf(f.dir())
		if r == nil {
			found = append(found, finding{f.path, 0, fmt.Sprintf("room %q is unknown: say what it may import, in rooms (internal/tidy/arrows.go)", f.dir())})
			continue
		}
		for _, spec := range f.ast.Imports {
			target, ours := importOf(spec.Path.Value)
			if ours && !r.mayImport(target) {
				found = append(found, finding{f.path, h.line(spec), fmt.Sprintf("%s (%s) must not import %s; it may import: %s", r.dir, r.what, target, orNothing(r.may))})
			}
		}
	}
	return found
}

func roomOf(dir string) *room {
	for i := range rooms {
		if matches(rooms[i].dir, dir) {
			return &rooms[i]
		}
	}
	return nil
}

func (r *room) mayImport(target string) bool {
	if slices.Contains(forTests, target) {
		return false
	}
	return slices.ContainsFunc(r.may, func(p string) bool { return matches(p, target) })
}

// importOf returns the room that an import names, and whether it is one of ours.
func importOf(quoted string) (dir string, ours bool) {
	name, err := strconv.Unquote(quoted)
	if err != nil {
		return "", false
	}
	if name == modulePath {
		return ".", true
	}
	dir, ours = strings.CutPrefix(name, modulePath+"/")
	return path.Clean(dir), ours
}

func orNothing(rooms []string) string {
	if len(rooms) == 0 {
		return "nothing of ours"
	}
	return strings.Join(rooms, ", ")
}
