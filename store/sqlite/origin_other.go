//go:build !linux && !darwin && !windows

package sqlite

// birthsAreCopied says whether tools that copy a file can copy when it was born.
const birthsAreCopied = false

// birthOn knows nothing of files here.
func birthOn(string) birth { return birth{} }
