package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// terminal returns both ends of a terminal of 100 × 30.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 30, Col: 100}); err != nil {
		t.Fatal(err)
	}
	return person, program
}

func TestTopLeavesTheTerminalAsItWas(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for _, key := range []string{"q", "\x03"} {
		person, program := terminal(t)
		before, err := term.GetState(int(program.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		address := filepath.Join(t.TempDir(), "offload.db")
		call := func(s *session, args ...string) int {
			root := newRoot(s)
			root.SetArgs(append(args, "--db", address))
			return s.finish(root.ExecuteContext(t.Context()))
		}
		if code := call(newSession(program, os.Stderr, os.Stderr), "migrate"); code != 0 {
			t.Fatalf("migrate: exit code %d", code)
		}
		shown := make(chan []byte)
		go func() { shown <- typeInto(person, "x"+key) }() // another key does nothing
		if code := call(newSession(program, program, program), "top", "--every", "200ms"); code != 0 {
			t.Errorf("top: exit code %d", code)
		}
		after, err := term.GetState(int(program.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%+v", before) != fmt.Sprintf("%+v", after) {
			t.Errorf("the terminal is %+v, was %+v", after, before)
		}
		all := <-shown
		if _, err := io.WriteString(person, "x"); err != nil { // for what still reads
			t.Fatal(err)
		}
		program.Close()
		enter, leave := bytes.Index(all, []byte("\x1b[?1049h")), bytes.Index(all, []byte("\x1b[?25h\x1b[?1049l"))
		picture := bytes.Index(all, []byte("no job is running"))
		if enter < 0 || picture < enter || leave < picture {
			t.Errorf("shown: %q", all)
		}
	}
}

// typeInto types keys once there is a picture, and returns all that was shown until the program
// has left the screen.
func typeInto(person *os.File, keys string) (shown []byte) {
	some := make([]byte, 4096)
	for typed := false; !bytes.Contains(shown, []byte("\x1b[?1049l")); {
		n, err := person.Read(some)
		shown = append(shown, some[:n]...)
		if err != nil {
			return shown
		}
		if !typed && bytes.Contains(shown, []byte("no job is running")) {
			typed = true
			if _, err := io.WriteString(person, keys); err != nil {
				return shown
			}
		}
	}
	return shown
}
