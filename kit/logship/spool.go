package logship

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/uuid"

	"github.com/offloadhq/offload"
)

// A spool keeps records in files, in order: segments, each written by one process, that are deleted once all of their records are shipped. A file says up to where that is.
//
//	lock              held by the process that has the directory
//	id                of the directory: records keep their ids over processes
//	shipped           the segment, and the place in it, up to which all is shipped
//	0000000000000007  a segment: a record a line
//
// A line has time, level and record. What a crash has torn has no end of line, and is left out: whoever logged it had no answer yet.
type spool struct {
	ship *Shipper
	dir  string
	id   string
	lock *flock.Flock
	many chan struct{}

	mu      sync.Mutex
	file    *os.File // the segment being written
	segment int64
	written int64
	total   int64 // bytes of all segments
	waiting int
	room    chan struct{}
	ended   bool

	// Of who has the turn:
	items []Item
	ends  []place // of items
	read  place   // up to where they are read
	kept  []int64 // segments that are there, but the one being written
	sizes map[int64]int64
}

// A place is one in all that was ever spooled.
type place struct{ segment, offset int64 }

const segmentBytes = 8 << 20

func openSpool(s *Shipper) (*spool, error) {
	dir := s.config.spool
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the spool: %w", err)
	}
	sp := &spool{ship: s, dir: dir, lock: flock.New(filepath.Join(dir, "lock")), many: make(chan struct{}, 1), sizes: map[int64]int64{}}
	if ok, err := sp.lock.TryLock(); err != nil {
		return nil, fmt.Errorf("lock the spool: %w", err)
	} else if !ok {
		return nil, &offload.InputError{Field: "Spool", Got: dir, Want: "a directory that no other process spools to"}
	}
	if err := sp.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the spool: %w", err), sp.lock.Unlock())
	}
	return sp, nil
}

// load finds what earlier processes left.
func (sp *spool) load() error {
	id, err := os.ReadFile(filepath.Join(sp.dir, "id"))
	if errors.Is(err, os.ErrNotExist) {
		id = []byte(uuid.NewString())
		err = replaceFile(filepath.Join(sp.dir, "id"), id)
	}
	if err != nil {
		return err
	}
	sp.id = string(id)
	text, err := os.ReadFile(filepath.Join(sp.dir, "shipped"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	_, _ = fmt.Sscan(string(text), &sp.read.segment, &sp.read.offset) // without it, or where it is torn, all is shipped again
	entries, err := os.ReadDir(sp.dir)
	if err != nil {
		return err
	}
	sp.segment = sp.read.segment
	for _, e := range entries {
		n, err := strconv.ParseInt(e.Name(), 10, 64)
		if err != nil || len(e.Name()) != 16 {
			continue
		}
		if n < sp.read.segment {
			if err := os.Remove(sp.path(n)); err != nil {
				return err
			}
			continue
		}
		lines, size, err := sp.count(n)
		if err != nil {
			return err
		}
		sp.segment = max(sp.segment, n)
		if size == 0 { // of a process that logged nothing
			if err := os.Remove(sp.path(n)); err != nil {
				return err
			}
			continue
		}
		sp.kept = append(sp.kept, n)
		sp.sizes[n] = size
		sp.waiting += lines
		sp.total += size
	}
	slices.Sort(sp.kept)
	return sp.begin()
}

func (sp *spool) path(segment int64) string {
	return filepath.Join(sp.dir, fmt.Sprintf("%016d", segment))
}

// count counts the records of a segment that are not shipped.
func (sp *spool) count(segment int64) (lines int, size int64, err error) {
	f, err := os.Open(sp.path(segment))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return 0, 0, err
	} else {
		size = info.Size()
	}
	if segment == sp.read.segment {
		if _, err := f.Seek(sp.read.offset, io.SeekStart); err != nil {
			return 0, 0, err
		}
	}
	buffer := make([]byte, 64<<10)
	for {
		n, err := f.Read(buffer)
		lines += bytes.Count(buffer[:n], []byte("\n"))
		if err == io.EOF {
			return lines, size, nil
		}
		if err != nil {
			return 0, 0, err
		}
	}
}

// begin begins the next segment. mu is held, or nobody else is there yet.
func (sp *spool) begin() error {
	f, err := os.OpenFile(sp.path(sp.segment+1), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	sp.segment++
	sp.file, sp.written = f, 0
	if sp.ship.config.sync {
		return syncDir(sp.dir)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (sp *spool) put(ctx context.Context, e entry) bool {
	line := make([]byte, 0, len(e.item.Line)+40)
	line = strconv.AppendInt(line, e.item.Time.UnixNano(), 10)
	line = append(line, ' ')
	line = strconv.AppendInt(line, int64(e.item.Level), 10)
	line = append(line, ' ')
	line = append(append(line, e.item.Line...), '\n')
	sp.mu.Lock()
	for sp.ended || sp.total+int64(len(line)) > sp.ship.config.spoolMost {
		if !sp.ship.config.block || sp.ended {
			sp.mu.Unlock()
			return false
		}
		if sp.room == nil {
			sp.room = make(chan struct{})
		}
		room := sp.room
		sp.mu.Unlock()
		sp.tell()
		select {
		case <-room:
		case <-ctx.Done():
			return false
		}
		sp.mu.Lock()
	}
	err := sp.write(line)
	tell := sp.waiting == batchRecords
	sp.mu.Unlock()
	if err != nil {
		sp.ship.say(fmt.Errorf("log records can't be spooled, and are dropped: %w", err))
		return false
	}
	if tell {
		sp.tell()
	}
	return true
}

func (sp *spool) tell() {
	select {
	case sp.many <- struct{}{}:
	default:
	}
}

// write appends a line, or nothing. mu is held.
func (sp *spool) write(line []byte) error {
	if sp.written >= segmentBytes {
		if err := sp.turnOver(); err != nil {
			return err
		}
	}
	n, err := sp.file.Write(line)
	if err == nil && sp.ship.config.sync {
		err = sp.file.Sync()
	}
	if err != nil {
		if n > 0 && sp.file.Truncate(sp.written) != nil {
			err = errors.Join(err, sp.turnOver()) // what is torn is at the end of a segment then
		}
		return err
	}
	sp.written += int64(n)
	sp.total += int64(n)
	sp.waiting++
	return nil
}

func (sp *spool) turnOver() error {
	old, segment, size := sp.file, sp.segment, sp.written
	if err := sp.begin(); err != nil {
		return err
	}
	sp.kept = append(sp.kept, segment)
	sp.sizes[segment] = size
	return old.Close()
}

func (sp *spool) take(most, size int) ([]Item, error) {
	for i := range sp.items {
		size -= len(sp.items[i].Line)
	}
	for len(sp.items) < most && size > 0 {
		sp.mu.Lock()
		at, limit := sp.next()
		sp.mu.Unlock()
		if at.offset >= limit {
			break
		}
		sp.read = at
		n, err := sp.readSome(limit, most-len(sp.items), size)
		if err != nil {
			return nil, fmt.Errorf("read the spool: %w", err)
		}
		size -= n
	}
	return sp.items[:min(most, len(sp.items))], nil
}

// next is where to read, and up to where there is something. mu is held.
func (sp *spool) next() (place, int64) {
	for _, segment := range sp.kept {
		if segment < sp.read.segment || segment == sp.read.segment && sp.read.offset >= sp.sizes[segment] {
			continue
		}
		if segment > sp.read.segment {
			return place{segment, 0}, sp.sizes[segment]
		}
		return sp.read, sp.sizes[segment]
	}
	if sp.read.segment == sp.segment {
		return sp.read, sp.written
	}
	return place{sp.segment, 0}, sp.written
}

// readSome reads records of one segment.
func (sp *spool) readSome(limit int64, most, size int) (bytesRead int, err error) {
	f, err := os.Open(sp.path(sp.read.segment))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewReader(io.NewSectionReader(f, sp.read.offset, limit-sp.read.offset))
	for range most {
		if bytesRead >= size {
			break
		}
		line, err := lines.ReadBytes('\n')
		if err == io.EOF { // what is left has no end
			sp.read.offset = limit
			return bytesRead, nil
		}
		if err != nil {
			return bytesRead, err
		}
		at := sp.read
		sp.read.offset += int64(len(line))
		bytesRead += len(line)
		item, ok := parseLine(line)
		if !ok { // of a foreign hand, or of a disk that lies
			sp.ship.counts.refused.Add(1)
			sp.mu.Lock()
			sp.waiting--
			sp.mu.Unlock()
			continue
		}
		item.ID = sp.id + "-" + strconv.FormatInt(at.segment, 36) + "-" + strconv.FormatInt(at.offset, 36)
		sp.items = append(sp.items, item)
		sp.ends = append(sp.ends, sp.read)
	}
	return bytesRead, nil
}

func parseLine(line []byte) (Item, bool) {
	nano, rest, ok := strings.Cut(string(line[:len(line)-1]), " ")
	level, record, also := strings.Cut(rest, " ")
	t, err := strconv.ParseInt(nano, 10, 64)
	l, errLevel := strconv.Atoi(level)
	if !ok || !also || err != nil || errLevel != nil || !strings.HasPrefix(record, "{") || !strings.HasSuffix(record, "}") {
		return Item{}, false
	}
	return Item{Time: time.Unix(0, t), Level: slog.Level(l), Line: []byte(record)}, true
}

func (sp *spool) done(n int) {
	end := sp.ends[n-1]
	sp.items, sp.ends = slices.Clone(sp.items[n:]), slices.Clone(sp.ends[n:])
	if err := replaceFile(filepath.Join(sp.dir, "shipped"), fmt.Appendf(nil, "%d %d\n", end.segment, end.offset)); err != nil {
		sp.ship.say(fmt.Errorf("what is shipped can't be written down, and may be shipped again: %w", err))
	}
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.waiting -= n
	sp.kept = slices.DeleteFunc(sp.kept, func(segment int64) bool {
		if segment > end.segment || segment == end.segment && end.offset < sp.sizes[segment] {
			return false
		}
		if err := os.Remove(sp.path(segment)); err != nil {
			sp.ship.say(fmt.Errorf("what is shipped can't be deleted: %w", err))
		}
		sp.total -= sp.sizes[segment]
		delete(sp.sizes, segment)
		return true
	})
	if sp.room != nil {
		close(sp.room)
		sp.room = nil
	}
}

func (sp *spool) left() int {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	return sp.waiting
}

func (sp *spool) wake() <-chan struct{} { return sp.many }

func (sp *spool) shut() {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.ended = true
	if sp.room != nil {
		close(sp.room)
		sp.room = nil
	}
}

func (sp *spool) release() error {
	return errors.Join(sp.file.Close(), sp.lock.Unlock())
}

// replaceFile writes a file that is there whole or as it was.
func replaceFile(path string, b []byte) error {
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
