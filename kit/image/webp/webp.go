//go:build amd64 || arm64

// Package webp writes WebP for kit/image, lossy, about a quarter smaller than JPEG:
//
//	kit, err := image.New("pictures", image.Encode(".webp", webp.Encode))
//
// It is a package of its own for what it links: libwebp as WebAssembly made Go, or the library of the system where there is one. It is there for
// 64-bit machines only, since on others the system's library can't be called without cgo.
package webp

import (
	"image"
	"io"

	"github.com/gen2brain/webp"
)

// Encode is an image.Encoder.
func Encode(w io.Writer, picture image.Image, quality int) error {
	return webp.Encode(w, picture, webp.Options{Quality: quality, Method: webp.DefaultMethod})
}
