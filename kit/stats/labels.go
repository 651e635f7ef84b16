package stats

import (
	"encoding/json"
	"strings"
)

// encodeLabels is how labels are stored: a JSON object in the order in which they were declared, which is the same for the same series in every process.
func encodeLabels(names, values []string) string {
	if len(names) == 0 {
		return "{}"
	}
	var b strings.Builder
	for i, name := range names {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(pair(name, values[i]))
	}
	b.WriteByte('}')
	return b.String()
}

// pair is one label as it is stored. Nothing in a value can look like one, as quotes in it are escaped.
func pair(name, value string) string {
	key, _ := json.Marshal(name)
	text, _ := json.Marshal(value) // a text always can be
	return string(key) + ":" + string(text)
}

func decodeLabels(stored string) map[string]string {
	labels := map[string]string{}
	_ = json.Unmarshal([]byte(stored), &labels) // of a foreign hand: no labels
	return labels
}
