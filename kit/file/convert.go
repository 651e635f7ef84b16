package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/command"
)

// A Tool is a program that makes a file of another.
type Tool struct {
	Name string // by which jobs ask for it

	// Argv is the program and its arguments. In them {in} is the path of the file to read, {out}
	// that of the file to write, both with the ending of their keys; {dir} is the
	// directory of {out}. Without {out}, the one file is taken that is in {dir} afterwards.
	Argv []string

	MaxMemory int64 // bytes of address space of each process, see command.Input; 0 is no limit
	MaxBytes  int64 // of what it makes; 4 GiB if 0

	// Progress returns, for one run of the program, a function that reads a line of what it
	// writes and reports how far it is, from 0 to 1, or false if the line doesn't say. If nil,
	// NewProgress does.
	Progress func() func(line string) (done float64, ok bool)
}

// Option gives the tool to a kit. A tool without a program
// discards its jobs.
func (t Tool) Option() Option { return func(w *worker) { w.tools[t.Name] = t } }

// ConvertInput says which tool makes what of what.
type ConvertInput struct {
	Tool string `json:"tool"` // the Name of one of the worker's
	From string `json:"from"`
	To   string `json:"to"`
}

// Validate refuses what no worker could do.
func (in ConvertInput) Validate() error {
	if in.Tool == "" {
		return &offload.InputError{Field: "tool", Got: in.Tool, Want: "the name of a tool"}
	}
	if err := checkKey("from", in.From); err != nil {
		return err
	}
	return checkKey("to", in.To)
}

// maxConverted is the limit of a tool that has none.
const maxConverted = 4 << 30

func (w *worker) convert(ctx context.Context, in ConvertInput) (Output, error) {
	tool, ok := w.tools[in.Tool]
	if !ok {
		return Output{}, offload.Discard(&offload.InputError{Task: Convert.Name(), Field: "tool", Got: in.Tool, Want: "a tool that this worker has"})
	}
	if tool.MaxBytes <= 0 {
		tool.MaxBytes = maxConverted
	}
	dir, err := os.MkdirTemp("", "offload-convert-*")
	if err != nil {
		return Output{}, err
	}
	defer os.RemoveAll(dir)
	// Names are ours, so that none is taken for an option of the program.
	from := filepath.Join(dir, "in"+extension(in.From))
	outDir := filepath.Join(dir, "out")
	to := filepath.Join(outDir, "out"+extension(in.To))
	if err := os.Mkdir(outDir, 0o700); err != nil {
		return Output{}, err
	}
	size, err := w.fetch(ctx, in.From, from)
	if err != nil {
		return Output{}, err
	}
	if err := tool.run(ctx, dir, strings.NewReplacer("{in}", from, "{out}", to, "{dir}", outDir)); err != nil {
		if ctx.Err() == nil && tool.filled(outDir) {
			return Output{}, tooMuch(in.From, tool) // it would be the next time too
		}
		return Output{}, err
	}
	out, err := w.take(ctx, outDir, tool, in)
	out.FromSize = size
	return out, err
}

// extension is the ending of a key, if it is one that every system can have.
func extension(key string) string {
	if end := path.Ext(key); len(end) < 20 && onWindows("x"+end) {
		return end
	}
	return ""
}

// fetch copies a file of the store to the machine, and returns how large it is.
func (w *worker) fetch(ctx context.Context, key, to string) (int64, error) {
	r, _, err := w.files.Get(ctx, key)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	f, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	size, err := io.Copy(f, r)
	return size, errors.Join(err, f.Close())
}

// run runs the program in the job.
func (t Tool) run(ctx context.Context, dir string, paths *strings.Replacer) error {
	argv := make([]string, len(t.Argv))
	for i, arg := range t.Argv {
		argv[i] = arg
		if i > 0 {
			argv[i] = paths.Replace(arg)
		}
	}
	progress := NewProgress()
	if t.Progress != nil {
		progress = t.Progress()
	}
	in := command.Input{
		Argv: argv, Dir: dir, MaxMemory: t.MaxMemory,
		// Programs as soffice keep a profile there, which two of them can't share.
		Env: map[string]string{"HOME": dir, "TMPDIR": dir},
	}
	if hasFileLimit {
		in.MaxFile = t.MaxBytes
	}
	_, err := command.Do(ctx, in, command.Lines(func(_, line string) {
		if done, ok := progress(line); ok {
			offload.Progress(ctx, int(100*min(1, max(0, done))), 100, t.Name)
		}
	}))
	return err
}

// filled reports whether a tool that failed has made a file as large as it may: the system let it write no more.
func (t Tool) filled(outDir string) bool {
	made, err := os.ReadDir(outDir)
	return err == nil && slices.ContainsFunc(made, func(entry os.DirEntry) bool {
		info, err := entry.Info()
		return err == nil && info.Mode().IsRegular() && info.Size() >= t.MaxBytes
	})
}

func tooMuch(from string, tool Tool) error {
	return broken(from, fmt.Errorf("%s made more than %d bytes, which is its limit", tool.Name, tool.MaxBytes))
}

// take puts what the program made into the store.
func (w *worker) take(ctx context.Context, outDir string, tool Tool, in ConvertInput) (Output, error) {
	root, err := os.OpenRoot(outDir) // the program may have made links that lead out
	if err != nil {
		return Output{}, err
	}
	defer root.Close()
	name := "out" + extension(in.To)
	if !strings.Contains(strings.Join(tool.Argv, " "), "{out}") {
		made, err := os.ReadDir(outDir)
		if err != nil {
			return Output{}, err
		}
		if len(made) != 1 {
			return Output{}, fmt.Errorf("file: %s made %d files; want one", tool.Name, len(made))
		}
		name = made[0].Name()
	}
	stat, err := root.Lstat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Output{}, fmt.Errorf("file: %s ended well and made no file", tool.Name)
	case err != nil:
		return Output{}, err
	case !stat.Mode().IsRegular():
		return Output{}, fmt.Errorf("file: what %s made is no file", tool.Name)
	case stat.Size() > tool.MaxBytes:
		return Output{}, tooMuch(in.From, tool)
	}
	f, err := root.Open(name)
	if err != nil {
		return Output{}, err
	}
	defer f.Close()
	return w.put(ctx, in.To, f)
}
