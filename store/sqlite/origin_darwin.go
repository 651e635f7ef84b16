package sqlite

import "syscall"

// birthsAreCopied says whether tools that copy a file can copy when it was born.
const birthsAreCopied = true

func birthOn(path string) birth {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return birth{}
	}
	return birth{At: st.Birthtimespec.Nano(), Number: st.Ino}
}
