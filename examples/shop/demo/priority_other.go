//go:build !unix || solaris || illumos || aix

package demo

// lowerPriority does nothing here: all processes are alike.
func lowerPriority(int) {}
