package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A disk is a file system of its own, in a file, whose power can be cut.
type disk struct {
	stage *Stage
	image string
	at    string // where it is mounted
	now   *mounting
}

// newDisk makes a disk, and mounts it until the trial is over.
func newDisk(s *Stage) *disk {
	s.Helper()
	d := &disk{stage: s, image: filepath.Join(s.Dir, "disk.img"), at: filepath.Join(s.Dir, "disk")}
	f, err := os.Create(d.image)
	if err == nil {
		err = f.Truncate(4 << 30) // it takes up what is written to it
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = os.Mkdir(d.at, 0o755)
	}
	if err != nil {
		s.Fatalf("make a disk: %v", err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1", d.image).CombinedOutput(); err != nil {
		s.Fatalf("mkfs.ext4: %v: %s", err, out)
	}
	d.mount()
	s.Cleanup(func() {
		if err := d.now.unmount(); err != nil {
			s.Errorf("%v", err)
		}
	})
	return d
}

func (d *disk) mount() {
	d.stage.Helper()
	m, err := mount(d.at, "-o", "loop", d.image)
	if err != nil {
		d.stage.Fatalf("%v", err)
	}
	d.now = m
}

// shutdown is FS_IOC_SHUTDOWN, and noLogFlush the way of it that leaves the journal as it is: what
// was synced stays, everything else is gone, as when the power goes.
const (
	shutdown   = 0x8004587d
	noLogFlush = 2
)

// cut cuts the power. From then on whoever uses the disk gets errors.
func (d *disk) cut() {
	d.stage.Helper()
	f, err := os.Open(d.at)
	if err != nil {
		d.stage.Fatalf("cut the power: %v", err)
	}
	defer f.Close()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noLogFlush); err != nil {
		d.stage.Fatalf("cut the power: %v", err)
	}
}

// restore mounts the disk as it is after the power has gone. Nobody may use it.
func (d *disk) restore() {
	d.stage.Helper()
	if err := d.now.unmount(); err != nil {
		d.stage.Fatalf("%v", err)
	}
	d.mount()
}

// lacksDisk says what this machine lacks to cut the power of a disk, "" if nothing.
func lacksDisk() string {
	if why := lacksRoot("mount", "umount", "mkfs.ext4"); why != "" {
		return why
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		return fmt.Sprintf("there are no loop devices (modprobe loop; in a container: --privileged): %v", err)
	}
	return ""
}
