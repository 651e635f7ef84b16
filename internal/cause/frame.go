package cause

import "strings"

// TopFrame returns the function of the user's code in which a panic began, by the stack that
// debug.Stack made of it; "" if there is none.
func TopFrame(stack string) string {
	_, below, panicked := cutLast(stack, "\npanic(")
	if !panicked {
		return ""
	}
	first := true
	for line := range strings.Lines(below) {
		name := strings.TrimRight(line, "\r\n")
		if first || strings.HasPrefix(name, "\t") || strings.HasPrefix(name, "created by ") {
			first = false // of panic itself: its arguments
			continue
		}
		if args := strings.LastIndexByte(name, '('); args > 0 {
			if name = name[:args]; !ours(name) {
				return name[:min(len(name), maxFrame)]
			}
		}
	}
	return ""
}

// maxFrame is how many bytes of a function's name are looked at.
const maxFrame = 500

// cutLast is strings.Cut at the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// ours reports whether a function is Go's own or offload's.
func ours(name string) bool {
	if strings.HasPrefix(name, "github.com/offloadhq/offload.") || strings.HasPrefix(name, "github.com/offloadhq/offload/internal/engine.") {
		return true
	}
	root := name[:strings.IndexAny(name+".", "./")]
	return strings.Contains(goPackages, " "+root+" ")
}

// goPackages are the roots of the packages that come with Go.
const goPackages = " archive bufio bytes cmp compress container context crypto database debug embed encoding errors expvar flag fmt go hash " +
	"html image index internal io iter log maps math mime net os path plugin reflect regexp runtime slices sort strconv strings " +
	"structs sync syscall testing text time unicode unique unsafe weak "
