//go:build unix

package file_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/file"
)

// lock takes a lock that the system keeps until whoever has it is gone, and waits for it.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }

// watched is a tool whose progress is written down.
func watched(t *testing.T, name string, into *[]int) file.Option {
	started := filepath.Join(t.TempDir(), "read")
	t.Setenv("CONVERTER_READ", started)
	program := tool(name)
	program.Progress = func() func(string) (float64, bool) {
		read := file.NewProgress()
		return func(line string) (float64, bool) {
			done, ok := read(line)
			if strings.Contains(line, "Duration:") {
				if err := os.WriteFile(started, nil, 0o600); err != nil {
					t.Error(err)
				}
			}
			if ok {
				*into = append(*into, int(100*done+0.5))
			}
			return done, ok
		}
	}
	return program.Option()
}

func TestProgressOfPrograms(t *testing.T) {
	for name, want := range map[string][]int{"ffmpeg": {20, 40, 60, 80, 100}, "percent": {0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100}} {
		var got []int
		p := newPlace(t, watched(t, name, &got))
		p.put(t, "a.raw", []byte("text"))
		out, job := do(t, p, file.Convert, file.ConvertInput{Tool: name, From: "a.raw", To: "a.up"})
		if job.State != offload.Completed || p.get(t, "a.up") != "TEXT" || out.FromSize != 4 || !slices.Equal(got, want) {
			t.Errorf("%s: %s %s, %+v, progress %v; want %v", name, job.State, job.Error, out, got, want)
		}
		if job.Progress == nil || job.Progress.Done != 100 || job.Progress.Note != name {
			t.Errorf("%s: the job says %+v; want 100 %%", name, job.Progress)
		}
	}
}

// What a program does wrong is its job's error, and leaves nothing: no file in the store, none on the machine, no process.
func TestProgramsThatMisbehave(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	held := filepath.Join(t.TempDir(), "lock")
	t.Setenv("CONVERTER_LOCK", held)
	var opts []file.Option
	for _, name := range []string{"fails", "silent", "hangs", "forks", "floods", "large", "names"} {
		opts = append(opts, tool(name).Option())
	}
	p := newPlace(t, opts...)
	p.put(t, "; rm -rf $HOME.txt", []byte(strings.Repeat("text ", 1000)))
	for _, test := range []struct {
		tool  string
		state offload.State
		want  string // in the error
	}{
		{"names", offload.Completed, ""},
		{"floods", offload.Completed, ""},
		{"forks", offload.Completed, ""},
		{"fails", offload.Retryable, "exit code 3: "},
		{"silent", offload.Retryable, "made no file"},
		{"large", offload.Discarded, "made more than 1000000 bytes"},
		{"hangs", offload.Retryable, "offload: timeout"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		job, err := file.Convert.Enqueue(t.Context(), p.app, file.ConvertInput{Tool: test.tool, From: "; rm -rf $HOME.txt", To: "b.up"}, offload.Timeout(limitOf(test.tool)))
		if err != nil {
			t.Fatal(err)
		}
		p.app.Drain()
		if job, err = p.app.Job(t.Context(), job.ID); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if job.State != test.state || !strings.Contains(job.Error, test.want) {
			t.Errorf("%s: %s %q; want %s and %q", test.tool, job.State, job.Error, test.state, test.want)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("%s took %d bytes of the worker's memory", test.tool, took)
		}
		if made := len(p.keys(t, "b")); made != map[bool]int{true: 1, false: 0}[test.state == offload.Completed] {
			t.Errorf("%s left %d files in the store", test.tool, made)
		}
		if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
			t.Errorf("%s left %v on the machine, %v", test.tool, left, err)
		}
		if test.tool == "forks" {
			f, err := os.Open(held)
			if err != nil {
				t.Fatal(err)
			}
			gone := make(chan error, 1)
			go func() { gone <- lock(f) }()
			select {
			case err := <-gone:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(time.Minute):
				t.Fatal("what it started goes on")
			}
			f.Close()
		}
		if err := p.files.Delete(t.Context(), "b.up"); err != nil {
			t.Fatal(err)
		}
	}
}

// limitOf is how long a program may take.
func limitOf(tool string) time.Duration {
	if tool == "hangs" {
		return 300 * time.Millisecond
	}
	return time.Minute
}

// gzip is on every Debian, and knows a file of its own that is cut.
func TestConvertWithGzip(t *testing.T) {
	if _, err := exec.LookPath("gzip"); err != nil {
		t.Fatal("gzip is essential in Debian: ", err)
	}
	p := newPlace(t,
		file.Tool{Name: "pack", Argv: []string{"gzip", "-9", "-k", "-S", ".z", "{in}"}}.Option(), // writes beside its input
		file.Tool{Name: "copy", Argv: []string{"sh", "-c", `gzip -c < "$1" > "$2"`, "gzip", "{in}", "{out}"}}.Option(),
		file.Tool{Name: "unpack", Argv: []string{"sh", "-c", `gzip -dc < "$1" > "$2"`, "gzip", "{in}", "{out}"}, MaxBytes: 200_000}.Option(),
	)
	text := strings.Repeat("a line of text\n", 10_000)
	p.put(t, "a.txt", []byte(text))
	p.put(t, "zeros", make([]byte, 10_000_000))
	convert := func(tool, from, to string) *offload.Job {
		_, job := do(t, p, file.Convert, file.ConvertInput{Tool: tool, From: from, To: to})
		return job
	}
	if job := convert("copy", "a.txt", "a.gz"); job.State != offload.Completed {
		t.Fatalf("%s %s", job.State, job.Error)
	}
	if job := convert("unpack", "a.gz", "b.txt"); job.State != offload.Completed || p.get(t, "b.txt") != text {
		t.Errorf("%s %s; want the text back", job.State, job.Error)
	}
	if job := convert("pack", "a.txt", "c.gz"); job.State != offload.Retryable || !strings.Contains(job.Error, "0 files") {
		t.Errorf("%s %s; want it said that there is no file where it belongs", job.State, job.Error)
	}
	packed := p.get(t, "a.gz")
	p.put(t, "cut.gz", []byte(packed[:len(packed)/2]))
	if job := convert("unpack", "cut.gz", "d.txt"); job.State != offload.Retryable || !strings.Contains(job.Error, "unexpected end of file") || len(p.keys(t, "d")) != 0 {
		t.Errorf("%s %s; want what gzip says", job.State, job.Error)
	}
	if job := convert("copy", "zeros", "bomb.gz"); job.State != offload.Completed {
		t.Fatalf("%s %s", job.State, job.Error)
	}
	if job := convert("unpack", "bomb.gz", "e.txt"); job.State != offload.Discarded || !strings.Contains(job.Error, "made more than 200000 bytes") || len(p.keys(t, "e")) != 0 {
		t.Errorf("%s %s; want its limit named", job.State, job.Error)
	}
	if left := fmt.Sprint(p.keys(t, "")); strings.Contains(left, ".z ") {
		t.Errorf("left behind: %s", left)
	}
}
