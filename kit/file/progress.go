package file

import (
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// hasFileLimit says whether the system can hold a process to a size of files.
const hasFileLimit = runtime.GOOS != "windows"

var (
	percent  = regexp.MustCompile(`(?:^|[^\w.])(\d{1,3}(?:\.\d+)?) ?%`)
	duration = regexp.MustCompile(`^\s*Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)`)
)

// NewProgress is what Tool.Progress is if it is nil. It reads the
// last percentage of a line ("40%", "40.5 %"), and what ffmpeg writes with -progress pipe:1
// (out_time_us=…) after it has named the input's duration.
func NewProgress() func(line string) (done float64, ok bool) {
	var whole time.Duration
	return func(line string) (float64, bool) {
		if m := duration.FindStringSubmatch(line); m != nil && whole == 0 {
			if d, err := time.ParseDuration(m[1] + "h" + m[2] + "m" + m[3] + "s"); err == nil {
				whole = d
			}
			return 0, false
		}
		if us, found := strings.CutPrefix(line, "out_time_us="); found {
			n, err := strconv.ParseInt(us, 10, 64) // "N/A" before the first frame
			if err != nil || whole <= 0 || n < 0 {
				return 0, false
			}
			return min(1, float64(n)/float64(whole.Microseconds())), true
		}
		all := percent.FindAllStringSubmatch(line, -1)
		if len(all) == 0 {
			return 0, false
		}
		n, err := strconv.ParseFloat(all[len(all)-1][1], 64)
		return n / 100, err == nil && n <= 100
	}
}
