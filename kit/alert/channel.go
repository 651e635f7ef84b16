package alert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/page"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/webhook"
)

// A channel is a way to tell people. It is told at least once of each notice.
type channel interface {
	tell(ctx context.Context, k *Kit, n *Notice) (Answer, error)
	kind() string // for the page
}

// sameWithin is how long a second job of the same notice finds the first.
const sameWithin = 7 * 24 * time.Hour

type slack struct{ url string }

func (*slack) kind() string { return "Slack" }

func (s *slack) tell(ctx context.Context, k *Kit, n *Notice) (Answer, error) {
	// https://api.slack.com/reference/surfaces/formatting#escaping: these three, and no others
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	text := "🔴 *" + escape.Replace(n.headline()) + "*"
	if n.Do == Clear {
		text = "🟢 *" + escape.Replace(n.headline()) + "*"
	}
	text += "\n" + escape.Replace(n.body())
	if n.Link != "" {
		text += "\n" + escape.Replace(n.Link)
	}
	return k.post(ctx, s.url, map[string]string{"text": text}, nil)
}

// headline is a line that says all.
func (n *Notice) headline() string {
	if n.Do == Clear {
		return "Over: " + n.Title
	}
	return n.Title
}

// body says the rest.
func (n *Notice) body() string {
	var b strings.Builder
	if n.Text != "" {
		b.WriteString(n.Text + "\n")
	}
	fmt.Fprintf(&b, "Rule %q, %s, since %s", n.Rule, n.Severity, page.Clock(n.Began))
	if n.Do == Clear {
		fmt.Fprintf(&b, ", until %s", page.Clock(n.Ended))
	}
	return b.String()
}

type pagerDuty struct{ url, key string }

func (*pagerDuty) kind() string { return "PagerDuty" }

// An event is one of PagerDuty's Events API v2.
type event struct {
	RoutingKey string        `json:"routing_key"`
	Action     string        `json:"event_action"` // trigger or resolve
	DedupKey   string        `json:"dedup_key"`    // by which a second trigger is none
	Client     string        `json:"client,omitempty"`
	ClientURL  string        `json:"client_url,omitempty"`
	Payload    *eventPayload `json:"payload,omitempty"`
}

type eventPayload struct {
	Summary   string          `json:"summary"` // up to 1,024 characters
	Source    string          `json:"source"`
	Severity  string          `json:"severity"`
	Timestamp time.Time       `json:"timestamp"`
	Component string          `json:"component,omitempty"`
	Class     string          `json:"class,omitempty"`
	Details   json.RawMessage `json:"custom_details,omitempty"`
}

func (p *pagerDuty) tell(ctx context.Context, k *Kit, n *Notice) (Answer, error) {
	e := event{RoutingKey: p.key, Action: "resolve", DedupKey: n.Incident}
	if n.Do == Alert {
		details, err := json.Marshal(map[string]string{"rule": n.Rule, "text": n.Text})
		if err != nil {
			return Answer{}, offload.Discard(err)
		}
		e.Action, e.Client, e.ClientURL = "trigger", "offload", n.Link
		e.Payload = &eventPayload{
			Summary: cut(n.Title, 1000), Source: "offload", Severity: n.Severity, Timestamp: n.Began.UTC(),
			Component: cut(n.Subject, 200), Class: string(n.When), Details: details,
		}
	}
	return k.post(ctx, p.url, e, nil)
}

type hook struct {
	url    string
	secret webhook.Secret
}

func (*hook) kind() string { return "webhook" }

func (h *hook) tell(ctx context.Context, k *Kit, n *Notice) (Answer, error) {
	return k.post(ctx, h.url, n, func(header http.Header, body []byte) error {
		return webhook.Sign(header, n.Key(), time.Now(), body, h.secret)
	})
}

type mailing struct{ to []string }

func (*mailing) kind() string { return "mail" }

// tell hands a mail for each address on to Mails, which goes on with it.
func (m *mailing) tell(ctx context.Context, _ *Kit, n *Notice) (answer Answer, err error) {
	var calls []*offload.Call
	text := n.body()
	if n.Link != "" {
		text += "\n\n" + n.Link
	}
	for _, to := range m.to {
		message := mail.Message{To: []string{to}, Subject: cut(strings.Join(strings.Fields(n.headline()), " "), 200), Text: text + "\n"}
		calls = append(calls, Mails.Call(message, offload.Unique{Key: n.Key() + " " + short(n.Channel, to), For: sameWithin}))
	}
	jobs, err := offload.AppOf(ctx).Enqueue(ctx, calls...)
	for _, job := range jobs {
		answer.Mails = append(answer.Mails, job.ID)
	}
	return answer, err
}

// short stands for texts in a key, which has to be of some length.
func short(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

type function func(ctx context.Context, n Notice) error

func (function) kind() string { return "function" }

func (f function) tell(ctx context.Context, _ *Kit, n *Notice) (Answer, error) {
	return Answer{}, f(ctx, *n)
}

// cut is the beginning of a text, of most characters.
func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
