//go:build !linux

package main

import "syscall"

// dieWithParent does nothing here: the child sees that its standard input is closed.
func dieWithParent(*syscall.SysProcAttr) {}
