package file_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/offloadhq/offload/kit/file"
)

// asConverter makes the binary of these tests a program that converts, in one of the ways in which such behave.
const asConverter = "-as-converter"

// tool is this binary as a program that converts.
func tool(name string) file.Tool {
	return file.Tool{Name: name, Argv: []string{os.Args[0], asConverter, name, "{in}", "{out}"}, MaxBytes: 1_000_000}
}

// converter is what the binary does then. It returns the exit code.
func converter(how string, paths []string) int {
	if len(paths) < 2 {
		return 64
	}
	in, out := paths[0], paths[1]
	text, err := os.ReadFile(in)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 66
	}
	write := func() int {
		if err := os.WriteFile(out, bytes.ToUpper(text), 0o600); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 73
		}
		return 0
	}
	switch how {
	case "ffmpeg": // what version 5 writes, to both streams
		fmt.Fprint(os.Stderr, "Input #0, s16le, from 'in.raw':\n  Duration: 00:00:10.00, bitrate: 128 kb/s\n")
		for { // the times go through another stream, and mean nothing before the duration is read
			if _, err := os.Stat(os.Getenv("CONVERTER_READ")); err == nil {
				break
			}
			<-time.After(5 * time.Millisecond)
		}
		for i := range 5 {
			fmt.Fprintf(os.Stderr, "frame=%5d fps= 25 q=-1.0 size=%8dkB time=00:00:0%d.00 bitrate= 128.0kbits/s speed=  20x    \r", i*25, i*16, i)
			us := fmt.Sprintf("%d", i*2_000_000)
			if i == 0 {
				us = "N/A"
			}
			fmt.Fprintf(os.Stdout, "frame=%d\nout_time_us=%s\nout_time=00:00:0%d.000000\nspeed=20x\nprogress=continue\n", i*25, us, i*2)
		}
		fmt.Fprint(os.Stdout, "out_time_us=10000000\nprogress=end\n")
		return write()
	case "percent": // on one line, as for a terminal
		for i := range 11 {
			fmt.Printf("\rconverting… %3d %%", 10*i)
		}
		fmt.Println()
		return write()
	case "fails":
		if err := os.WriteFile(out, text[:len(text)/2], 0o600); err != nil {
			return 73
		}
		fmt.Fprintf(os.Stderr, "\x1b[31mError\x1b[0m: cannot read \xff\xfe it\n")
		return 3
	case "silent":
		return 0
	case "hangs":
		fmt.Println("12 %")
		<-time.After(time.Hour) // or until it is told to end
	case "forks": // and its child goes on, holding a lock, with its outputs closed
		child := exec.Command(os.Args[0], asConverter, "child", in, out) //nolint:noctx // it shall outlive this
		child.Env = os.Environ()
		ready, err := child.StdoutPipe()
		if err != nil {
			return 70
		}
		if err := child.Start(); err != nil {
			return 71
		}
		_, _ = ready.Read(make([]byte, 1))
		return write()
	case "child":
		held, err := os.Create(os.Getenv("CONVERTER_LOCK"))
		if err != nil || lock(held) != nil {
			return 75
		}
		fmt.Print("!")
		_ = os.Stdout.Close()
		<-time.After(time.Hour)
	case "floods": // both streams, without an end of line
		piece := []byte(strings.Repeat("x", 64<<10))
		for range 500 {
			_, _ = os.Stdout.Write(piece)
			_, _ = os.Stderr.Write(piece)
		}
		return write()
	case "large":
		f, err := os.Create(out)
		for err == nil {
			_, err = f.Write(text)
		}
		fmt.Fprintln(os.Stderr, err)
		return 74
	case "names": // nothing of the job's keys is in what it is given
		if filepath.Base(in) != "in.txt" || filepath.Base(out) != "out.up" {
			return 65
		}
		return write()
	}
	return 64
}
