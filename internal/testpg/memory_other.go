//go:build !linux

package testpg

// inMemory is the directory for temporary files: this system has none in memory.
func inMemory() string { return "" }
