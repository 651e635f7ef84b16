package vet

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"path/filepath"

	"golang.org/x/tools/go/analysis"
)

// A program is one package: its functions, and who calls whom.
//
//	collect ──▶ functions ──▶ what each does, and calls ──▶ report (from handlers)
//	                                                   └──▶ export (facts, for packages above)
type program struct {
	pass   *analysis.Pass
	inline *comments

	functions []*function               // in the order of the source
	declared  map[*types.Func]*function // those with a name
	literals  map[*ast.FuncLit]*function
	held      map[types.Object][]ast.Expr // what variables that hold functions were given
	methods   map[*types.Func][]*function // what methods of interfaces may be
}

// A function is one with a body, named or literal.
type function struct {
	obj     *types.Func // nil of a literal
	sig     *types.Signature
	body    *ast.BlockStmt
	name    string // "site.placeOrder"
	outer   *function
	handler bool
	starts  bool // what it is handed, in a goroutine

	does  []effect
	calls []edge
}

// An effect is work that a function does itself, or by a call that leads out of the package.
type effect struct {
	kind  kind
	pos   token.Pos
	end   token.Pos
	steps []string      // from the call on: ["smtp.SendMail"]
	call  *ast.CallExpr // nil where there is none, or none that is known
	also  []string      // others of the same piece of work
	more  int           // others of the kind behind the same call

	inner  kind        // of a goroutine: what is lost
	beside []*function // and what it runs
	timer  bool        // of time.AfterFunc
}

// An edge is a call within the package.
type edge struct {
	to       *function
	pos, end token.Pos
	loop     bool // more than a few times
}

// collect finds all functions, and what they do.
func (p *program) collect() {
	p.declared, p.literals = map[*types.Func]*function{}, map[*ast.FuncLit]*function{}
	p.held, p.methods = map[types.Object][]ast.Expr{}, map[*types.Func][]*function{}
	for file := range p.files {
		p.declare(file)
	}
	for _, f := range p.functions {
		w := walker{program: p, f: f}
		w.walk()
	}
}

// declare notes the functions of a file, and what variables that hold functions are given.
func (p *program) declare(file *ast.File) {
	var within []ast.Node // what encloses the node
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil {
			within = within[:len(within)-1]
			return false
		}
		switch n := n.(type) {
		case *ast.FuncDecl:
			if p.inline.inDoc(n.Doc) {
				return false
			}
			p.declareNamed(n)
		case *ast.FuncLit:
			if p.inline.at(n.Pos()) {
				return false
			}
			p.declareLiteral(n, within)
		case *ast.AssignStmt:
			if len(n.Lhs) == len(n.Rhs) {
				for i := range n.Lhs {
					p.hold(n.Lhs[i], n.Rhs[i])
				}
			}
		case *ast.ValueSpec:
			if len(n.Names) == len(n.Values) {
				for i := range n.Names {
					p.hold(n.Names[i], n.Values[i])
				}
			}
		}
		within = append(within, n)
		return true
	})
}

func (p *program) declareNamed(n *ast.FuncDecl) {
	obj, ok := p.pass.TypesInfo.Defs[n.Name].(*types.Func)
	if !ok || n.Body == nil {
		return
	}
	f := &function{obj: obj, sig: obj.Signature(), body: n.Body, name: nameIn(obj), handler: isHandler(obj.Signature())}
	f.starts = p.startsHanded(f)
	p.functions = append(p.functions, f)
	p.declared[obj] = f
}

func (p *program) declareLiteral(n *ast.FuncLit, within []ast.Node) {
	sig, ok := p.pass.TypesInfo.TypeOf(n).(*types.Signature)
	if !ok {
		return
	}
	f := &function{sig: sig, body: n.Body, handler: isHandler(sig), outer: p.enclosing(within)}
	f.name = "func at " + p.place(n.Pos())
	if route := p.routeOf(within); f.handler && route != "" {
		f.name = fmt.Sprintf("the handler of %q", route)
	}
	p.functions = append(p.functions, f)
	p.literals[n] = f
}

// enclosing returns the innermost function of what encloses a node.
func (p *program) enclosing(within []ast.Node) *function {
	for i := len(within) - 1; i >= 0; i-- {
		switch n := within[i].(type) {
		case *ast.FuncLit:
			return p.literals[n]
		case *ast.FuncDecl:
			obj, _ := p.pass.TypesInfo.Defs[n.Name].(*types.Func)
			return p.declared[obj]
		}
	}
	return nil
}

// routeOf returns the text that a literal is registered with, such as "GET /orders", or "".
func (p *program) routeOf(within []ast.Node) string {
	for i := len(within) - 1; i >= 0 && i >= len(within)-2; i-- { // a conversion may lie between
		c, ok := within[i].(*ast.CallExpr)
		if !ok || len(c.Args) == 0 {
			continue
		}
		if value := p.pass.TypesInfo.Types[c.Args[0]].Value; value != nil && value.Kind() == constant.String {
			return constant.StringVal(value)
		}
	}
	return ""
}

// place is a position for people: "web.go:12".
func (p *program) place(pos token.Pos) string {
	at := p.pass.Fset.Position(pos)
	return fmt.Sprintf("%s:%d", filepath.Base(at.Filename), at.Line)
}

// hold notes what a variable that holds a function is given.
func (p *program) hold(to, value ast.Expr) {
	id, ok := to.(*ast.Ident)
	if !ok {
		return
	}
	obj := p.pass.TypesInfo.ObjectOf(id)
	if v, ok := obj.(*types.Var); ok && !v.IsField() {
		if _, ok := v.Type().Underlying().(*types.Signature); ok {
			p.held[v] = append(p.held[v], value)
		}
	}
}

// add adds an effect to those of a function, or to one of the same piece of work.
func (f *function) add(e effect) {
	if descriptions[e.kind].merge && len(e.steps) == 1 {
		for i, have := range f.does {
			if have.kind == e.kind && len(have.steps) == 1 {
				f.does[i].also = append(f.does[i].also, e.steps[0])
				return
			}
		}
	}
	f.does = append(f.does, e)
}
