package tidy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// A listed is a package as go list prints it.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Module     *struct {
		Path string
		Main bool
	}
}

// list asks go for every package of the module at root and all that they link, as they are
// built for one system, so that the answer is the same on all.
func list(root string) (map[string]listed, error) {
	cmd := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Standard,Imports,Module", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	packages, readErr := readList(out)
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	return packages, readErr
}

func readList(r io.Reader) (map[string]listed, error) {
	packages := map[string]listed{}
	for d := json.NewDecoder(r); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages, nil
		}
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages[p.ImportPath] = p
	}
}

// deps returns a line for each room and each module of others that its code links, sorted:
// the golden file deps.txt. A new line is a decision: users of the room will carry it.
func deps(packages map[string]listed) []string {
	var lines []string
	for name, p := range packages {
		if p.Module == nil || !p.Module.Main {
			continue
		}
		room := strings.TrimPrefix(strings.TrimPrefix(name, p.Module.Path), "/")
		if room == "" {
			room = "."
		}
		modules := map[string]bool{}
		collect(packages, name, map[string]bool{}, modules)
		if len(modules) == 0 {
			lines = append(lines, room+": nothing")
		}
		for m := range maps.Keys(modules) {
			lines = append(lines, room+": "+m)
		}
	}
	slices.Sort(lines)
	return lines
}

// collect adds the modules of others that a package links to modules.
func collect(packages map[string]listed, name string, seen, modules map[string]bool) {
	if seen[name] {
		return
	}
	seen[name] = true
	p := packages[name]
	if p.Standard {
		return
	}
	if p.Module != nil && !p.Module.Main {
		modules[p.Module.Path] = true
	}
	for _, next := range p.Imports {
		collect(packages, next, seen, modules)
	}
}
