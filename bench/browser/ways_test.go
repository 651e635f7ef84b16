package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/offloadhq/offload"
)

// Somebody finds a job that failed, reads why, mends its input, runs it again, and sees it complete.
func TestFailedJobIsMended(t *testing.T) {
	t.Parallel()
	v := browse(t, wide)
	v.open("/")
	v.click(`//nav//a[normalize-space()="Retries"]`)
	v.sees("width is 0, a number above 0 was expected")
	v.click(`//tr[contains(., "width is 0")]//a[contains(@class, "job")]`)
	v.sees("What went wrong")
	v.press("Change")
	v.sees("Save and run")
	v.do(chromedp.SetValue(`input[name="/width"]`, "wide"))
	v.press("Save and run")
	v.sees("Want a number.")
	v.do(chromedp.SetValue(`input[name="/width"]`, "64"))
	v.press("Save and run")
	v.sees("Saved, and let go.")
	v.sees("It completed")
}

// All that match are retried in the background, and the list empties by itself.
func TestAllThatMatchAreRetried(t *testing.T) {
	t.Parallel()
	v := browse(t, wide)
	v.open("/retries?task=sync-account")
	v.sees("503 Service Unavailable")
	v.click(`input[name=all]`)
	v.press("Retry")
	v.sees("All that match: retry, in the background")
	v.open("/operations")
	v.sees("tasks sync-account")
	v.sees("completed")
	if job := v.job(offload.Filter{Tasks: []string{"sync-account"}}); job.Attempt < 2 && job.State == offload.Retryable {
		t.Errorf("%s was not tried again", job.ID)
	}
}

func TestQueueIsPausedAndTheNoticeTakesItBack(t *testing.T) {
	t.Parallel()
	v := browse(t, middle)
	v.open("/queues")
	v.click(`//tr[@id="q-mail"]//button[normalize-space()="Pause"]`)
	v.sees("Paused mail. What runs goes on; nothing new begins.")
	v.click(`//div[contains(@class, "notice")]//button`)
	v.sees("Resumed mail.")
}

func TestScheduleIsRunNow(t *testing.T) {
	t.Parallel()
	v := browse(t, wide)
	v.open("/schedules")
	v.click(`//tr[@id="s-heartbeat"]//button[normalize-space()="Run now"]`)
	v.sees("Enqueued the job of heartbeat")
	v.sees("It completed")
}

// A page is true within moments, without being loaded again, and keeps what somebody types.
func TestPageStaysTrue(t *testing.T) {
	t.Parallel()
	v := browse(t, wide)
	v.open("/jobs?task=export")
	v.do(chromedp.SendKeys(`input[name=q]`, "half a wo"))
	exporting := v.job(offload.Filter{Tasks: []string{"export"}, States: []offload.State{offload.Running}})
	if err := v.app.Cancel(v.Context(), exporting.ID); err != nil {
		t.Fatal(err)
	}
	v.sees("cancelled\n")
	if typed := get(v, chromedp.Value(`input[name=q]`)); typed != "half a wo" {
		t.Errorf("what was typed is now %q", typed)
	}
}

// Reading and acting need no script.
func TestWithoutScripts(t *testing.T) {
	t.Parallel()
	v := browse(t, narrow, noScripts())
	read := func(what, want string) {
		t.Helper()
		for end := time.Now().Add(patience); time.Now().Before(end); {
			if text, err := ask(v, chromedp.TextContent(what)); err == nil && strings.Contains(text, want) {
				return
			}
			<-time.After(50 * time.Millisecond)
		}
		t.Fatalf("%s does not say %q", what, want)
	}
	v.open("/queues")
	v.click(`//tr[@id="q-mail"]//button[normalize-space()="Pause"]`)
	read(".notice", "Paused mail.")
	v.click(`.menu summary`)
	v.click(`//nav//a[normalize-space()="Retries"]`)
	v.click(`//tr[contains(., "width is 0")]//a[contains(@class, "job")]`)
	v.press("Change")
	v.do(chromedp.SetValue(`input[name="/width"]`, "64"))
	v.press("Save and run")
	read(".notice", "Saved, and let go.")
	v.click(`//main//summary[normalize-space()="As a command"]`)
	read("details[open] pre", "offload enqueue thumbnail")
}

// Keys lead anywhere, and to their own help; whoever turned them off can type what they like.
func TestKeys(t *testing.T) {
	t.Parallel()
	v := browse(t, middle)
	palette := chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	v.open("/")
	v.keys(`dialog input`, palette)
	v.do(chromedp.SendKeys(`dialog input`, "thumbn"), chromedp.WaitReady(`dialog a.here[href$="task=thumbnail"]`), chromedp.SendKeys(`dialog input`, kb.Enter))
	v.sees("any queue")
	v.keys(`dialog kbd`, chromedp.KeyEvent("?"))
	v.do(chromedp.KeyEvent(kb.Escape), chromedp.WaitNotPresent(`dialog`))
	v.keys(`tr#q-mail`, chromedp.KeyEvent("g"), chromedp.KeyEvent("q"))
	v.open("/settings")
	v.click(`input[name=plain]`)
	v.press("Save for this browser")
	v.sees("Saved for this browser.")
	v.do(chromedp.KeyEvent("?"))
	v.keys(`dialog a.here`, palette)
	if n := get(v, chromedp.Evaluate[int](`document.querySelectorAll("dialog, dialog kbd").length`)); n != 1 {
		t.Errorf("%d dialogs and keys in them", n)
	}
}
