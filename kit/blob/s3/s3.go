// Package s3 keeps the files of package blob in a bucket of Amazon S3, or of anything that
// speaks its protocol (MinIO, Ceph, R2, Garage, versitygw):
//
//	files, err := s3.Open(s3.Config{
//		Endpoint: "https://s3.eu-central-1.amazonaws.com", Bucket: "shop",
//		Region:   "eu-central-1", KeyID: os.Getenv("S3_KEY_ID"), Secret: os.Getenv("S3_SECRET"),
//	})
//
// Its errors are offload.ErrNotFound where there is no such file; an *Error for what else the
// server answers, which discards the job where the same request would be refused again; and
// what the network says.
//
// # What it can't promise
//
// An upload that a crash cuts in two leaves parts in the bucket that nobody sees and somebody
// pays for: give the bucket the lifecycle rule AbortIncompleteMultipartUpload. Deleting a file
// in a bucket with versions keeps the old ones.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
)

// Config says where a bucket is, and who asks.
type Config struct {
	Endpoint string // a URL: "https://s3.eu-central-1.amazonaws.com", "http://127.0.0.1:9000"
	Bucket   string // which must be there
	Region   string // us-east-1 if empty

	// KeyID and Secret are the access key; Token belongs to one that is temporary. With none
	// of them the store asks the environment (AWS_ACCESS_KEY_ID …), the file ~/.aws/credentials,
	// and the machine's own role, as Amazon's tools do, and renews what expires.
	KeyID, Secret, Token string

	// PathStyle has the bucket in the path, as most servers but Amazon's want it. It is taken
	// for all endpoints that are not known to want it otherwise.
	PathStyle bool

	// Transport does the requests; minio.DefaultTransport if nil.
	Transport http.RoundTripper
}

// Upload sizes: what fits into firstRead goes in one request, the rest in parts. S3 takes 10,000
// parts, so a file can have up to 160 GB.
const (
	firstRead = 1 << 20
	partSize  = 16 << 20
)

// tries of one request. Beyond them it is the job that is tried again.
const tries = 3

// Open returns the store. It makes no request. The error is an *offload.InputError that names
// the field of the Config.
func Open(c Config) (blob.Store, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" && u.Path != "/" {
		return nil, &offload.InputError{Field: "Endpoint", Got: redacted(u), Want: `a URL without a path, as "https://s3.eu-central-1.amazonaws.com"`}
	}
	if err := s3utils.CheckValidBucketName(c.Bucket); err != nil {
		return nil, &offload.InputError{Field: "Bucket", Got: c.Bucket, Want: "the name of a bucket (" + err.Error() + ")"}
	}
	if (c.KeyID == "") != (c.Secret == "") {
		return nil, &offload.InputError{Field: "KeyID", Got: c.KeyID, Want: "both KeyID and Secret, or neither"}
	}
	creds := credentials.NewStaticV4(c.KeyID, c.Secret, c.Token)
	if c.KeyID == "" {
		creds = credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
		})
	}
	lookup := minio.BucketLookupAuto
	if c.PathStyle {
		lookup = minio.BucketLookupPath
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: creds, Secure: u.Scheme == "https", Region: c.Region, BucketLookup: lookup,
		Transport: c.Transport, MaxRetries: tries,
	})
	if err != nil {
		return nil, fmt.Errorf("blob/s3: %w", err)
	}
	return &store{minio.Core{Client: client}, c.Bucket}, nil
}

func redacted(u *url.URL) string {
	if u == nil {
		return "what is no URL"
	}
	return u.Redacted()
}

type store struct {
	client minio.Core
	bucket string
}

func (s *store) Put(ctx context.Context, key string, r io.Reader, o blob.Options) (blob.Info, error) {
	if err := errors.Join(blob.CheckKey(key), blob.CheckType(o.Type)); err != nil {
		return blob.Info{}, err
	}
	if o.Type == "" {
		o.Type = blob.TypeOf(key)
	}
	src := &source{ctx: ctx, r: r}
	first, err := io.ReadAll(io.LimitReader(src, firstRead))
	if err != nil {
		return blob.Info{}, fmt.Errorf("blob: put %q: %w", key, err)
	}
	body, size := io.Reader(bytes.NewReader(first)), int64(len(first))
	if size == firstRead { // there may be more
		body, size = io.MultiReader(body, src), -1
	}
	up, err := s.client.Client.PutObject(ctx, s.bucket, key, body, size,
		minio.PutObjectOptions{ContentType: o.Type, PartSize: partSize})
	if src.err != nil {
		err = src.err
	}
	if err != nil {
		return blob.Info{}, failed(ctx, "put", key, err)
	}
	info := blob.Info{Key: key, Type: o.Type, Size: up.Size, Modified: up.LastModified, ETag: up.ETag}
	if info.Modified.IsZero() { // most servers don't say
		info.Modified = time.Now()
	}
	return info, nil
}

// A source keeps the error of the reader that is uploaded apart from those of the upload.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	if s.err == nil {
		s.err = context.Cause(s.ctx)
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // readers end with io.EOF itself
		s.err = err
	}
	return n, err
}

func (s *store) Get(ctx context.Context, key string) (io.ReadCloser, blob.Info, error) {
	if err := blob.CheckKey(key); err != nil {
		return nil, blob.Info{}, err
	}
	r, info, _, err := s.client.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, blob.Info{}, failed(ctx, "get", key, err)
	}
	return &content{ctx, r}, infoOf(key, info), nil
}

// A content is a file that is read. It ends with the cause of its context.
type content struct {
	ctx context.Context
	io.ReadCloser
}

func (c *content) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if cause := context.Cause(c.ctx); cause != nil && err != nil && err != io.EOF { //nolint:errorlint // as above
		err = cause
	}
	return n, err
}

func (s *store) Stat(ctx context.Context, key string) (blob.Info, error) {
	if err := blob.CheckKey(key); err != nil {
		return blob.Info{}, err
	}
	info, err := s.client.Client.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return blob.Info{}, failed(ctx, "stat", key, err)
	}
	return infoOf(key, info), nil
}

func infoOf(key string, o minio.ObjectInfo) blob.Info {
	return blob.Info{Key: key, Type: o.ContentType, Size: o.Size, Modified: o.LastModified, ETag: o.ETag}
}

func (s *store) Delete(ctx context.Context, key string) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	err := s.client.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{})
	if err = failed(ctx, "delete", key, err); errors.Is(err, offload.ErrNotFound) {
		return nil
	}
	return err
}

func (s *store) List(ctx context.Context, prefix string) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for o := range s.client.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
			if o.Err != nil {
				yield(blob.Info{}, failed(ctx, "list", prefix, o.Err))
				return
			}
			if blob.CheckKey(o.Key) != nil {
				continue // of somebody else: it could not be read here
			}
			if !yield(infoOf(o.Key, o), nil) {
				return
			}
		}
		if cause := context.Cause(ctx); cause != nil {
			yield(blob.Info{}, cause)
		}
	}
}

// longestLink is the protocol's.
const longestLink = 7 * 24 * time.Hour

func (s *store) Link(ctx context.Context, key string, lifetime time.Duration) (string, error) {
	if err := blob.CheckKey(key); err != nil {
		return "", err
	}
	if lifetime < time.Second || lifetime > longestLink {
		return "", &offload.InputError{Field: "lifetime", Got: lifetime, Want: "1 second to 7 days"}
	}
	u, err := s.client.PresignedGetObject(ctx, s.bucket, key, lifetime, nil)
	if err != nil {
		return "", failed(ctx, "link to", key, err)
	}
	return u.String(), nil
}
