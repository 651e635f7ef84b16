package dashboard

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

type parcel struct {
	Width int    `json:"width"`
	Note  string `json:"note"`
	Card  string `json:"card" offload:"secret"`
	To    struct {
		Zip string `json:"zip"`
	} `json:"to"`
}

const parcelSchema = `{"type":"object","required":["width"],"properties":{"width":{"type":"integer"},"note":{"type":"string","title":"<b>Note"},
	"card":{"type":"string","writeOnly":true},"to":{"type":"object","properties":{"zip":{"type":["string","integer"]}}}}}`

// parcels returns an app with a task of which the schema is known, and one of its jobs.
func parcels(t *testing.T) (*offload.App, store.Store, offload.ID) {
	t.Helper()
	task := offload.Declare[parcel]("parcel")
	s := memory.New()
	app, err := offload.New(t.Context(), s, task.Handle(func(context.Context, parcel) error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() })
	register(t, s, parcelSchema)
	in := parcel{Width: 3, Note: "a\nb", Card: "4111 1111"}
	in.To.Zip = "01234"
	job, err := task.Enqueue(t.Context(), app, in, offload.Queue("slow"))
	if err != nil {
		t.Fatal(err)
	}
	return app, s, job.ID
}

func register(t *testing.T, s store.Store, schema string) {
	t.Helper()
	tasks, err := s.Tasks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range tasks {
		if tasks[i].Name == "parcel" {
			tasks[i].Schema = []byte(schema)
			if err := s.RegisterTasks(t.Context(), tasks[i:i+1]); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// storedInput is an input as it is stored, secrets and all.
func storedInput(t *testing.T, s store.Store, id offload.ID) string {
	t.Helper()
	inputs, err := s.Inputs(t.Context(), []store.ID{id})
	if err != nil {
		t.Fatal(err)
	}
	return string(inputs[id])
}

var (
	inputTag = regexp.MustCompile(`<input[^>]*?name="([^"]*)"[^>]*? value="([^"]*)"`)
	areaTag  = regexp.MustCompile(`(?s)<textarea name="([^"]*)"[^>]*>\n?(.*?)</textarea>`)
)

// typedInto is what a browser sends of the form of a page.
func typedInto(page string) url.Values {
	_, page, _ = strings.Cut(page, `class="fields card"`)
	page, _, _ = strings.Cut(page, "</form>")
	sent := url.Values{}
	for _, found := range append(inputTag.FindAllStringSubmatch(page, -1), areaTag.FindAllStringSubmatch(page, -1)...) {
		sent.Set(html.UnescapeString(found[1]), html.UnescapeString(found[2]))
	}
	return sent
}

func TestInputIsTypedIntoFields(t *testing.T) {
	app, s, id := parcels(t)
	h := New(app, as(Operator))
	path := "/jobs/new?from=" + id.String()
	page := ask(h, "GET", path, nil).Body.String()
	if strings.Contains(page, "4111") || strings.Contains(page, "<b>Note") || !strings.Contains(page, `type="password" name="/card" value="•••"`) {
		t.Errorf("a secret or a tag is on the page:\n%s", page)
	}
	sent := typedInto(page)
	sent.Set("/width", "9x")
	sent.Set("/to/zip", `"98765"`)
	sent.Set("do", "save")
	w := ask(h, "POST", "/jobs/new", sent)
	if again := w.Body.String(); w.Code != http.StatusUnprocessableEntity || !strings.Contains(again, `value="9x"`) || !strings.Contains(again, "98765") || !strings.Contains(again, "Want a number.") {
		t.Fatalf("what was typed, and what is wrong with it, is gone: %d\n%s", w.Code, again)
	}
	sent = typedInto(w.Body.String())
	sent.Set("/width", "9")
	if w := ask(h, "POST", "/jobs/new", with(sent, "do", "save")); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got, want := storedInput(t, s, id), `{"width":9,"note":"a\nb","card":"4111 1111","to":{"zip":"98765"}}`; got != want {
		t.Errorf("the input is %s, want %s", got, want)
	}
	if page := ask(h, "GET", path+"&as=json", nil).Body.String(); !strings.Contains(page, `<textarea name="input"`) {
		t.Error("it can't be typed as JSON")
	}
}

// What the task itself refuses is said beside the field, and a new job is made of fields too.
func TestNewJobOfFields(t *testing.T) {
	app, s, _ := parcels(t)
	h := New(app, as(Operator))
	page := ask(h, "GET", "/jobs/new?task=parcel", nil).Body.String()
	sent := with(typedInto(page), "do", "new", "/width", "4", "/to/zip", "12")
	w := ask(h, "POST", "/jobs/new", sent)
	if again := w.Body.String(); w.Code != http.StatusUnprocessableEntity || !strings.Contains(again, "Want string.") {
		t.Fatalf("%d\n%s", w.Code, again)
	}
	w = ask(h, "POST", "/jobs/new", with(typedInto(w.Body.String()), "do", "new", "/to/zip", ""))
	if got := storedInput(t, s, mustID(t, strings.TrimPrefix(w.Header().Get("Location"), "/jobs/"))); got != `{"width":4}` {
		t.Errorf("the input is %s", got)
	}
}

func TestFieldsOfAnotherVersionAreRefused(t *testing.T) {
	app, s, _ := parcels(t)
	sent := typedInto(ask(New(app, as(Operator)), "GET", "/jobs/new?task=parcel", nil).Body.String())
	register(t, s, strings.ReplaceAll(parcelSchema, "width", "breadth"))
	w := ask(New(app, as(Operator)), "POST", "/jobs/new", with(sent, "do", "new", "/width", "4"))
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "has changed") || !strings.Contains(w.Body.String(), "/breadth") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func with(form url.Values, fields ...string) url.Values {
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return form
}
