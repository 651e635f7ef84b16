package sms_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/sms"
	"github.com/offloadhq/offload/kit/sms/twilio"
)

// child is a process that sends until it is killed.
func child(address string) {
	kit, err := sms.New(twilio.Provider{AccountSID: account, AuthToken: token, URL: os.Getenv("SMS_SERVER")}, sms.From("+15005550006"), withReceipts())
	if err != nil {
		fmt.Println(err)
		return
	}
	app, err := offload.Open(context.Background(), address, kit)
	if err == nil {
		err = app.Run(context.Background())
	}
	fmt.Println(err)
}

// A process is killed when the provider has taken the message, and before it could say so: the next one waits for the receipt, and does not send again.
func TestKilledWhileItAsks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sms.db")
	server := newPhoneServer(t)
	server.hidden = true
	kit := newKit(t, server.provider())
	app, err := offload.Open(t.Context(), path, kit, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	job, err := sms.Send.Enqueue(t.Context(), app, hello)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "SMS_CHILD="+path, "SMS_SERVER="+server.URL)
	started, killed := make(chan struct{}), make(chan struct{})
	server.will(misdeed{take: true, cut: true, before: func(texted) {
		<-started
		_ = cmd.Process.Kill()
		close(killed)
	}})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	<-killed
	_ = cmd.Wait()

	ctx, stop := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = app.Run(ctx) })
	defer run.Wait()
	defer stop()
	deadline := time.After(60 * time.Second)
	becomes := func(want offload.State) {
		t.Helper()
		for {
			now, err := app.Job(t.Context(), job.ID)
			if err != nil {
				t.Fatal(err)
			}
			if now.State == want {
				return
			}
			select {
			case <-deadline:
				t.Fatalf("the job is %s (%s), want %s", now.State, now.Error, want)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	becomes(offload.Scheduled) // it is in doubt, and waits
	m := wantMessages(t, server, 1)[0]
	if code := give(kit.Handler(app), receipt(m, "sent", nil)); code != 204 {
		t.Errorf("the receipt is answered %d", code)
	}
	if err := app.RunNow(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	becomes(offload.Completed)
	wantMessages(t, server, 1)
	if got, err := sms.Send.Wait(t.Context(), app, job.ID); err != nil || got.ID != m.sid {
		t.Errorf("the receipt is %+v, %v", got, err)
	}
}
