package sms

import (
	"errors"
	"net/http"

	"github.com/offloadhq/offload"
)

// mostReceipt is how much of a receipt is read.
const mostReceipt = 64 << 10

// Handler takes the receipts of providers, at the path of the URL given by Receipts. It may be served by another process than those that send, by a kit
// made with the same options. Without Receipts it finds nothing.
//
// It answers 204 to what it has noted, knew before, or makes nothing of, 403 to a receipt that the provider has not signed, 404 to a URL that the kit has not
// signed, and 503 if it can't note it now, so that those who try again do.
func (k *Kit) Handler(app *offload.App) http.Handler {
	mux := http.NewServeMux()
	if k == nil || k.sending == nil || k.sending.signed == nil || app == nil {
		return mux
	}
	take := func(w http.ResponseWriter, r *http.Request) { k.sending.take(app, w, r) }
	mux.HandleFunc("POST "+k.sending.path+"{via}/{token}", take)
	mux.HandleFunc("GET "+k.sending.path+"{via}/{token}", take)
	return mux
}

func (s *sending) take(app *offload.App, w http.ResponseWriter, r *http.Request) {
	p := s.provider(r.PathValue("via"))
	reporter, is := p.(Reporter)
	says, ok := s.signed.Open(r.PathValue("token"))
	if !is || !ok || len(says) != len(offload.ID{}) {
		http.Error(w, "This URL is none, or has expired.", http.StatusNotFound)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, mostReceipt)
	at := s.base + p.Name() + "/" + r.PathValue("token")
	if r.URL.RawQuery != "" {
		at += "?" + r.URL.RawQuery
	}
	report, err := reporter.Report(r, at)
	switch {
	case errors.Is(err, ErrSignature):
		http.Error(w, "This receipt is not signed by the provider.", http.StatusForbidden)
		return
	case err != nil:
		http.Error(w, "This receipt can't be read.", http.StatusBadRequest)
		return
	}
	if err := s.note(r.Context(), app, offload.ID(says), p, report); err != nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "This receipt can't be noted just now.", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
