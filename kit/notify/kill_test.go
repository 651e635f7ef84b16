package notify_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/notify"
	"github.com/offloadhq/offload/kit/sms"
)

// openAll opens an app that tells ten people, and keeps what it sends.
func openAll(ctx context.Context, address string) (*offload.App, error) {
	content := notify.Fill(func(_ context.Context, _ notify.Who, o order) (notify.Content, error) {
		return notify.Content{Title: fmt.Sprintf("Order <%d> has shipped", o.ID)}, nil
	})
	kit, err := notify.New(func(_ context.Context, id string) (notify.Who, error) {
		return notify.Who{Mail: id + "@example.com", Phone: "+436641234567"}, nil
	}, []notify.Kind{
		{Name: "at.once", Channels: []notify.Channel{notify.InApp, notify.Mail, notify.SMS}, Content: content},
		{Name: "gathered", Channels: []notify.Channel{notify.Mail}, Content: content, Digest: time.Second},
	})
	if err != nil {
		return nil, err
	}
	texts, err := sms.New(sms.Keep{}, sms.From("Shop"))
	if err != nil {
		return nil, err
	}
	mails, err := mail.New(mail.Keep{Dir: filepath.Join(filepath.Dir(address), "outbox")}, mail.From("orders@shop.example"))
	if err != nil {
		return nil, err
	}
	return offload.Open(ctx, address, kit, texts, mails, quiet)
}

// child is a process that works until it is killed.
func child(address string) {
	app, err := openAll(context.Background(), address)
	if err == nil {
		err = app.Run(context.Background())
	}
	fmt.Println(err)
}

// Processes are killed one after the other in the middle of the work: everybody is told everything, once.
func TestKilledAgainAndAgain(t *testing.T) {
	address := filepath.Join(t.TempDir(), "notify.db")
	app, err := openAll(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	const n = 120
	var notices []notify.Notice
	for i := range n {
		kind := []string{"at.once", "gathered"}[i%2]
		notices = append(notices, notify.Notice{To: fmt.Sprintf("person-%d", i%10), Kind: kind, Data: notify.Data(order{i}), Key: fmt.Sprint(i)})
	}
	jobs, err := notify.Notify.EnqueueMany(t.Context(), app, notices)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 { // jobs that have seen more of them die wait, lest they be the reason
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Env = append(os.Environ(), "NOTIFY_CHILD="+address)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(150+100*i) * time.Millisecond) // somewhere in the middle of its work
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	ctx, stop := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = app.Run(ctx) })
	defer run.Wait()
	defer stop()
	for _, job := range jobs {
		if _, err := notify.Notify.Wait(t.Context(), app, job.ID); err != nil {
			t.Error(err)
		}
	}
	unended := []offload.State{offload.Available, offload.Scheduled, offload.Retryable, offload.Running, offload.Blocked}
	deadline := time.After(time.Minute)
	for {
		left, err := app.Jobs(t.Context(), offload.Filter{States: unended, Max: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("%d jobs have not ended, such as %s %s (%s)", len(left), left[0].Task, left[0].State, left[0].Error)
		case <-time.After(20 * time.Millisecond):
		}
	}
	read := func(task string) (all string, count int) {
		found, err := app.Jobs(t.Context(), offload.Filter{Tasks: []string{task}, Max: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, job := range found {
			if job.State != offload.Completed {
				t.Errorf("a job %s is %s (%s)", task, job.State, job.Error)
			}
			if task == "sms" {
				m, _ := sms.Send.Input(job)
				all += m.Text
				continue
			}
			m, err := mail.Send.Input(job)
			if err != nil {
				t.Error(err)
			}
			if _, more, _ := strings.Cut(m.Subject, " (and "); more == "" {
				all += m.Subject
			} else {
				all += m.Text
			}
		}
		return all, len(found)
	}
	mails, mailed := read("mail")
	texts, texted := read("sms")
	for i := range n {
		title := fmt.Sprintf("Order <%d>", i)
		if got := strings.Count(mails, title); got != 1 {
			t.Errorf("%s is in %d mails", title, got)
		}
		if got := strings.Count(texts, title); got != 1-i%2 {
			t.Errorf("%s is in %d short messages", title, got)
		}
	}
	items := 0
	for i := range 10 {
		list, err := notify.Inbox(t.Context(), app, fmt.Sprintf("person-%d", i))
		if err != nil {
			t.Error(err)
		}
		items += len(list.Items)
	}
	if items != n/2 || texted != n/2 || mailed < n/2+5 || mailed > n {
		t.Errorf("there are %d items, %d short messages and %d mails", items, texted, mailed)
	}
}
