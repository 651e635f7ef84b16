package command

import (
	"bytes"
	"strconv"
)

// limitScript sets limits and becomes the command. Zero is no limit. A limit that the system
// doesn't take ends it: the command must not run without.
const limitScript = `[ "$1" = 0 ] || ulimit -v "$1" || exit 126
[ "$2" = 0 ] || ulimit -f "$2" || exit 126
shift 2
exec "$@"`

// limited is the command line of a shell that runs the program with the limits of the input.
func limited(path string, in Input) []string {
	kib, blocks := (in.MaxMemory+1023)/1024, (in.MaxFile+511)/512 // as POSIX counts them
	args := []string{"sh", "-c", limitScript, "offload-limit", strconv.FormatInt(kib, 10), strconv.FormatInt(blocks, 10), path}
	return append(args, in.Argv[1:]...)
}

// A liner tells lines of what is written to it.
type liner struct {
	tell func(line string)
	line []byte // that has not ended yet, cut at mostOfLine
}

func (l *liner) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		end := bytes.IndexAny(p, "\r\n")
		part := p
		if end >= 0 {
			part = p[:end]
		}
		l.line = append(l.line, part[:min(len(part), mostOfLine-len(l.line))]...)
		if end < 0 {
			break
		}
		l.end()
		p = p[end+1:]
	}
	return n, nil
}

// end tells the line, if it says anything.
func (l *liner) end() {
	if len(l.line) > 0 {
		l.tell(valid(l.line))
	}
	l.line = l.line[:0]
}
