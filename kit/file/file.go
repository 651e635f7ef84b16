// Package file works on files as jobs: compress, decompress, checksum, unpack, tables of one format made of another, and whatever
// a program of the worker's machine can make of one.
//
// The files are in a blob.Store, a directory or a bucket, and named by their keys:
//
//	files, err := blob.Dir("/var/lib/shop/files")
//	app, err := offload.Open(ctx, "offload.db", file.New(files))
//	job, err := file.Compress.Enqueue(ctx, app, file.CompressInput{From: "2026.csv", To: "2026.csv.gz"})
//
// A file appears whole or not at all, in place of what was there, so a job that runs twice
// leaves what one leaves.
//
// # Archives of strangers
//
// Unpack reads an archive (zip, tar, tar.gz, tar.zst) to its end before it puts the first
// file. So an archive that is cut, that is larger unpacked than the Limits say, or that names
// a file that doesn't belong there leaves nothing, and its job is discarded with the reason. Refused are
// names with "..", absolute ones, those that Windows takes for devices or can't have, those
// with control characters or backslashes, two names that differ only in case, a file below a
// file, and whatever is neither file nor directory (symbolic and hard links, devices).
//
// # Tables
//
// Table makes CSV, JSON lines, XLSX and Parquet of each other, as far as the worker has the formats (Tables). The
// formats' packages say what of the values stays.
//
//	app, err := offload.Open(ctx, "offload.db", file.New(files, file.Tables(xlsx.Format{}, parquet.Format{})))
//	job, err := file.Table.Enqueue(ctx, app, file.TableInput{From: "7.xlsx", To: "7.csv"})
//
// # Programs that convert
//
// A worker names the programs that it has, a job one of them; so who may enqueue can't choose
// what runs:
//
//	pdf := file.Tool{Name: "pdf", Argv: []string{"soffice", "--headless", "--convert-to", "pdf", "--outdir", "{dir}", "{in}"}}
//	mp4 := file.Tool{Name: "mp4", Argv: []string{"ffmpeg", "-nostdin", "-progress", "pipe:1", "-i", "{in}", "{out}"}}
//	app, err := offload.Open(ctx, "offload.db", file.New(files, pdf.Option(), mp4.Option()))
//	job, err := file.Convert.Enqueue(ctx, app, file.ConvertInput{Tool: "pdf", From: "7.docx", To: "7.pdf"})
//
// Time is limited by the job's Timeout, memory and output by the Tool. What the program says is in
// the job's log, and its progress, where it tells it as "40 %" or as ffmpeg does, is the job's.
//
// # What it can't promise
//
// The files of an archive appear one after the other: a reader may see some of them while the
// job runs, or waits for its next attempt after a crash. Wait for the job's result, which lists them. Owners,
// permissions, times and empty directories are not kept. A file of zero bytes is kept.
//
// From is kept in a temporary file of the machine while it is decompressed or unpacked.
package file

import (
	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/table"
)

// The tasks. Any program may enqueue them; one with a Kit does the work.
var (
	Compress   = offload.DeclareFunc[CompressInput, Output]("file.compress")
	Decompress = offload.DeclareFunc[CompressInput, Output]("file.decompress")
	Checksum   = offload.DeclareFunc[ChecksumInput, ChecksumOutput]("file.checksum")
	Unpack     = offload.DeclareFunc[UnpackInput, UnpackOutput]("file.unpack")
	Convert    = offload.DeclareFunc[ConvertInput, Output]("file.convert")
	Table      = offload.DeclareFunc[TableInput, TableOutput]("file.table")
)

// CompressInput says what becomes what.
type CompressInput struct {
	From   string `json:"from"`             // the key of what there is
	To     string `json:"to"`               // the key of what is made
	Format string `json:"format,omitempty"` // "gzip" or "zstd"; by the compressed file's .gz or .zst if empty
}

// Output is a file that was made.
type Output struct {
	Key    string `json:"key"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // of its content, in hexadecimal

	FromSize int64 `json:"from_size,omitempty"` // bytes of what it was made of; 0 of a file of an archive
}

// ChecksumInput says what to sum up.
type ChecksumInput struct {
	From      string `json:"from"`
	Algorithm string `json:"algorithm,omitempty"` // "sha256" (if empty), "sha512", "sha1", "md5", "crc32"
	Want      string `json:"want,omitempty"`      // in hexadecimal; another sum discards the job
}

// ChecksumOutput is a sum.
type ChecksumOutput struct {
	Sum  string `json:"sum"` // in hexadecimal
	Size int64  `json:"size"`
}

// UnpackInput says what to unpack, and below which key.
type UnpackInput struct {
	From   string `json:"from"`
	To     string `json:"to"`               // "7/photos" makes "7/photos/a.jpg"
	Format string `json:"format,omitempty"` // "zip", "tar", "tar.gz", "tar.zst"; by the key's end if empty
}

// UnpackOutput lists what an archive held, in its order.
type UnpackOutput struct {
	Files []Output `json:"files"`
}

// Limits are what a file may become when it is decompressed or unpacked. 0 is the default.
type Limits struct {
	Bytes int64 // of all files together, and of what is unpacked: 4 GiB
	Files int   // in an archive: 10,000
	Ratio int64 // bytes out for one byte in, beyond the first 64 MiB: 200
}

// New makes a kit that works on the files of a store.
func New(files blob.Store, opts ...Option) *Kit {
	w := &worker{files: files, limits: Limits{Bytes: 4 << 30, Files: 10_000, Ratio: 200}, tools: map[string]Tool{}}
	w.tables = map[string]table.Format{"csv": table.CSV{}, "jsonl": table.JSONLines{}}
	for _, o := range opts {
		if o != nil {
			o(w)
		}
	}
	return &Kit{offload.Parts(
		Compress.Handle(w.compress), Decompress.Handle(w.decompress),
		Checksum.Handle(w.checksum), Unpack.Handle(w.unpack), Convert.Handle(w.convert), Table.Handle(w.table),
	)}
}

// A Kit works on files.
type Kit struct{ offload.Part }

// An Option changes a kit.
type Option func(*worker)

// Limit sets the limits.
func Limit(l Limits) Option {
	return func(w *worker) {
		if l.Bytes > 0 {
			w.limits.Bytes = l.Bytes
		}
		if l.Files > 0 {
			w.limits.Files = l.Files
		}
		if l.Ratio > 0 {
			w.limits.Ratio = l.Ratio
		}
	}
}

type worker struct {
	files  blob.Store
	limits Limits
	tools  map[string]Tool
	tables map[string]table.Format
}
