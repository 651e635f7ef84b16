package command

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/offloadhq/offload"
)

// Bounds of Input.MaxOutput.
const (
	defaultOutput = 64 << 10
	mostOutput    = 1 << 20
	mostLimit     = 1 << 50 // of memory and files; shells count it in 64 bits
)

// errNUL stands for a refused text, which may be a secret.
var errNUL = errors.New("a text with a NUL byte")

func refuse(field string, got any, want string) error {
	return &offload.InputError{Task: Run.Name(), Field: field, Got: got, Want: want}
}

// Validate returns the first value that no worker could use, as an *offload.InputError.
func (in Input) Validate() error {
	if len(in.Argv) == 0 {
		return refuse("argv", in.Argv, "a program and its arguments")
	}
	for i, arg := range in.Argv {
		if strings.ContainsRune(arg, 0) {
			return refuse(fmt.Sprintf("argv[%d]", i), errNUL, "text without NUL")
		}
	}
	if err := checkEnv(in.Env); err != nil {
		return err
	}
	if strings.ContainsRune(in.Dir, 0) {
		return refuse("dir", errNUL, "a directory of the worker")
	}
	if in.MaxOutput < 0 || in.MaxOutput > mostOutput {
		return refuse("max_output", in.MaxOutput, fmt.Sprintf("0 (%d) to %d", defaultOutput, mostOutput))
	}
	for _, limit := range []struct {
		field string
		bytes int64
	}{{"max_memory", in.MaxMemory}, {"max_file", in.MaxFile}} {
		if limit.bytes < 0 || limit.bytes > mostLimit {
			return refuse(limit.field, limit.bytes, fmt.Sprintf("0 (no limit) to %d", int64(mostLimit)))
		}
	}
	for i, code := range in.OKExitCodes {
		if code < 0 || code > 255 {
			return refuse(fmt.Sprintf("ok_exit_codes[%d]", i), code, "0 to 255")
		}
	}
	return nil
}

// check refuses what this worker can't do either.
func (in *Input) check() error {
	if err := in.Validate(); err != nil {
		return err
	}
	if runtime.GOOS == "windows" && in.MaxMemory > 0 {
		return refuse("max_memory", in.MaxMemory, "0: Windows has no such limit")
	}
	if runtime.GOOS == "windows" && in.MaxFile > 0 {
		return refuse("max_file", in.MaxFile, "0: Windows has no such limit")
	}
	return nil
}

func checkEnv(env map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		switch {
		case name == "" || strings.ContainsAny(name, "=\x00"):
			return refuse("env", name, "names of variables without = and NUL")
		case strings.ContainsRune(env[name], 0):
			return refuse("env."+name, errNUL, "text without NUL")
		}
	}
	return nil
}

// checkDir returns an *offload.InputError if this worker has no such directory.
func checkDir(dir string) error {
	if dir == "" {
		return nil
	}
	switch info, err := os.Stat(dir); {
	case err != nil:
		return refuse("dir", dir, "a directory of the worker ("+reason(err)+")")
	case !info.IsDir():
		return refuse("dir", dir, "a directory of the worker (it is a file)")
	}
	return nil
}

// find returns the path of the program that a command names, as a shell would find it in
// this directory and environment; but never by a relative entry of PATH, since then who may
// write files could choose the program.
func find(name, dir string, env []string) (string, error) {
	candidates := []string{filepath.Join(dir, name)}
	switch {
	case name == "":
		return "", refuse("argv[0]", name, "the name or path of a program")
	case filepath.IsAbs(name):
		candidates = []string{name}
	case filepath.Base(name) == name: // no separator
		candidates = nil
		for _, entry := range filepath.SplitList(pathIn(env)) {
			if filepath.IsAbs(entry) {
				candidates = append(candidates, filepath.Join(entry, name))
			}
		}
	}
	why := "it is not in PATH"
	for _, candidate := range candidates {
		path, err := exec.LookPath(absolute(candidate))
		if err == nil {
			return path, nil
		}
		if len(candidates) == 1 || !errors.Is(err, os.ErrNotExist) && !errors.Is(err, exec.ErrNotFound) {
			why = reason(err)
		}
	}
	return "", refuse("argv[0]", name, "a program that this worker has and may run ("+why+")")
}

// absolute makes a path hold whatever directory the command is started in.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// pathIn returns the PATH of an environment, or the worker's if it has none.
func pathIn(env []string) string {
	for _, entry := range slices.Backward(env) { // the last one counts
		name, value, _ := strings.Cut(entry, "=")
		if name == "PATH" || runtime.GOOS == "windows" && strings.EqualFold(name, "PATH") {
			return value
		}
	}
	return os.Getenv("PATH")
}

// reason is what the system said, without the path, which the error names already.
func reason(err error) string {
	var inExec *exec.Error
	if errors.As(err, &inExec) {
		err = inExec.Err
	}
	var inPath *os.PathError
	if errors.As(err, &inPath) {
		err = inPath.Err
	}
	return err.Error()
}
