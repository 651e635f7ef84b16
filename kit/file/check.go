package file

import (
	"encoding/hex"
	"errors"
	"strings"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
)

// checkKey names the field of the input in place of the store's.
func checkKey(field, key string) error {
	err := blob.CheckKey(key)
	var refused *offload.InputError
	if errors.As(err, &refused) {
		refused.Field = field
	}
	return err
}

// Validate refuses what no worker could do.
func (in CompressInput) Validate() error {
	if err := checkKey("from", in.From); err != nil {
		return err
	}
	if err := checkKey("to", in.To); err != nil {
		return err
	}
	if in.From == in.To {
		return &offload.InputError{Field: "to", Got: in.To, Want: "another key than from"}
	}
	switch in.Format {
	case "gzip", "zstd":
		return nil
	case "":
		if _, err := in.formatOf(in.To); err == nil {
			return nil
		}
		_, err := in.formatOf(in.From) // of Decompress
		return err
	}
	return &offload.InputError{Field: "format", Got: in.Format, Want: `"gzip" or "zstd"`}
}

// formatOf returns the format of a compressed file.
func (in CompressInput) formatOf(key string) (string, error) {
	switch {
	case in.Format != "":
		return in.Format, nil
	case strings.HasSuffix(key, ".gz"), strings.HasSuffix(key, ".tgz"):
		return "gzip", nil
	case strings.HasSuffix(key, ".zst"):
		return "zstd", nil
	}
	return "", &offload.InputError{Field: "format", Got: in.Format, Want: `"gzip" or "zstd", or a key that ends with .gz or .zst`}
}

// Validate refuses what no worker could do.
func (in ChecksumInput) Validate() error {
	if err := checkKey("from", in.From); err != nil {
		return err
	}
	h, err := hashOf(in.Algorithm)
	if err != nil {
		return err
	}
	if sum, err := hex.DecodeString(in.Want); err != nil || len(sum) != 0 && len(sum) != h.Size() {
		return &offload.InputError{Field: "want", Got: in.Want, Want: "a sum of this algorithm in hexadecimal"}
	}
	return nil
}

// Validate refuses what no worker could do.
func (in UnpackInput) Validate() error {
	if err := checkKey("from", in.From); err != nil {
		return err
	}
	if err := checkKey("to", in.To); err != nil {
		return err
	}
	_, err := in.format()
	return err
}

func (in UnpackInput) format() (string, error) {
	name := strings.ToLower(in.From)
	if in.Format != "" {
		name = "." + in.Format
	}
	for _, f := range []struct{ end, format string }{
		{".zip", "zip"}, {".tar", "tar"}, {".tar.gz", "tar.gz"}, {".tgz", "tar.gz"}, {".tar.zst", "tar.zst"},
	} {
		if strings.HasSuffix(name, f.end) && (in.Format == "" || in.Format == f.format) {
			return f.format, nil
		}
	}
	return "", &offload.InputError{Field: "format", Got: in.Format, Want: `"zip", "tar", "tar.gz" or "tar.zst"`}
}
