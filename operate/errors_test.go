package operate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/operate"
)

// An order is the input of a task that fails as it is told.
type order struct {
	N      int    `json:"n"`
	Fails  string `json:"fails"`
	Panics bool   `json:"panics"`
	Secret string `json:"secret" offload:"secret"`
}

func charge(_ context.Context, in order) error {
	switch {
	case in.Panics:
		panic(fmt.Sprint("order ", in.N))
	case in.Fails != "":
		return fmt.Errorf("order %d: %s", in.N, in.Fails)
	}
	return nil
}

// grouped runs what is due and groups what has failed, as the engine's duty does.
func grouped(t *testing.T, app *offloadtest.App) {
	t.Helper()
	app.Drain()
	s, err := inside.Store(app.App)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.GroupErrors(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
}

func errorGroups(t *testing.T, o *operate.Operator, q operate.ErrorQuery) []operate.ErrorGroup {
	t.Helper()
	groups, err := o.Errors(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

func TestErrorsAreGroupedMutedAndResolved(t *testing.T) {
	task := offload.NewTask("charge", charge, offload.MaxAttempts(1))
	app := offloadtest.New(task)
	defer app.Close()
	ada := operate.As(app.App, "ada")
	enqueue := func(in ...order) {
		t.Helper()
		if _, err := task.EnqueueMany(t.Context(), app, in, offload.Tag("shop", "7")); err != nil {
			t.Fatal(err)
		}
	}
	enqueue(order{N: 1, Fails: "declined"}, order{N: 2, Fails: "declined"}, order{N: 3}, order{N: 4, Panics: true})
	grouped(t, app)
	groups := errorGroups(t, ada, operate.ErrorQuery{Hours: 24})
	if len(groups) != 2 {
		t.Fatalf("groups are %+v, want 2", groups)
	}
	declined := groups[0]
	if declined.Kind == "panic" {
		declined = groups[1]
	}
	if declined.Title != "order <n>: declined" || declined.Count != 2 || declined.Status != operate.ErrorOpen || len(declined.Hours) != 24 ||
		len(declined.Keys) != 1 || declined.Keys[0] != (operate.ErrorKey{Key: "shop=7", Count: 2}) || !strings.HasSuffix(declined.Error, ": declined") {
		t.Errorf("group is %+v", declined)
	}

	if err := ada.MuteError(t.Context(), declined.Group); err != nil {
		t.Fatal(err)
	}
	if groups := errorGroups(t, ada, operate.ErrorQuery{Statuses: []operate.ErrorStatus{operate.ErrorMuted}}); len(groups) != 1 {
		t.Errorf("muted groups are %+v, want one", groups)
	}
	if err := ada.ResolveError(t.Context(), declined.Group); err != nil {
		t.Fatal(err)
	}
	app.Advance(time.Minute)
	enqueue(order{N: 5, Fails: "declined"})
	grouped(t, app)
	if g, err := ada.Error(t.Context(), declined.Group); err != nil || g.Status != operate.ErrorOpen || g.Count != 3 {
		t.Errorf("a group that came back is %+v, %v; want it open", g, err)
	}
	acts, err := ada.Acts(t.Context(), time.Time{})
	if err != nil || len(acts) != 2 || acts[0].What != "resolve error "+declined.Group || acts[1].What != "mute error "+declined.Group {
		t.Errorf("acts are %+v, %v", acts, err)
	}
}

func TestErrorGroupsAreRetriedAndDiscarded(t *testing.T) {
	fails := true
	task := offload.NewTask("charge", func(ctx context.Context, in order) error {
		if !fails {
			return nil
		}
		return charge(ctx, in)
	}, offload.MaxAttempts(2), offload.Backoff(func(int, error) time.Duration { return time.Hour }))
	app := offloadtest.New(task)
	defer app.Close()
	ada := operate.As(app.App, "ada")
	jobs, err := task.EnqueueMany(t.Context(), app, []order{{N: 1, Fails: "declined"}, {N: 2, Fails: "lost"}, {N: 3, Fails: "declined"}})
	if err != nil {
		t.Fatal(err)
	}
	grouped(t, app)
	state := func(i int) offload.State {
		job, err := app.Job(t.Context(), jobs[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		return job.State
	}
	byTitle := map[string]string{}
	for _, g := range errorGroups(t, ada, operate.ErrorQuery{}) {
		byTitle[g.Title] = g.Group
	}
	found, err := app.Jobs(t.Context(), offload.Filter{Group: byTitle["order <n>: declined"]})
	if err != nil || len(found) != 2 {
		t.Errorf("jobs of a group are %v, %v; want 2", found, err)
	}
	fails = false
	if _, err := ada.RetryError(t.Context(), byTitle["order <n>: declined"]); err != nil {
		t.Fatal(err)
	}
	if _, err := ada.DiscardError(t.Context(), byTitle["order <n>: lost"]); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if state(0) != offload.Completed || state(1) != offload.Cancelled || state(2) != offload.Completed {
		t.Errorf("jobs are %s, %s, %s; want completed, cancelled, completed", state(0), state(1), state(2))
	}
}

func TestErrorsOfSecretsTellNone(t *testing.T) {
	task := offload.NewTask("charge", func(_ context.Context, in order) error {
		return errors.New("bad card " + in.Secret)
	}, offload.MaxAttempts(1))
	sealed := offload.NewTask("sealed", charge, offload.MaxAttempts(1), offload.Encrypt())
	app := offloadtest.New(task, sealed, offload.Keys{Current: "k", ByID: map[string][]byte{"k": []byte("0123456789abcdef0123456789abcdef")}})
	defer app.Close()
	if _, err := task.Enqueue(t.Context(), app, order{Secret: "tokenvisa"}); err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.EnqueueMany(t.Context(), app, []order{{Fails: "ada owes"}, {Fails: "bob paid"}}); err != nil {
		t.Fatal(err)
	}
	grouped(t, app)
	groups := errorGroups(t, operate.As(app.App, "ada"), operate.ErrorQuery{})
	if len(groups) != 2 {
		t.Fatalf("groups are %+v, want one of each task", groups)
	}
	for _, g := range groups {
		text := g.Title + g.Error
		if strings.Contains(text, "tokenvisa") || g.Task == "sealed" && (text != "" || !g.Encrypted || g.Count != 2) {
			t.Errorf("group is %+v", g)
		}
	}
}

func TestErrorsRefuse(t *testing.T) {
	app := offloadtest.New(offload.NewTask("charge", charge))
	defer app.Close()
	ada := operate.As(app.App, "ada")
	one := func(_ *operate.ErrorGroup, err error) error { return err }
	many := func(_ []operate.ErrorGroup, err error) error { return err }
	job := func(_ *offload.Job, err error) error { return err }
	for name, err := range map[string]error{
		"Hours":       many(ada.Errors(t.Context(), operate.ErrorQuery{Hours: 337})),
		"Max":         many(ada.Errors(t.Context(), operate.ErrorQuery{Max: 1001})),
		"Statuses":    many(ada.Errors(t.Context(), operate.ErrorQuery{Statuses: []operate.ErrorStatus{"gone"}})),
		"Tasks":       many(ada.Errors(t.Context(), operate.ErrorQuery{Tasks: []string{"a b"}})),
		"BeforeGroup": many(ada.Errors(t.Context(), operate.ErrorQuery{BeforeGroup: "x"})),
		"Group":       one(ada.Error(t.Context(), "xyz")),
		"Group mute":  ada.MuteError(t.Context(), ""),
		"Group retry": job(ada.RetryError(t.Context(), "0123456789ABCDEF")),
	} {
		field, _, _ := strings.Cut(name, " ")
		var refused *offload.InputError
		if !errors.As(err, &refused) || refused.Field != field {
			t.Errorf("%s: error is %v, want an InputError of %s", name, err, field)
		}
	}
	for name, err := range map[string]error{
		"Error": one(ada.Error(t.Context(), "0123456789abcdef")), "ResolveError": ada.ResolveError(t.Context(), "0123456789abcdef"),
		"OpenError": ada.OpenError(t.Context(), "0123456789abcdef"), "DiscardError": job(ada.DiscardError(t.Context(), "0123456789abcdef")),
	} {
		if !errors.Is(err, offload.ErrNotFound) {
			t.Errorf("%s = %v, want an ErrNotFound", name, err)
		}
	}
}
