package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// lacksRoot says what this machine lacks for a trial that mounts disks, "" if nothing.
func lacksRoot(programs ...string) string {
	if os.Geteuid() != 0 {
		return "it mounts disks: run it as root"
	}
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Sprintf("there is no %s; apt-get install mount e2fsprogs", name)
		}
	}
	return ""
}

// unmounting waits for the end of its input, which comes when the controller unmounts or has
// ended in whatever way, and then unmounts. Who still uses the disk has a moment to end.
const unmounting = `cat >/dev/null
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
	umount "$1" 2>/dev/null && exit 0
	sleep 0.2
done
umount "$1"`

// A mounting is a disk that is mounted.
type mounting struct {
	guard *exec.Cmd
	stdin io.Closer
	said  *strings.Builder
}

// mount mounts a disk until the trial is over, or the answer's unmount is called.
func (s *Stage) mount(at string, args ...string) *mounting {
	s.Helper()
	m, err := mount(at, args...)
	if err != nil {
		s.Fatalf("%v", err)
	}
	s.Cleanup(func() {
		if err := m.unmount(); err != nil {
			s.Errorf("%v", err)
		}
	})
	return m
}

func mount(at string, args ...string) (*mounting, error) {
	if out, err := exec.Command("mount", append(args, at)...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mount %q: %w: %s", args, err, out)
	}
	m := &mounting{guard: exec.Command("/bin/sh", "-c", unmounting, "unmounting", at), said: &strings.Builder{}}
	m.guard.Stderr = m.said
	m.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the controller
	var err error
	if m.stdin, err = m.guard.StdinPipe(); err == nil {
		err = m.guard.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("guard what was mounted: %w, and: %w", err, exec.Command("umount", at).Run())
	}
	return m, nil
}

// unmount unmounts. Twice is fine.
func (m *mounting) unmount() error {
	if m.guard == nil {
		return nil
	}
	guard := m.guard
	m.guard = nil
	if err := m.stdin.Close(); err != nil {
		return fmt.Errorf("unmount: %w", err)
	}
	if err := guard.Wait(); err != nil {
		return fmt.Errorf("unmount: %w: %s", err, m.said)
	}
	return nil
}
