package storetest

import (
	"strings"
	"testing"
)

func TestLawsAreWellPut(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range laws {
		if area, _, found := strings.Cut(l.name, "/"); !found || area == "" || seen[l.name] {
			t.Errorf("law %q: want a name like Claim/Order, once", l.name)
		}
		seen[l.name] = true
		if l.sentence == "" || strings.HasSuffix(l.sentence, ".") || l.check == nil {
			t.Errorf("law %s: want a sentence without a full stop, and a check", l.name)
		}
	}
}
