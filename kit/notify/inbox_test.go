package notify

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/record"
	"github.com/offloadhq/offload/store/memory"
)

// An attempt that was cut off after it had written the list writes it again.
func TestListHasANoticeOnce(t *testing.T) {
	app := offloadtest.New()
	defer app.Close()
	item := Item{ID: offload.NewID(), Title: "x", At: time.Now()}
	for range 2 {
		if err := add(t.Context(), app.App, "ada", item, 100); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := Inbox(t.Context(), app.App, "ada"); err != nil || len(list.Items) != 1 {
		t.Errorf("the list is %+v, %v", list, err)
	}
}

// Nobody's notices are another's, whatever they are called.
func TestPeopleAreKeptApart(t *testing.T) {
	app := offloadtest.New()
	defer app.Close()
	people := []string{"a", "a/b", "a%2Fb", "b", "%", "ä", "a b", "../a"}
	for i, id := range people {
		for n := range i + 1 {
			if err := add(t.Context(), app.App, id, Item{ID: offload.NewID(), Title: fmt.Sprint(n)}, 100); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, id := range people {
		if list, err := Inbox(t.Context(), app.App, id); err != nil || list.Unread != i+1 {
			t.Errorf("%q has %d unread, %v; want %d", id, list.Unread, err, i+1)
		}
	}
	if err := Forget(t.Context(), app.App, "a"); err != nil {
		t.Fatal(err)
	}
	if list, err := Inbox(t.Context(), app.App, "a/b"); err != nil || list.Unread != 2 {
		t.Errorf("with a, a/b is forgotten: %+v, %v", list, err)
	}
}

// A list keeps as many as it may, all of them can be read in pages, and it never becomes too large to be kept.
func TestListsArePaged(t *testing.T) {
	app := offloadtest.New()
	defer app.Close()
	for i := range 260 {
		if err := add(t.Context(), app.App, "ada", Item{ID: offload.NewID(), Title: fmt.Sprint(i), At: time.Now()}, 250); err != nil {
			t.Fatal(err)
		}
	}
	list, err := Inbox(t.Context(), app.App, "ada")
	var titles []string
	for {
		if err != nil || list.Unread != 250 {
			t.Fatalf("%d unread, %v; want 250", list.Unread, err)
		}
		for _, item := range list.Items {
			titles = append(titles, item.Title)
		}
		if !list.More || len(list.Items) == 0 {
			break
		}
		list, err = Older(t.Context(), app.App, "ada", list.Items[len(list.Items)-1].ID)
	}
	if len(titles) != 250 || titles[0] != "259" || titles[249] != "10" {
		t.Errorf("%d titles, %q", len(titles), titles)
	}
	if list, err := Older(t.Context(), app.App, "ada", offload.NewID()); err != nil || len(list.Items) != 0 || list.More {
		t.Errorf("behind one that is not there: %+v, %v", list, err)
	}
	wide := Item{Title: strings.Repeat("<", mostTitle), Text: strings.Repeat("<", mostText), URL: "https://a.example/" + strings.Repeat("&", mostURL-18)}
	for range 80 {
		wide.ID = offload.NewID()
		if err := add(t.Context(), app.App, "bob", wide, mostNewest); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := Inbox(t.Context(), app.App, "bob"); err != nil || len(list.Items) < 40 || list.Items[0].ID != wide.ID {
		t.Errorf("%d items, %v; want the newest of them", len(list.Items), err)
	}
}

// With keys nothing of a notice stands in the database in the clear.
func TestListsAreEncryptedWhereThereAreKeys(t *testing.T) {
	s := memory.New()
	app, err := offload.New(t.Context(), s, offload.Keys{Current: "now", ByID: map[string][]byte{"now": []byte("a key of thirty-two bytes, no zero")[:32]}})
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	if err := add(t.Context(), app, "ada", Item{ID: offload.NewID(), Title: "Your diagnosis"}, 100); err != nil {
		t.Fatal(err)
	}
	waiting := record.Record[gathered]{Key: "ada/x/1", Value: gathered{Content: Content{Title: "Your diagnosis"}}}
	if err := gatheredOf(app).Swap(t.Context(), &waiting); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"notify.list", "notify.gathered"} {
		docs, err := s.Documents(t.Context(), kind, "", 10)
		if err != nil || len(docs) != 1 || strings.Contains(string(docs[0].Value), "diagnosis") {
			t.Errorf("%s: %v, %v; want one that nobody can read", kind, docs, err)
		}
	}
	if list, err := Inbox(t.Context(), app, "ada"); err != nil || len(list.Items) != 1 || list.Items[0].Title != "Your diagnosis" {
		t.Errorf("%+v, %v", list, err)
	}
}
