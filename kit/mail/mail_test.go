package mail_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	netsmtp "net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/offloadtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// via is a server as a transport.
func via(m *mailbox) mail.SMTP {
	return mail.SMTP{Addr: m.addr, User: user, Password: password, TLS: m.trust}
}

func newApp(t *testing.T, transport mail.Transport, opts ...mail.Option) *offloadtest.App {
	t.Helper()
	kit, err := mail.New(transport, append([]mail.Option{mail.From("Shop <orders@shop.example>")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	app := offloadtest.New(kit, offload.LogTo(slog.New(slog.DiscardHandler)))
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	return app
}

// letter is the least of a mail.
func letter() mail.Message {
	return mail.Message{To: []string{"ada@example.com"}, Subject: "Your order", Text: "It is on its way."}
}

// sent enqueues a mail, runs what is due, and returns its job.
func sent(t *testing.T, app *offloadtest.App, m mail.Message, opts ...offload.EnqueueOption) *offload.Job {
	t.Helper()
	job, err := mail.Send.Enqueue(t.Context(), app, m, opts...)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	return again(t, app, job)
}

func again(t *testing.T, app *offloadtest.App, job *offload.Job) *offload.Job {
	t.Helper()
	job, err := app.Job(t.Context(), job.ID)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func wantState(t *testing.T, job *offload.Job, state offload.State, said string) {
	t.Helper()
	if job.State != state || !strings.Contains(job.Error, said) {
		t.Errorf("the job is %s, %q; want %s with %q", job.State, job.Error, state, said)
	}
}

func TestMailsArriveWhole(t *testing.T) {
	for name, with := range map[string]how{"STARTTLS": starttls, "without TLS": noTLS} {
		t.Run(name, func(t *testing.T) {
			server := startServer(t, with, nil)
			transport := via(server)
			transport.Plain = with == noTLS
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "bill.pdf"), bytes.Repeat([]byte("bill "), 50_000), 0o600); err != nil {
				t.Fatal(err)
			}
			_, key, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			app := newApp(t, transport, mail.Files(dir), mail.DKIM("shop.example", "s1", key))
			m := letter()
			m.Subject, m.HTML = "Größe 42 — 注文", `<p>It is <b>on its way</b>. <img src="cid:logo.png"></p>`
			m.Cc, m.Bcc, m.ReplyTo = []string{"Bob <bob@example.com>"}, []string{"hidden@example.com"}, "help@shop.example"
			m.Unsubscribe, m.Headers = "https://shop.example/leave?u=7", map[string]string{"Auto-Submitted": "auto-generated"}
			m.Attach = []mail.File{
				{Name: "Rechnung für Ada.pdf", Path: "bill.pdf"},
				{Name: "note.txt", Content: []byte("hello")},
				{Name: "logo.png", Content: []byte("\x89PNG\r\n"), Inline: true},
			}
			job := sent(t, app, m)
			wantState(t, job, offload.Completed, "")
			receipt, err := mail.Send.Wait(t.Context(), app.App, job.ID)
			if err != nil || receipt.MessageID != job.ID.String()+"@shop.example" || receipt.Via != server.addr || receipt.Response == "" {
				t.Errorf("the receipt is %+v, %v", receipt, err)
			}
			got := server.mails()
			if len(got) != 1 || got[0].from != "orders@shop.example" || strings.Join(got[0].to, " ") != "ada@example.com bob@example.com hidden@example.com" {
				t.Fatalf("arrived: %+v", got)
			}
			for name, want := range map[string]string{
				"Message-Id": "<" + receipt.MessageID + ">", "Reply-To": "help@shop.example", "Bcc": "", "From": `"Shop" <orders@shop.example>`,
				"List-Unsubscribe": "<https://shop.example/leave?u=7>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
				"Auto-Submitted": "auto-generated", "User-Agent": "", "X-Mailer": "",
			} {
				if got := got[0].header(t, name); strings.Trim(got, "<>") != strings.Trim(want, "<>") {
					t.Errorf("header %s is %q, want %q", name, got, want)
				}
			}
			if got[0].header(t, "Dkim-Signature") == "" {
				t.Error("it is not signed")
			}
			if strings.Contains(string(got[0].text), "hidden@") {
				t.Error("the mail names whom Bcc hides")
			}
			if size := len(got[0].text); size < 300_000 {
				t.Errorf("of a file of 250 kB and more %d bytes arrived", size)
			}
			if server.signed != 1 {
				t.Errorf("signed in %d times", server.signed)
			}
		})
	}
}

func TestAnswersDecide(t *testing.T) {
	for _, test := range []struct {
		name  string
		shape func(*mailbox)
		want  offload.State
		said  string
	}{
		{"no such user", func(m *mailbox) {
			m.onRcpt = func(string, int) error { return answer(550, "no such user") }
		}, offload.Discarded, `refuses the mail: RCPT TO: 550 5.1.1 no such user, for ada@example.com`},
		{"greylisting", func(m *mailbox) {
			m.onRcpt = func(string, int) error { return answer(451, "come back later") }
		}, offload.Retryable, "puts the mail off: RCPT TO: 451"},
		{"a sender that is not known", func(m *mailbox) {
			m.onMail = func(int) error { return answer(553, "not yours") }
		}, offload.Discarded, "553"},
		{"a sender that has to sign in", func(m *mailbox) {
			m.onMail = func(int) error { return answer(530, "sign in") }
		}, offload.Retryable, "530"},
		{"too busy", func(m *mailbox) {
			m.onMail = func(int) error { return answer(421, "shutting down") }
		}, offload.Retryable, "421"},
		{"no spam", func(m *mailbox) {
			m.onData = func(*smtp.Conn, io.Reader, int) error { return answer(554, "looks like spam") }
		}, offload.Discarded, "554"},
		{"a disk that is full", func(m *mailbox) {
			m.onData = func(*smtp.Conn, io.Reader, int) error { return answer(452, "disk full") }
		}, offload.Retryable, "452"},
		{"gone before the mail", func(m *mailbox) {
			m.onMail = func(n int) error { return errHangUp }
		}, offload.Retryable, ""},
		{"gone in the middle of the mail", func(m *mailbox) {
			m.onData = func(c *smtp.Conn, r io.Reader, _ int) error {
				_, _ = io.CopyN(io.Discard, r, 100)
				_ = c.Conn().Close()
				return errHangUp
			}
		}, offload.Retryable, "mail server"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := startServer(t, starttls, test.shape)
			app := newApp(t, via(server))
			job := sent(t, app, letter())
			wantState(t, job, test.want, test.said)
			if strings.Contains(job.Error, password) {
				t.Errorf("the error shows the password: %s", job.Error)
			}
		})
	}
}

// Of several recipients that are refused all are named, and the one for whom there is no hope decides, whichever comes first.
func TestAllWhoAreRefusedAreNamed(t *testing.T) {
	for _, order := range [][]string{{"full@example.com", "gone@example.com"}, {"gone@example.com", "full@example.com"}} {
		server := startServer(t, starttls, func(m *mailbox) {
			m.onRcpt = func(to string, _ int) error {
				if to == "gone@example.com" {
					return answer(550, "no such user")
				}
				return answer(452, "mailbox full")
			}
		})
		app := newApp(t, via(server))
		m := letter()
		m.To = order
		job := sent(t, app, m)
		wantState(t, job, offload.Discarded, "550 5.1.1 no such user, for gone@example.com")
		wantState(t, job, offload.Discarded, "452 4.1.1 mailbox full, for full@example.com")
	}
}

// What was put off arrives when it is tried again, once, by the same name.
func TestPutOffMailsArriveLater(t *testing.T) {
	server := startServer(t, starttls, func(m *mailbox) {
		m.onRcpt = func(_ string, n int) error {
			if n < 3 {
				return answer(451, "greylisted")
			}
			return nil
		}
	})
	app := newApp(t, via(server))
	job := sent(t, app, letter())
	for range 2 {
		app.Advance(time.Hour)
		app.Drain()
	}
	wantState(t, again(t, app, job), offload.Completed, "")
	if got := server.mails(); len(got) != 1 || !strings.Contains(got[0].header(t, "Message-Id"), job.ID.String()) {
		t.Errorf("%d mails arrived", len(got))
	}
}

// A mail whose answer was lost goes out again, as the same mail; until it is too old.
func TestLostAnswerSendsTheSameMailAgain(t *testing.T) {
	server := startServer(t, starttls, func(m *mailbox) {
		m.onData = func(c *smtp.Conn, r io.Reader, n int) error {
			if n > 1 {
				return nil
			}
			text, _ := io.ReadAll(r)
			m.mu.Lock()
			m.got = append(m.got, arrived{text: text})
			m.mu.Unlock()
			_ = c.Conn().Close() // it has the mail, and nobody hears of it
			return errHangUp
		}
	})
	other := startServer(t, starttls, nil)
	app := newApp(t, via(server), mail.FailOver(via(other)))
	job := sent(t, app, letter())
	wantState(t, job, offload.Retryable, "before the server could say whether it took the mail")
	app.Advance(time.Hour)
	app.Drain()
	wantState(t, again(t, app, job), offload.Completed, "")
	got := server.mails()
	if len(got) != 2 || got[0].header(t, "Message-Id") != got[1].header(t, "Message-Id") || got[0].header(t, "Date") != got[1].header(t, "Date") {
		t.Errorf("%d mails arrived, or they are not the same", len(got))
	}
	if n := len(other.mails()); n > 0 {
		t.Errorf("the other server was given %d mails that the first may have", n)
	}
}

func TestAServerThatStallsIsLeft(t *testing.T) {
	for _, when := range []string{"mail", "data"} {
		t.Run(when, func(t *testing.T) {
			server := startServer(t, starttls, func(m *mailbox) {
				wait := func() error { <-m.stalled; return errHangUp }
				if when == "mail" {
					m.onMail = func(int) error { return wait() }
				} else {
					m.onData = func(*smtp.Conn, io.Reader, int) error { return wait() }
				}
			})
			app := newApp(t, via(server))
			job := sent(t, app, letter(), offload.Timeout(300*time.Millisecond))
			wantState(t, job, offload.Retryable, offload.ErrTimeout.Error())
		})
	}
}

func TestNothingIsSentWithoutTLS(t *testing.T) {
	server := startServer(t, noTLS, nil)
	app := newApp(t, via(server))
	wantState(t, sent(t, app, letter()), offload.Retryable, "STARTTLS")
	strange := startServer(t, starttls, nil)
	transport := via(strange)
	transport.TLS = nil // nobody vouches for its certificate
	app = newApp(t, transport)
	wantState(t, sent(t, app, letter()), offload.Retryable, "certificate")
	if server.signed+strange.signed > 0 || len(server.mails())+len(strange.mails()) > 0 {
		t.Error("something was sent all the same")
	}
}

func TestAWrongPasswordIsNoFaultOfTheMail(t *testing.T) {
	server := startServer(t, starttls, nil)
	transport := via(server)
	transport.Password = "wrong horse"
	app := newApp(t, transport)
	job := sent(t, app, letter())
	wantState(t, job, offload.Retryable, "535")
	if strings.Contains(job.Error, transport.Password) {
		t.Errorf("the error shows the password: %s", job.Error)
	}
}

func TestTheNextTransportIsTried(t *testing.T) {
	gone := startServer(t, starttls, nil)
	gone.goAway()
	busy := startServer(t, starttls, func(m *mailbox) { m.onMail = func(int) error { return answer(451, "too many") } })
	good := startServer(t, starttls, nil)
	app := newApp(t, via(gone), mail.FailOver(via(busy)), mail.FailOver(via(good)))
	wantState(t, sent(t, app, letter()), offload.Completed, "")
	if len(good.mails()) != 1 {
		t.Errorf("the last server has %d mails", len(good.mails()))
	}
	strict := startServer(t, starttls, func(m *mailbox) { m.onRcpt = func(string, int) error { return answer(550, "nobody") } })
	app = newApp(t, via(strict), mail.FailOver(via(good)))
	wantState(t, sent(t, app, letter()), offload.Discarded, "550")
	if len(good.mails()) != 1 {
		t.Error("a mail that was refused was sent elsewhere")
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	server := startServer(t, starttls, func(m *mailbox) {
		m.onRcpt = func(_ string, n int) error {
			if n%3 == 0 {
				return answer(550, "nobody") // leaves the connection as it was
			}
			return nil
		}
	})
	kit, err := mail.New(via(server), mail.From("a@shop.example"))
	if err != nil {
		t.Fatal(err)
	}
	app := offloadtest.New(kit, offload.LogTo(slog.New(slog.DiscardHandler)), offload.Workers("mail", 1))
	defer app.Close()
	for range 9 {
		if _, err := mail.Send.Enqueue(t.Context(), app, letter()); err != nil {
			t.Fatal(err)
		}
		app.Drain()
	}
	if len(server.conns) != 1 || len(server.mails()) != 6 {
		t.Errorf("%d mails arrived by %d connections, want 6 by one", len(server.mails()), len(server.conns))
	}
}

func TestTwiceIsOneMail(t *testing.T) {
	server := startServer(t, starttls, nil)
	app := newApp(t, via(server))
	offloadtest.Twice(t, app, mail.Send.Call(letter()), func() any { return len(server.mails()) })
}

func TestTemplates(t *testing.T) {
	files := fstest.MapFS{
		"_base.html":   {Data: []byte(`{{define "frame"}}<html>{{template "body" .}}</html>{{end}}`)},
		"welcome.html": {Data: []byte(`{{template "frame" .}}{{define "body"}}<p>Hello {{.name}}, order {{.order}}</p>{{end}}`)},
		"welcome.txt":  {Data: []byte("{{define \"subject\"}}Welcome, {{.name}} & all{{end}}Hello {{.name}}, order {{.order}}\n")},
		"plain.txt":    {Data: []byte("no more")},
	}
	dir := t.TempDir()
	kit, err := mail.New(mail.Keep{Dir: dir}, mail.From("a@shop.example"), mail.Templates(files))
	if err != nil {
		t.Fatal(err)
	}
	app := offloadtest.New(kit, offload.LogTo(slog.New(slog.DiscardHandler)))
	defer app.Close()
	type data struct {
		Name  string `json:"name"`
		Order int    `json:"order"`
	}
	m := mail.Message{To: []string{"ada@example.com"}, Template: "welcome", Data: mail.Fill(data{"<Ada>", 1_000_000})}
	source, err := kit.Preview(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Subject: Welcome, <Ada> & all", "Hello <Ada>, order 1000000", "<html><p>Hello &lt;Ada&gt;, order 1000000"} {
		if !strings.Contains(string(source), want) {
			t.Errorf("the preview has no %q:\n%s", want, source)
		}
	}
	for name, test := range map[string]struct {
		change func(*mail.Message)
		said   string
	}{
		"a template that is not there": {func(m *mail.Message) { m.Template = "welcum" }, "plain, welcome"},
		"data that lacks something":    {func(m *mail.Message) { m.Data = mail.Fill(map[string]int{"order": 7}) }, "name"},
		"a subject of two lines":       {func(m *mail.Message) { m.Data = mail.Fill(data{"A\nBcc: x@y.example", 1}) }, "one line"},
	} {
		m := m
		test.change(&m)
		job := sent(t, app, m)
		wantState(t, job, offload.Discarded, test.said)
		if job.Attempt != 1 {
			t.Errorf("%s: %d attempts", name, job.Attempt)
		}
	}
	if _, err := mail.New(mail.Keep{Dir: dir}, mail.Templates(fstest.MapFS{"bad.txt": {Data: []byte("{{.name")}})); err == nil || !strings.Contains(err.Error(), "bad.txt") {
		t.Errorf("a template that can't be parsed: %v", err)
	}
}

func TestBadMailsAreRefusedAtEnqueue(t *testing.T) {
	app := newApp(t, mail.Keep{Dir: t.TempDir()})
	for field, change := range map[string]func(*mail.Message){
		"to":                 func(m *mail.Message) { m.To = []string{"ada"} },
		"cc":                 func(m *mail.Message) { m.Cc = []string{"ada@example.com\r\nBcc: eve@example.com"} },
		"bcc":                func(m *mail.Message) { m.Bcc = []string{"<a@b> SIZE=1"} },
		"from":               func(m *mail.Message) { m.From = "Shop" },
		"reply_to":           func(m *mail.Message) { m.ReplyTo = "a@b.example, c@d.example" },
		"subject":            func(m *mail.Message) { m.Subject = "Hello\r\nBcc: eve@example.com" },
		"text":               func(m *mail.Message) { m.Text = "\xff" },
		"html":               func(m *mail.Message) { m.HTML = "a\x00" },
		"template":           func(m *mail.Message) { m.Template = "welcome" },
		"unsubscribe":        func(m *mail.Message) { m.Unsubscribe = "http://shop.example/leave" },
		"headers":            func(m *mail.Message) { m.Headers = map[string]string{"X:\nY": "1"} },
		"headers.X-Order":    func(m *mail.Message) { m.Headers = map[string]string{"X-Order": "7\nBcc: eve@example.com"} },
		"headers.Message-ID": func(m *mail.Message) { m.Headers = map[string]string{"Message-ID": "<1@x>"} },
		"attach[0].name":     func(m *mail.Message) { m.Attach = []mail.File{{Name: "../bill.pdf", Content: []byte("x")}} },
		"attach[0]":          func(m *mail.Message) { m.Attach = []mail.File{{Name: "bill.pdf"}} },
		"attach[1].path": func(m *mail.Message) {
			m.Attach = []mail.File{{Name: "a", Content: []byte{}}, {Name: "b", Path: "b", Content: []byte("x")}}
		},
		"attach[0].blob": func(m *mail.Message) { m.Attach = []mail.File{{Name: "a", Blob: "../a"}} },
		"attach[1].blob": func(m *mail.Message) {
			m.Attach = []mail.File{{Name: "a", Blob: "a"}, {Name: "b", Path: "b", Blob: "b"}}
		},
		"attach[0].type": func(m *mail.Message) { m.Attach = []mail.File{{Name: "a", Content: []byte{}, Type: "pdf\n"}} },
	} {
		m := letter()
		change(&m)
		_, err := mail.Send.Enqueue(t.Context(), app, m)
		var wrong *offload.InputError
		if !errors.As(err, &wrong) || wrong.Field != field || wrong.Want == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := mail.Send.Enqueue(t.Context(), app, mail.Message{To: []string{"a@b.example"}, Template: "x", Data: mail.Fill(func() {})}); err == nil {
		t.Error("data that does not encode was taken")
	}
	offloadtest.WantNone(t, app, mail.Send.Task)
	many := letter()
	many.To = make([]string, 101)
	if _, err := mail.Send.Enqueue(t.Context(), app, many); err == nil {
		t.Error("a mail to 101 was taken")
	}
}

func TestWhatCanBeNoMailIsDiscardedAtOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	app := newApp(t, mail.Keep{Dir: t.TempDir()}, mail.Files(dir))
	for _, path := range []string{"none.pdf", "../secret", "/etc/passwd", "link", "."} {
		m := letter()
		m.Attach = []mail.File{{Name: "x.pdf", Path: path}}
		job := sent(t, app, m)
		wantState(t, job, offload.Discarded, "attach[0].path")
		if job.Attempt != 1 {
			t.Errorf("%s: %d attempts", path, job.Attempt)
		}
	}
}

func TestKitsThatCantBeAreRefused(t *testing.T) {
	for field, make := range map[string]func() (*mail.Kit, error){
		"SMTP.Addr":     func() (*mail.Kit, error) { return mail.New(mail.SMTP{Addr: "smtp.example.com"}) },
		"SMTP.Password": func() (*mail.Kit, error) { return mail.New(mail.SMTP{Addr: "a.example:587", User: "shop"}) },
		"SMTP.User":     func() (*mail.Kit, error) { return mail.New(mail.SMTP{Addr: "a.example:587", Password: "x"}) },
		"SMTP.Plain": func() (*mail.Kit, error) {
			return mail.New(mail.SMTP{Addr: "a.example:25", User: "shop", Password: "x", Plain: true})
		},
		"Keep.Dir":  func() (*mail.Kit, error) { return mail.New(mail.Keep{}) },
		"transport": func() (*mail.Kit, error) { return mail.New(nil) },
		"From":      func() (*mail.Kit, error) { return mail.New(mail.Keep{Dir: t.TempDir()}, mail.From("Shop")) },
		"DKIM":      func() (*mail.Kit, error) { return mail.New(mail.Keep{Dir: t.TempDir()}, mail.DKIM("", "", nil)) },
		"Tasks":     func() (*mail.Kit, error) { return mail.New(mail.Keep{Dir: t.TempDir()}, mail.Tasks()) },
	} {
		_, err := make()
		if wrong := (*offload.InputError)(nil); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestNamedTasksAndTheirRate(t *testing.T) {
	news := mail.Named("newsletter", mail.PerDomain(2, time.Minute))
	app := newApp(t, mail.Keep{Dir: t.TempDir()}, mail.Tasks(mail.Send, news))
	for range 3 {
		for _, to := range []string{"ada@Example.com", "bob@other.example"} {
			m := letter()
			m.To = []string{to}
			if _, err := news.Enqueue(t.Context(), app, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	app.Drain()
	counts := func() int {
		jobs, err := app.Jobs(t.Context(), offload.Filter{Tasks: []string{"newsletter"}, States: []offload.State{offload.Completed}})
		if err != nil {
			t.Fatal(err)
		}
		return len(jobs)
	}
	if n := counts(); n != 4 {
		t.Errorf("%d of 6 mails went out at once, want 2 to each of two domains", n)
	}
	app.Advance(time.Minute)
	app.Drain()
	if n := counts(); n != 6 {
		t.Errorf("%d of 6 mails went out after a minute", n)
	}
}

func TestCatchKeepsMailsOfOtherPrograms(t *testing.T) {
	dir := t.TempDir()
	kit, err := mail.New(mail.Keep{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	catch, err := mail.NewCatch("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	app := offloadtest.New(kit, catch)
	defer app.Close()
	err = netsmtp.SendMail(catch.Addr, nil, "a@x.example", []string{"b@y.example"}, []byte("Subject: from elsewhere\r\nFrom: a@x.example\r\n\r\nhello\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if page := get(t, kit.Outbox(), "/").Body.String(); !strings.Contains(page, "from elsewhere") || !strings.Contains(page, "b@y.example") {
		t.Errorf("the list is\n%s", page)
	}
	for _, address := range []string{"0.0.0.0:1025", ":1025", "example.com:1025", "none"} {
		if _, err := mail.NewCatch(address, dir); err == nil {
			t.Errorf("it listens at %s", address)
		}
	}
}
