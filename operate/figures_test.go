package operate_test

import (
	"testing"

	"github.com/offloadhq/offload/operate"
)

func TestStepsOnlyCountsNothing(t *testing.T) {
	y := newYard(t)
	stats, err := y.ada.Stats(t.Context(), operate.StatsQuery{StepsOnly: true})
	if err != nil || stats.Now != nil {
		t.Errorf("%v, %v", stats, err)
	}
}
