// Package web has a handler for each way by which something is reached, or is not.
package web

import (
	"archive/zip"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"iter"
	"log"
	"net/http"
	"net/smtp"
	"os/exec"
	"sync"
	"time"

	"notify"

	"github.com/SherClockHolmes/webpush-go"
	"github.com/offloadhq/offload"
	twilio "github.com/twilio/twilio-go/rest/api/v2010"
	"gopkg.in/gomail.v2"
)

type site struct {
	mailer mailer
	sender notify.Sender
	client *notify.Client
	app    *offload.App
	dialer *gomail.Dialer
	device *webpush.Subscription
	twilio *twilio.ApiService
	hook   func()
}

// Through another package, its methods and its generic functions.
func (s *site) across(w http.ResponseWriter, r *http.Request) {
	s.client.Tell(r.Context(), "new order") // want `calls another server while the user waits: site.across → notify.Client.Tell → notify.Client.send → http.Client.Do; kit/httpcall takes it over`
	notify.Mail("ada@example.com", "")      // want `site.across → notify.Mail → smtp.SendMail`
	notify.Generic(7)                       // want `site.across → notify.Generic → notify.Mail → smtp.SendMail`
	notify.Nothing()
	notify.Code("ada@example.com")
	notify.Later("ada@example.com") // want `starts work that is lost when the process stops: site.across → notify.Later → go Mail; a job of kit/mail keeps it`
}

// A library, known by name.
func (s *site) library(w http.ResponseWriter, r *http.Request) {
	s.dialer.DialAndSend(&gomail.Message{}) // want `sends mail while the user waits: site.library → gomail.Dialer.DialAndSend; kit/mail takes it over`

	webpush.SendNotification(nil, s.device, nil) // want `sends a push while the user waits: site.library → webpush.SendNotification; kit/push takes it over`

	s.twilio.CreateMessage(nil) // want `sends a short message while the user waits: site.library → openapi.ApiService.CreateMessage; kit/sms takes it over`

	s.twilio.CreateCall(nil) // want `calls another server while the user waits: site.library → openapi.ApiService.CreateCall; kit/httpcall takes it over`
}

type mailer interface{ mail(to string) error }

type direct struct{}

func (direct) mail(to string) error {
	return smtp.SendMail("mail.example:25", nil, "", []string{to}, nil) // want `site.interfaced → direct.mail → smtp.SendMail`
}

type keeping struct{}

func (*keeping) mail(string) error { return nil }

// Through an interface of the package.
func (s *site) interfaced(w http.ResponseWriter, r *http.Request) {
	s.mailer.mail("ada@example.com")
	s.sender.Send("ada@example.com") // want `site.interfaced → notify.Sender.Send → notify.byMail.Send → notify.Mail → smtp.SendMail`
}

// ServeHTTP is a handler by its name and by its form.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) { // want ServeHTTP:`sleep by time.Sleep and 1 more`
	time.Sleep(time.Second)   // want `sleeps while the user waits: site.ServeHTTP → time.Sleep; a job with a delay takes it over`
	<-time.After(time.Second) // want `site.ServeHTTP → <-time.After`
	select {
	case <-time.After(time.Second): // as long as something else may come
	case <-r.Context().Done():
	}
}

var send = smtp.SendMail

// Literals, and variables that hold functions.
func routes(mux *http.ServeMux, s *site) {
	mux.HandleFunc("GET /literal", func(w http.ResponseWriter, r *http.Request) {
		fetch := func() error {
			_, err := http.Get("https://example.com") // want `calls another server while the user waits: the handler of "GET /literal" → http.Get`
			return err
		}
		fetch()
		defer func() {
			exec.Command("convert", "a", "b").Run() // want `runs a program while the user waits: .* → exec.Cmd.Run`
		}()
		send("mail.example:25", nil, "", nil, nil) // want `the handler of "GET /literal" → smtp.SendMail`
	})
	mux.Handle("GET /converted", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.DefaultClient.PostForm("https://example.com", nil) // want `the handler of "GET /converted" → http.Client.PostForm`
	}))
	mux.Handle("GET /wrapped", logged(s))
}

func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
}

func retried(f func() error) error { return f() }

func fetched() error {
	_, err := http.Head("https://example.com") // want `site.handed → fetched → http.Head`
	return err
}

func lines(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		http.Get("https://example.com") // want `site.handed → lines → http.Get`
		yield(n)
	}
}

// Functions that are handed to others.
func (s *site) handed(w http.ResponseWriter, r *http.Request) {
	retried(fetched)
	retried(func() error {
		_, err := http.Get("https://example.com") // want `site.handed → http.Get`
		return err
	})
	for range lines(3) {
	}
}

func slow() { time.Sleep(time.Minute) }

// What is kept for later is not waited for.
func (s *site) kept(w http.ResponseWriter, r *http.Request) {
	s.hook = slow
	context.AfterFunc(r.Context(), slow)
	offload.NewTask("slow", func(context.Context, int) error { slow(); return nil })
}

// What the user gets is no archive.
func (s *site) streamed(w http.ResponseWriter, r *http.Request) {
	zw := gzip.NewWriter(w)
	defer zw.Close()
	in, _ := gzip.NewReader(r.Body)
	io.Copy(zw, in)
}

// An archive is.
func (s *site) packed(w http.ResponseWriter, r *http.Request) {
	a := zip.NewWriter(io.Discard) // want `packs files while the user waits: site.packed → zip.NewWriter; a task of your own takes it over`
	gzip.NewWriter(io.Discard)     // want `compresses or unpacks files while the user waits: site.packed → gzip.NewWriter \(with zip.OpenReader\); kit/file takes it over`
	zip.OpenReader("a.zip")
	a.Close()
}

// Two handlers reach one place.
func (s *site) one(w http.ResponseWriter, r *http.Request)   { s.common() }
func (s *site) other(w http.ResponseWriter, r *http.Request) { s.one(w, r) }

func (s *site) common() {
	http.Get("https://example.com") // want `site.one → site.common → http.Get \(and from another handler\)`
}

// Goroutines.
func (s *site) beside(w http.ResponseWriter, r *http.Request) {
	go slow()   // want `starts work that is lost when the process stops: site.beside → go slow; a job keeps it`
	go func() { // want `site.beside → go func; a job of kit/httpcall keeps it`
		http.Get("https://example.com")
	}()
	time.AfterFunc(time.Hour, s.common) // want `site.beside → time.AfterFunc s.common; a job of kit/httpcall keeps it`
	time.AfterFunc(time.Hour, func() { s.hook = nil })
	go s.pump()
	notify.Beside(slow)     // want `starts work that is lost when the process stops: site.beside → notify.Beside slow; a job keeps it`
	start(s.common, "work") // want `site.beside → start s.common; a job of kit/httpcall keeps it`
	notify.Beside(s.pump)
}

func start(f func(), name string) {
	log.Print(name)
	go f()
}

func (s *site) pump() {
	for {
		time.Sleep(time.Second)
	}
}

// Goroutines that are waited for are the user's time.
func (s *site) together(w http.ResponseWriter, r *http.Request) {
	var all sync.WaitGroup
	all.Go(func() {
		http.Get("https://one.example") // want `calls another server while the user waits: site.together → http.Get`
	})
	all.Add(1)
	go func() {
		defer all.Done()
		http.Get("https://two.example") // want `site.together → http.Get`
	}()
	all.Wait()
	got := make(chan error)
	go func() {
		got <- fetchInto(w)
	}()
	<-got
}

func fetchInto(w io.Writer) error {
	_, err := http.Get("https://example.com") // want `site.together → fetchInto → http.Get`
	return err
}

func parts() (method, url string, body io.Reader) { return "GET", "https://example.com", nil }

// Arguments that are made elsewhere.
func (s *site) made(w http.ResponseWriter, r *http.Request) {
	req, _ := http.NewRequest(parts())
	http.DefaultClient.Do(req)                      // want `site.made → http.Client.Do`
	(*http.Client).Do(http.DefaultClient, req)      // want `site.made → http.Client.Do`
	new(http.Client).Do(requestOf(r))               // want `site.made → http.Client.Do`
	exec.Command("convert", r.Form["arg"]...).Run() // want `site.made → exec.Cmd.Run`
	for range r.Form["arg"] {
		exec.CommandContext(r.Context(), "convert").Run() // want `site.made → exec.Cmd.Run`
	}
	do := http.Get
	do("https://example.com") // want `site.made → http.Get`
}

func requestOf(r *http.Request) *http.Request { return r }

// What belongs into the answer.
func (s *site) marked(w http.ResponseWriter, r *http.Request) {
	//offload:inline the answer shows the price
	answer, err := http.Get("https://example.com/price")
	if err != nil {
		return
	}
	http.Get("https://example.com/rate") //offload:inline so does the rate
	http.Get("https://example.com/crm")  // want `site.marked → http.Get`
	/* want `offload:inline needs a reason, such as: //offload:inline the answer shows the price` */ //offload:inline
	http.Get("https://example.com/tax")                                                              // want `site.marked → http.Get`
	fmt.Fprint(w, answer.Status)
}

//offload:inline a person asks for it, and looks on
func (s *site) wholly(w http.ResponseWriter, r *http.Request) {
	time.Sleep(time.Second)
}

//offload:inline for people who look on
func lookers(mux *http.ServeMux) {
	mux.HandleFunc("/look", func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Second) })
}

// A literal can be marked, and only it.
func marks(mux *http.ServeMux) {
	//offload:inline it is a test of patience
	mux.HandleFunc("/patience", func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Second) })
	mux.HandleFunc("/other", func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Second) }) // want `the handler of "/other" → time.Sleep`
}

// Functions that no handler reaches.
func work(ctx context.Context, in int) error {
	_, err := http.Get("https://example.com")
	return err
}

var task = offload.NewTask("work", work)

func main() {
	time.Sleep(time.Second)
	log.Fatal(http.ListenAndServe("", nil))
}
