//go:build unix

package file_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/file"
)

func script(name, text string) file.Option {
	return file.Tool{Name: name, Argv: []string{"sh", "-c", text, "tool", "{in}", "{out}", "{dir}"}, MaxBytes: 100_000}.Option()
}

func TestConvert(t *testing.T) {
	p := newPlace(
		t,
		script("upper", `case "$1 $2" in */in.txt\ */out.up) echo "half: 50 %"; tr a-z A-Z < "$1" > "$2";; *) exit 9;; esac`),
		file.Tool{Name: "dir", Argv: []string{"sh", "-c", `cp "$1" "$2/any.name"`, "tool", "{in}", "{dir}"}}.Option(),
		script("fails", `echo half > "$2"; echo "cannot read it" >&2; exit 3`),
		script("none", `true`), script("link", `ln -s /etc/passwd "$2"`), script("large", `head -c 1000000 /dev/zero > "$2"`),
		file.Tool{Name: "missing", Argv: []string{"no-such-program-here"}}.Option(),
	)
	p.put(t, "a.txt", []byte("text"))
	for _, test := range []struct {
		tool  string
		state offload.State
		want  string // content, or in the error
	}{
		{"upper", offload.Completed, "TEXT"},
		{"upper", offload.Completed, "TEXT"}, // twice is once
		{"dir", offload.Completed, "text"},
		{"fails", offload.Retryable, "exit code 3: cannot read it"},
		{"none", offload.Retryable, "made no file"},
		{"link", offload.Retryable, "is no file"},
		{"large", offload.Discarded, "more than 100000 bytes"},
		{"missing", offload.Discarded, "no-such-program-here"},
		{"unknown", offload.Discarded, "a tool that this worker has"},
	} {
		if err := p.files.Delete(t.Context(), "b.up"); err != nil {
			t.Fatal(err)
		}
		_, job := do(t, p, file.Convert, file.ConvertInput{Tool: test.tool, From: "a.txt", To: "b.up"})
		got := job.Error
		if test.state == offload.Completed && job.State == offload.Completed {
			got = p.get(t, "b.up")
		} else if len(p.keys(t, "b")) > 0 {
			t.Errorf("%s left a file", test.tool)
		}
		if job.State != test.state || !strings.Contains(got, test.want) {
			t.Errorf("%s: %s %q; want %s and %q", test.tool, job.State, got, test.state, test.want)
		}
	}
}

func TestConvertWithFFmpeg(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Log("ffmpeg is not installed: not tried")
		return
	}
	p := newPlace(t, file.Tool{Name: "wav", Argv: []string{
		"ffmpeg", "-nostdin", "-progress", "pipe:1", "-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "{in}", "{out}",
	}}.Option())
	p.put(t, "a.raw", make([]byte, 16_000))
	if _, job := do(t, p, file.Convert, file.ConvertInput{Tool: "wav", From: "a.raw", To: "a.wav"}); job.State != offload.Completed || !strings.HasPrefix(p.get(t, "a.wav"), "RIFF") {
		t.Errorf("%s %s; want a wave file", job.State, job.Error)
	}
}

func TestProgress(t *testing.T) {
	for _, test := range []struct {
		lines string
		want  float64
		ok    bool
	}{
		{"40%", 0.4, true},
		{"frame 3 of 9, 40.5 % done", 0.405, true},
		{"10% 20%", 0.2, true},
		{"400%", 4, false},
		{"nothing", 0, false},
		{"out_time_us=500000", 0, false}, // of what?
		{"  Duration: 00:00:02.00, start: 0.0\nout_time_us=N/A", 0, false},
		{"  Duration: 00:00:02.00, start: 0.0\nout_time_us=500000", 0.25, true},
		{"  Duration: 00:00:02.00, start: 0.0\nout_time_us=9000000", 1, true},
	} {
		read := file.NewProgress()
		var got float64
		var ok bool
		for line := range strings.SplitSeq(test.lines, "\n") {
			got, ok = read(line)
		}
		if got != test.want || ok != test.ok {
			t.Errorf("%q: %v, %t; want %v, %t", test.lines, got, ok, test.want, test.ok)
		}
	}
}
