// Package bench tests and measures offload with what its users need not download.
package bench
