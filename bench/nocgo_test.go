//go:build !cgo

package bench

import (
	"os"
	"testing"
)

// Without cgo there is no C library to test.
func TestLawsOnMattn(t *testing.T) {
	const line = "SKIPPED GROUP mattn: install with apt-get install gcc libc6-dev, and set CGO_ENABLED=1"
	if os.Getenv("CI") != "" {
		t.Fatal(line)
	}
	t.Skip(line)
}
