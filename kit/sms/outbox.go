package sms

import (
	"embed"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/page"
)

//go:embed view/list.html
var views embed.FS

var pages = page.ParseFS(views, nil)

// listed is how many messages the page shows.
const listed = 200

// A listedMessage is one of the page.
type listedMessage struct {
	ID string
	kept
	Size
	State State
	At    time.Time
}

// Outbox shows the messages that Keep has kept, for dashboard.Page("SMS", kit.Outbox(app)), with buttons that play the provider: they report that a message was
// delivered, or was not. It writes pieces of HTML, and is to be mounted where a path with a slash at its end leads to "/". Messages are shown to whoever may
// come to the handler.
func (k *Kit) Outbox(app *offload.App) http.Handler {
	mux := http.NewServeMux()
	if k == nil || k.sending == nil || app == nil {
		return mux
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { k.sending.list(app, w, r) })
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) { k.sending.play(app, w, r) })
	return http.NewCrossOriginProtection().Handler(mux)
}

func (s *sending) list(app *offload.App, w http.ResponseWriter, r *http.Request) {
	all, err := keptOf(app).List(r.Context(), "")
	if err != nil {
		http.Error(w, "The messages can't be read just now.", http.StatusServiceUnavailable)
		return
	}
	shown := struct {
		All      int
		Messages []listedMessage
	}{All: len(all)}
	slices.Reverse(all) // ids go up with time
	for _, m := range all[:min(len(all), listed)] {
		line := listedMessage{ID: m.Key, kept: m.Value, Size: Measure(m.Value.Text), At: m.At}
		if id, err := offload.ParseID(m.Key); err == nil {
			if d, err := DeliveryOf(r.Context(), app, id); err == nil {
				line.State = d.State
			}
		}
		shown.Messages = append(shown.Messages, line)
	}
	pages.Show(w, "list.html", shown)
}

// play reports a state as a provider does.
func (s *sending) play(app *offload.App, w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, mostReceipt)
	id, err := offload.ParseID(r.PostFormValue("message"))
	state := State(r.PostFormValue("state"))
	if err != nil || state != Delivered && state != Undelivered {
		http.Error(w, "That is no message, or no state.", http.StatusBadRequest)
		return
	}
	_, err = keptOf(app).Get(r.Context(), id.String())
	switch {
	case errors.Is(err, offload.ErrNotFound):
		http.NotFound(w, r)
		return
	case err == nil:
		err = s.note(r.Context(), app, id, Keep{}, Report{State: state})
	}
	if err != nil {
		http.Error(w, "That can't be noted just now.", http.StatusServiceUnavailable)
		return
	}
	page.Back(w, "./")
}
