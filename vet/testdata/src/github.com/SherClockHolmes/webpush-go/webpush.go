// Package webpush has the shape of the library.
package webpush

import "net/http"

type Subscription struct{}

type Options struct{}

func SendNotification(message []byte, s *Subscription, options *Options) (*http.Response, error) {
	return nil, nil
}
