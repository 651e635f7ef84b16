package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// A tree is JSON to be folded: a value with its name, and what is in it.
type tree struct {
	ID    string // on the page
	Name  string // as JSON, "" of an element or the whole
	Value string // of what has nothing in it
	List  bool
	Inner []*tree
	Open  bool
}

// Bounds of a tree. What is beyond them is shown as text.
const (
	treeBytes = 1 << 16
	treeNodes = 1000
	treeDepth = 20
	treeOpen  = 12 // that have no more in them are open
)

// treeOf makes a tree of JSON, nil where there is nothing to be folded, or too much.
func treeOf(id string, raw []byte) *tree {
	if len(raw) > treeBytes || !json.Valid(raw) {
		return nil
	}
	w := treeWalk{}
	t := w.node(id, bytes.TrimSpace(raw), 0)
	if w.nodes > treeNodes || !w.nested {
		return nil
	}
	return t
}

type treeWalk struct {
	nodes  int
	nested bool // something lies within something
}

func (w *treeWalk) node(id string, raw []byte, depth int) *tree {
	t := &tree{ID: id, Value: strings.ToValidUTF8(string(raw), "�")}
	w.nodes++
	if w.nodes > treeNodes || len(raw) == 0 || raw[0] != '{' && raw[0] != '[' {
		return t
	}
	if depth == treeDepth {
		w.nodes = treeNodes + 1
		return t
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return t
	}
	var inner []*tree
	for dec.More() {
		name := ""
		if raw[0] == '{' {
			key, err := dec.Token()
			if err != nil {
				return t
			}
			quoted, _ := json.Marshal(key)
			name = string(quoted)
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return t
		}
		child := w.node(fmt.Sprintf("%s-%d", id, len(inner)), value, depth+1)
		child.Name = name
		if inner = append(inner, child); w.nodes > treeNodes {
			return t
		}
	}
	if len(inner) > 0 {
		t.Value, t.List, t.Inner = "", raw[0] == '[', inner
		t.Open = depth == 0 || len(inner) <= treeOpen && depth < 3
		w.nested = w.nested || depth > 0
	}
	return t
}

// Holds says how much is in it.
func (t *tree) Holds() string {
	if t.List {
		return "[" + number(len(t.Inner)) + "]"
	}
	return "{" + number(len(t.Inner)) + "}"
}
