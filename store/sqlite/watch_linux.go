package sqlite

import (
	"os"
	"sync"
	"syscall"
	"time"
)

// A watch tells when somebody writes to the log of a database. That is a hint: the log is
// written before the commit, and by commits of our own, too.
type watch struct {
	hints chan struct{} // holds one token while something was written
	file  *os.File      // of inotify; nil if there is none to be had
	path  string
	wd    int // of the log while it is watched, or -1
	ended chan struct{}
	reads sync.WaitGroup
}

// hintEvery is how close hints may follow each other: while others are busy, each one lets a
// sleeper look.
const hintEvery = 20 * time.Millisecond

// watchLog makes a watch that does not watch yet.
func watchLog(path string) *watch {
	w := &watch{hints: make(chan struct{}, 1), path: path + "-wal", wd: -1, ended: make(chan struct{})}
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return w // as where there are too many watches already
	}
	w.file = os.NewFile(uintptr(fd), "inotify")
	w.reads.Go(w.read)
	return w
}

// read turns what is written into hints, until the file is closed.
func (w *watch) read() {
	buffer := make([]byte, 4096)
	for {
		if _, err := w.file.Read(buffer); err != nil {
			return
		}
		select {
		case w.hints <- struct{}{}:
		default:
		}
		select {
		case <-w.ended:
			return
		case <-time.After(hintEvery): // what is written meanwhile is one hint
		}
	}
}

// watching watches or does not, and reports whether hints will come.
func (w *watch) watching(on bool) bool {
	if w.file == nil || on == (w.wd >= 0) {
		return w.wd >= 0
	}
	raw, err := w.file.SyscallConn()
	if err != nil {
		return false
	}
	err = raw.Control(func(fd uintptr) {
		if on {
			if wd, err := syscall.InotifyAddWatch(int(fd), w.path, syscall.IN_MODIFY); err == nil {
				w.wd = wd
			}
			return
		}
		_, _ = syscall.InotifyRmWatch(int(fd), uint32(w.wd)) // it may be gone with its file
		w.wd = -1
	})
	return err == nil && w.wd >= 0
}

func (w *watch) close() {
	close(w.ended)
	if w.file != nil {
		_ = w.file.Close()
	}
	w.reads.Wait()
}
