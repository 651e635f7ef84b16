package notify

import (
	"fmt"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

// An attempt that was cut off after it had written the list writes it again.
func TestListHasANoticeOnce(t *testing.T) {
	app := offloadtest.New()
	defer app.Close()
	item := Item{ID: offload.NewID(), Title: "x", At: time.Now()}
	for range 2 {
		if err := add(t.Context(), app.App, "ada", item); err != nil {
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
			if err := add(t.Context(), app.App, id, Item{ID: offload.NewID(), Title: fmt.Sprint(n)}); err != nil {
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
