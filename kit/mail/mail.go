// Package mail sends mails as jobs: the task "mail".
//
// A worker with the kit sends them, anybody may enqueue them:
//
//	kit, err := mail.New(mail.SMTP{Addr: "smtp.example.com:587", User: "shop", Password: secret},
//		mail.From("Shop <orders@shop.example>"))
//	app, err := offload.Open(ctx, "offload.db", kit)
//
//	mail.Send.Enqueue(ctx, app, mail.Message{
//		To: []string{"ada@example.com"}, Subject: "Your order", Text: "It is on its way."})
//
// While you develop, give Keep in place of SMTP: mails go into a folder, and Kit.Outbox shows them, on a page of the
// dashboard. Catch takes those of other programs in there too.
//
// # How it ends
//
// A mail that a server has accepted completes its job; the result is a Receipt. A server that can't be reached, does not speak
// TLS, or wants another password is no fault of the mail: the next transport is tried, and when none takes it the job is
// retried. An answer that begins with 4, such as that of greylisting, is retried. One that begins with 5 discards the job, with
// the answer in its error, since the same mail would get the same answer: see SendError. What can't become a mail, such as an address
// that is none or a template that is not there, is refused when it is enqueued where that can be known, and discarded at the
// first attempt otherwise.
//
// A mail is tried for 24 hours, unless GiveUpAfter says otherwise, and an attempt takes up to five minutes, unless Timeout does.
//
// # Once
//
// That a server has accepted a mail is noted at once, so that a job that is delivered twice sends it once. Between the server's answer and
// that note a process can die, or the answer be lost, and then the mail is sent again: no protocol of mail prevents that. Both have
// the same Message-ID, made of the job's id, by which many mail programs show them once.
//
// All that a mail is sent to are asked for in one conversation: a recipient whom the server refuses stops the mail for the
// others too. Give each of them a mail of their own, as one does anyway lest they see each other.
//
// # What it takes
//
// A mail is written before a server is asked for it: what is signed is what is sent, each server is told the same, and what is attached and
// can't be read is known in time. It takes up to 256 KiB of memory, and beyond that a file in the system's temporary folder, which is gone with the process. A mail of
// more than 256 MiB is discarded.
//
// # Who may
//
// Whoever can enqueue this task can send mails as the sender, and can send all files of the folder given by
// Files, and of the store given by Blobs.
package mail

import (
	"crypto/tls"
	"io/fs"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
)

// Send is the task. Any program may enqueue it; one with a Kit sends.
var Send = Named("mail")

// Named makes another task for mails, with a queue of its own unless an option says otherwise, such as "newsletter", whose mails shall not stand
// before a password's. A Kit of Tasks sends them.
func Named(name string, opts ...offload.TaskOption) *Sender {
	given := []offload.TaskOption{
		offload.Queue(name), offload.GiveUpAfter(24 * time.Hour), offload.Timeout(5 * time.Minute),
	}
	return &Sender{offload.DeclareFunc[Message, Receipt](name, append(given, opts...)...)}
}

// A Sender is a task for mails: a Func that fills in what is known of each.
type Sender struct {
	*offload.Func[Message, Receipt]
}

// PerDomain is a rate for each domain that mails go to, over all processes: 100 a minute to gmail.com, and as many to each
// other. It is an option of Named.
func PerDomain(n int, per time.Duration) offload.Limit {
	return offload.Limit{Name: "mail-domain", Max: n, Per: per, By: "domain"}
}

// A Kit sends mails.
type Kit struct {
	offload.Part
	sending *sending
}

// New makes a kit that sends mails by a transport. Its error says what of the options can't be.
func New(via Transport, opts ...Option) (*Kit, error) {
	c := config{tasks: []*Sender{Send}, via: []Transport{via}}
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	s, err := newSending(&c)
	if err != nil {
		return nil, err
	}
	parts := []offload.Part{offload.OnClose(s.close)}
	for _, task := range c.tasks {
		parts = append(parts, task.Handle(s.send))
	}
	return &Kit{offload.Parts(parts...), s}, nil
}

// A Transport takes mails away: SMTP or Keep.
type Transport interface {
	open() (carrier, error) // what is wrong with it, as an InputError
}

// SMTP is a mail server. Connections are kept for half a minute, and used again.
type SMTP struct {
	// Addr is "host:port". TLS begins with the connection at port 465, and by STARTTLS elsewhere, where a server that does not
	// offer it gets no mail.
	Addr           string
	User, Password string      // "" is nobody
	Plain          bool        // without TLS; only without a User, or on this machine
	TLS            *tls.Config // nil trusts what the machine trusts
}

// Keep keeps mails in a folder, a file each, instead of sending them: for development, and tests.
type Keep struct{ Dir string }

// An Option changes a kit.
type Option func(*config)

type config struct {
	tasks     []*Sender
	via       []Transport
	from      string
	templates fs.FS
	files     string
	blobs     blob.Store
	signer    *signer
	wrong     error
}

// From is the sender of mails that name none: "orders@shop.example" or "Shop <orders@shop.example>".
func From(address string) Option { return func(c *config) { c.from = address } }

// FailOver is a transport for mails that those before it can't take away just now.
func FailOver(via Transport) Option { return func(c *config) { c.via = append(c.via, via) } }

// Tasks are those that the kit works, in place of Send alone.
func Tasks(tasks ...*Sender) Option { return func(c *config) { c.tasks = tasks } }

// Templates are what Message.Template names: for "welcome" the files welcome.txt, welcome.html, or both. Templates may use each other
// by file name. They are read once, by New, whose error says which of them can't be parsed. What
// is missing in Message.Data is an error, not a gap.
func Templates(files fs.FS) Option { return func(c *config) { c.templates = files } }

// Files is the folder from which File.Path reads. What leads out of it, by ".." or a link, is refused. The default is none.
func Files(dir string) Option { return func(c *config) { c.files = dir } }

// Blobs is the store from which File.Blob reads: a bucket, or a directory that all workers share. What is attached is read once for each
// attempt, and never whole in memory. The default is none.
func Blobs(store blob.Store) Option { return func(c *config) { c.blobs = store } }

// A Receipt is what is known of a mail that was taken.
type Receipt struct {
	MessageID string `json:"message_id"`         // as the mail has it, without brackets
	Via       string `json:"via"`                // the server, or "kept"
	Response  string `json:"response,omitempty"` // of the server
}
