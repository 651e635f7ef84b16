package file

import (
	"context"
	"crypto/md5"  //nolint:gosec // asked for by name, to compare with old sums
	"crypto/sha1" //nolint:gosec // as above
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
)

// most memory that a zstd file may ask for; zstd --long=27 asks for it.
const zstdWindow = 128 << 20

func (w *worker) compress(ctx context.Context, in CompressInput) (Output, error) {
	format, err := in.formatOf(in.To)
	if err != nil {
		return Output{}, offload.Discard(err)
	}
	from, info, err := w.files.Get(ctx, in.From)
	if err != nil {
		return Output{}, err
	}
	defer from.Close()

	r, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		pw.CloseWithError(compressTo(pw, from, format))
	}()
	out, err := w.put(ctx, in.To, r)
	_ = r.Close() // ends the other side if the store gave up
	<-done
	out.FromSize = info.Size
	return out, err
}

func compressTo(to io.Writer, from io.Reader, format string) error {
	var c io.WriteCloser = gzip.NewWriter(to)
	if format == "zstd" {
		var err error
		if c, err = zstd.NewWriter(to, zstd.WithEncoderConcurrency(1)); err != nil {
			return err
		}
	}
	_, err := io.Copy(c, from)
	return errors.Join(err, c.Close())
}

func (w *worker) decompress(ctx context.Context, in CompressInput) (Output, error) {
	format, err := in.formatOf(in.From)
	if err != nil {
		return Output{}, offload.Discard(err)
	}
	f, size, err := w.spool(ctx, in.From)
	if err != nil {
		return Output{}, err
	}
	defer drop(f)
	r, err := decompressor(f, format)
	if err != nil {
		return Output{}, broken(in.From, err)
	}
	defer r.Close()
	src := &source{r: w.limited(r, size)}
	out, err := w.put(ctx, in.To, src)
	if src.err != nil {
		return Output{}, broken(in.From, src.err)
	}
	out.FromSize = size
	return out, err
}

func decompressor(r io.Reader, format string) (io.ReadCloser, error) {
	if format == "gzip" {
		return gzip.NewReader(r)
	}
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

func (w *worker) checksum(ctx context.Context, in ChecksumInput) (ChecksumOutput, error) {
	h, err := hashOf(in.Algorithm)
	if err != nil {
		return ChecksumOutput{}, offload.Discard(err)
	}
	r, _, err := w.files.Get(ctx, in.From)
	if err != nil {
		return ChecksumOutput{}, err
	}
	defer r.Close()
	n, err := io.Copy(h, r)
	if err != nil {
		return ChecksumOutput{}, fmt.Errorf("file: read %q: %w", in.From, err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if in.Want != "" && !strings.EqualFold(sum, in.Want) {
		return ChecksumOutput{}, offload.Discard(&offload.InputError{Task: Checksum.Name(), Field: "want", Got: in.Want, Want: "the sum of the file, which is " + sum})
	}
	return ChecksumOutput{sum, n}, nil
}

func hashOf(algorithm string) (hash.Hash, error) {
	switch algorithm {
	case "", "sha256":
		return sha256.New(), nil
	case "sha512":
		return sha512.New(), nil
	case "sha1":
		return sha1.New(), nil //nolint:gosec // as above
	case "md5":
		return md5.New(), nil //nolint:gosec // as above
	case "crc32":
		return crc32.NewIEEE(), nil
	}
	return nil, &offload.InputError{Field: "algorithm", Got: algorithm, Want: `"sha256", "sha512", "sha1", "md5" or "crc32"`}
}

// put puts a file and sums it up on the way.
func (w *worker) put(ctx context.Context, key string, r io.Reader) (Output, error) {
	sum := sha256.New()
	info, err := w.files.Put(ctx, key, io.TeeReader(r, sum), blob.Options{})
	if err != nil {
		return Output{}, err
	}
	return Output{Key: key, Size: info.Size, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// spool copies a file to the machine: a zip is read from its end, and an error while it is
// read is then one of the file, and not of the way to it.
func (w *worker) spool(ctx context.Context, key string) (*os.File, int64, error) {
	r, info, err := w.files.Get(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	if info.Size > w.limits.Bytes {
		return nil, 0, broken(key, errTooLarge(w.limits.Bytes))
	}
	f, err := os.CreateTemp("", "offload-file-*")
	if err != nil {
		return nil, 0, err
	}
	size, err := io.Copy(f, r)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		drop(f)
		return nil, 0, fmt.Errorf("file: read %q: %w", key, err)
	}
	return f, size, nil
}

func drop(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

// broken discards the job: the file will be the same at the next attempt.
func broken(key string, err error) error {
	return offload.Discard(fmt.Errorf("file: %q: %w", key, err))
}

func errTooLarge(most int64) error {
	return fmt.Errorf("more than %d bytes, which is the limit (file.Limits)", most)
}

// A source keeps its error apart from those of the store that reads it.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // readers end with io.EOF itself
		s.err = err
	}
	return n, err
}

// free is what a small file may become: a log of one line repeated is no bomb yet.
const free = 64 << 20

// limited returns a reader that fails where more comes out of size bytes than the limits say.
func (w *worker) limited(r io.Reader, size int64) io.Reader {
	most := w.limits.Bytes
	if byRatio := free + size*w.limits.Ratio; size < most/w.limits.Ratio && byRatio < most {
		most = byRatio
	}
	return &limitedReader{r: r, left: most, most: most}
}

type limitedReader struct {
	r          io.Reader
	left, most int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errTooLarge(l.most)
	}
	return n, err
}
