package docs

import (
	"regexp"
	"slices"
	"strings"
)

// A World is what the commands of a document may call.
type World struct {
	Targets map[string]bool                           // of the Makefile
	Exists  func(path string) bool                    // a file or folder of the module
	Help    func(subcommand []string) (string, error) // what offload prints with --help
}

// CheckCommands returns what is wrong with the lines of a sh or console block: a program,
// subcommand, flag, target or path that is not there.
func CheckCommands(b Block, w World) (problems []Problem) {
	for i, line := range commandLines(b) {
		for _, call := range calls(line) {
			if why := w.check(call); why != "" {
				problems = append(problems, b.problem(i, "%s", why))
			}
		}
	}
	return problems
}

// commandLines returns the lines that are commands; those that are not are "". A line that
// ends with a backslash goes on in the next.
func commandLines(b Block) []string {
	lines := strings.Split(strings.TrimSuffix(b.Text, "\n"), "\n")
	going := -1
	for i, line := range lines {
		goesOn := strings.HasSuffix(line, `\`)
		command := strings.TrimSuffix(line, `\`)
		switch rest, prompt := strings.CutPrefix(command, "$ "); {
		case going >= 0:
			lines[going] += command
			lines[i] = ""
		case b.Lang == "console" && !prompt:
			lines[i], goesOn = "", false
		default:
			lines[i], going = rest, i
		}
		if !goesOn {
			going = -1
		}
	}
	return lines
}

var assignment = regexp.MustCompile(`^\w+=`)

// calls returns the words of each program that a line calls: what stands between pipes,
// semicolons, && and ||, without assignments, redirections and comments.
func calls(line string) (all [][]string) {
	var call []string
	end := func() {
		if len(call) > 0 {
			all = append(all, call)
		}
		call = nil
	}
	for _, word := range words(line) {
		switch {
		case slices.Contains([]string{"|", "||", "&&", ";", "&"}, word):
			end()
		case word == "sudo" && len(call) == 0, word == "exec" && len(call) == 0:
		case len(call) == 0 && assignment.MatchString(word):
		case strings.HasPrefix(word, ">"), strings.HasPrefix(word, "<"), strings.HasPrefix(word, "2>"):
		default:
			call = append(call, word)
		}
	}
	end()
	return all
}

// words splits a line as a shell does, as far as documents need it: quotes keep words
// together, a # begins a comment.
func words(line string) (all []string) {
	var word strings.Builder
	var quote rune
	began := false
	end := func() {
		if began {
			all = append(all, word.String())
		}
		word.Reset()
		began = false
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, began = r, true
		case r == ' ' || r == '\t':
			end()
		case r == '#' && !began:
			return all
		case r == ';':
			end()
			all = append(all, ";")
		default:
			word.WriteRune(r)
			began = true
		}
	}
	end()
	return all
}

// known are programs of others that documents may call.
var known = []string{
	"bash", "cat", "cd", "cp", "createdb", "curl", "docker", "echo", "export", "for", "do", "done", "git", "grep", "head",
	"jq", "kill", "ls", "mkdir", "psql", "rm", "seq", "sh", "sleep", "sort", "sqlite3", "systemctl", "tail", "wc", "while", "apt-get",
}

// check returns what is wrong with a call, or "".
func (w World) check(call []string) string {
	switch program := call[0]; {
	case program == "make":
		for _, target := range call[1:] {
			if !assignment.MatchString(target) && !strings.HasPrefix(target, "-") && !w.Targets[target] {
				return "the Makefile has no target " + target
			}
		}
	case program == "offload":
		return w.checkOffload(call[1:])
	case program == "go":
		return w.checkGo(call[1:])
	case strings.HasPrefix(program, "./"), strings.Contains(program, "/"):
		return w.checkPath(program)
	case !slices.Contains(known, program):
		return "nothing knows the program " + program + "; add it to known (internal/docs/shell.go) if readers have it"
	}
	if call[0] == "bash" && len(call) > 1 {
		return w.checkPath(call[1])
	}
	return ""
}

func (w World) checkPath(path string) string {
	if strings.HasPrefix(path, "-") || w.Exists(strings.TrimPrefix(path, "./")) {
		return ""
	}
	return "there is no " + path
}

// checkGo checks what go shall run: packages of this module that are named by their path.
func (w World) checkGo(args []string) string {
	for i, arg := range args {
		path, local := strings.CutPrefix(arg, "./")
		if !local {
			continue
		}
		if path == "cmd/offload" && args[0] == "run" {
			return w.checkOffload(args[i+1:])
		}
		if dir := strings.TrimSuffix(strings.TrimSuffix(path, "..."), "/"); dir != "" && !w.Exists(dir) {
			return "there is no " + arg
		}
	}
	return ""
}

var (
	flagName   = regexp.MustCompile(`^--?[a-z][\w-]*`)
	subcommand = regexp.MustCompile(`(?m)^  ([a-z][\w-]*)\s{2,}\S`)
)

// checkOffload checks subcommands and flags against what their help says.
func (w World) checkOffload(args []string) string {
	var path []string
	help, err := w.Help(nil)
	for err == nil && len(args) > 0 && slices.Contains(subcommands(help), args[0]) {
		path, args = append(path, args[0]), args[1:]
		help, err = w.Help(path)
	}
	name := strings.Join(append([]string{"offload"}, path...), " ")
	if err != nil {
		return name + " --help: " + err.Error()
	}
	if len(subcommands(help)) > 0 && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return name + " has no subcommand " + args[0]
	}
	for _, arg := range args {
		if arg == "--" {
			break
		}
		flag := flagName.FindString(arg)
		if flag != "" && !regexp.MustCompile(`(?m)(^|[\s,])`+flag+`([\s,=]|$)`).MatchString(help) {
			return name + " has no flag " + flag
		}
	}
	return ""
}

// noCommands are the headings of a help text below which no subcommands are.
var noCommands = []string{"Usage:", "Aliases:", "Examples:", "Flags:", "Global Flags:"}

// subcommands returns the names that a help text lists, under whatever headings.
func subcommands(help string) (names []string) {
	listing := false
	for line := range strings.Lines(help) {
		if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(line, " ") {
			listing = strings.HasSuffix(text, ":") && !slices.Contains(noCommands, text)
		}
		if m := subcommand.FindStringSubmatch(line); m != nil && listing {
			names = append(names, m[1])
		}
	}
	return names
}

// Targets returns the targets of a Makefile.
func Targets(makefile string) map[string]bool {
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([\w-]+):($|[^=])`).FindAllStringSubmatch(makefile, -1) {
		targets[m[1]] = true
	}
	return targets
}
