package docs

import "strings"

// A step is a command of a console block, and what it prints.
type step struct{ command, output string }

// steps returns the steps of a console block.
func steps(b Block) (all []step) {
	commands := commandLines(b)
	goesOn := false // the command of the line before
	for i, line := range strings.Split(strings.TrimSuffix(b.Text, "\n"), "\n") {
		switch {
		case commands[i] != "":
			all = append(all, step{command: commands[i]})
			goesOn = true
		case len(all) > 0 && !goesOn:
			all[len(all)-1].output += line + "\n"
		}
		goesOn = goesOn && strings.HasSuffix(line, `\`)
	}
	return all
}
