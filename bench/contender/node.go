package contender

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A Node is a Node.js with graphile-worker beside it.
type Node struct {
	Program string // node
	Dir     string // with worker.mjs and node_modules
	Version string // of Node.js
}

//go:embed graphile/worker.mjs graphile/package.json graphile/package-lock.json
var graphileFiles embed.FS

// graphile-worker asks for this Node.js. Where the installed one is older, one comes from npm.
const (
	nodeMajor, nodeMinor = 22, 18
	nodeFromNPM          = "22.23.3"
)

// InstallNode installs graphile-worker into an empty folder, by npm.
func InstallNode(ctx context.Context, dir string) (Node, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return Node{}, fmt.Errorf("there is no npm on the path; want Node.js with npm (apt-get install npm)")
	}
	for _, name := range []string{"worker.mjs", "package.json", "package-lock.json"} {
		content, err := graphileFiles.ReadFile("graphile/" + name)
		if err != nil {
			return Node{}, err
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return Node{}, err
		}
	}
	if _, err := output(ctx, dir, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
		return Node{}, fmt.Errorf("install graphile-worker: %w", err)
	}
	node := Node{Program: "node", Dir: dir}
	if node.Version, err = output(ctx, dir, node.Program, "--version"); err == nil && newEnough(node.Version) {
		return node, nil
	}
	return fetchNode(ctx, npm, node)
}

// fetchNode takes a Node.js from npm, whose package for a system holds the program alone.
func fetchNode(ctx context.Context, npm string, node Node) (Node, error) {
	arch, ok := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	if runtime.GOOS != "linux" || !ok {
		return Node{}, fmt.Errorf("node is %q; want Node.js %d.%d or newer", node.Version, nodeMajor, nodeMinor)
	}
	name := "node-linux-" + arch
	if _, err := output(ctx, node.Dir, npm, "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", name+"@"+nodeFromNPM); err != nil {
		return Node{}, fmt.Errorf("node is %q; want Node.js %d.%d or newer, and it did not come from npm either: %w", node.Version, nodeMajor, nodeMinor, err)
	}
	node.Program = filepath.Join(node.Dir, "node_modules", name, "bin", "node")
	var err error
	node.Version, err = output(ctx, node.Dir, node.Program, "--version")
	return node, err
}

// newEnough reads a version as node prints it: "v22.18.0".
func newEnough(version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "v%d.%d.", &major, &minor); err != nil {
		return false
	}
	return major > nodeMajor || major == nodeMajor && minor >= nodeMinor
}

// graphileVersion is that of the package that is installed.
func graphileVersion() string {
	content, err := graphileFiles.ReadFile("graphile/package.json")
	if err != nil {
		return "unknown"
	}
	var p struct{ Dependencies map[string]string }
	if err := json.Unmarshal(content, &p); err != nil {
		return "unknown"
	}
	return "v" + p.Dependencies["graphile-worker"]
}

// output runs a program to its end and returns what it printed.
func output(ctx context.Context, dir, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(program), args[0], err, strings.TrimSpace(string(out)))
	}
	return strings.TrimSpace(string(out)), nil
}
