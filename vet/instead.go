package vet

import (
	"go/ast"
	"go/format"
	"go/types"
	"strings"

	"golang.org/x/tools/go/types/typeutil"
)

// instead returns the line that would enqueue the work, made of the arguments that it has now
// where they are known. What is not known is "…".
func (p *program) instead(f *function, e effect) string {
	k := e.kind
	if k == lost {
		k = e.inner
		e.call = nil
	}
	line := descriptions[k].instead
	if e.kind == lost && line == "" {
		line = `Later.Enqueue({ctx}, {app}, in) // var Later = offload.NewTask("later", later)`
	}
	if e.call != nil {
		line = p.fitted(f, e, line)
	}
	return strings.NewReplacer("{ctx}", p.contextIn(f), "{arg0}", "d", "{app}", p.enqueuer(f, e)).Replace(line)
}

// enqueuer is where a job goes: what a function has of the app, and for rows in a transaction that
// transaction.
func (p *program) enqueuer(f *function, e effect) string {
	app := appIn(f)
	if e.call != nil && e.kind == bulk {
		if sel, ok := ast.Unparen(e.call.Fun).(*ast.SelectorExpr); ok && isTx(typeOf(p.pass, sel.X)) {
			return app + ".Tx(" + p.source(sel.X) + ")"
		}
	}
	return app
}

// appIn is how a function can name the app: a parameter, or a field of its receiver.
func appIn(f *function) string {
	for ; f != nil; f = f.outer {
		for v := range f.sig.Params().Variables() {
			if isApp(v.Type()) && v.Name() != "" && v.Name() != "_" {
				return v.Name()
			}
		}
		if recv := f.sig.Recv(); recv != nil && recv.Name() != "" && recv.Name() != "_" {
			if field := appField(recv.Type(), 0); field != "" {
				return recv.Name() + "." + field
			}
		}
	}
	return "app"
}

// appField returns the name of the field that holds an app, in a struct or what it embeds, or "".
func appField(t types.Type, deep int) string {
	named := namedOf(t)
	if named == nil || deep > maxEmbedded {
		return ""
	}
	fields, ok := named.Underlying().(*types.Struct)
	if !ok {
		return ""
	}
	for field := range fields.Fields() {
		if isApp(field.Type()) {
			return field.Name()
		}
	}
	for field := range fields.Fields() {
		if field.Embedded() {
			if name := appField(field.Type(), deep+1); name != "" {
				return name
			}
		}
	}
	return ""
}

// fitted fills in what a call says.
func (p *program) fitted(f *function, e effect, line string) string {
	switch {
	case len(e.steps) > 1:
	case e.kind == sleep:
		return strings.ReplaceAll(line, "{arg0}", p.source(e.call.Args[0]))
	case e.kind == command:
		if argv := p.argv(f, e.call); argv != "" {
			return strings.Replace(line, "[]string{…}", argv, 1)
		}
	case e.kind == archive && strings.Contains(e.steps[0], "Reader"):
		if pkg, _, _ := strings.Cut(e.steps[0], "."); pkg == "zip" || pkg == "tar" {
			return insteadUnpack
		}
		return insteadDecompress
	case e.kind == call:
		return p.request(f, e, line)
	case e.steps[0] == "smtp.SendMail" && len(e.call.Args) == 5:
		return strings.Replace(line, "To: …", "To: "+p.source(e.call.Args[3]), 1)
	}
	return line
}

// request fills in method, URL and body of a request.
func (p *program) request(f *function, e effect, line string) string {
	args := e.call.Args
	fill := func(method, url string, body ast.Expr) string {
		with := ""
		if body != nil && p.source(body) != "nil" {
			with = ", JSON: …"
		}
		if method == `"GET"` {
			method = ""
		} else {
			method = "Method: " + method + ", "
		}
		return strings.Replace(line, "Method: …, URL: …, JSON: …", method+"URL: "+url+with, 1)
	}
	method := e.steps[0][strings.LastIndexByte(e.steps[0], '.')+1:]
	switch {
	case method == "Get" && len(args) == 1:
		return fill(`"GET"`, p.source(args[0]), nil)
	case method == "Head" && len(args) == 1:
		return fill(`"HEAD"`, p.source(args[0]), nil)
	case (method == "Post" || method == "PostForm") && len(args) >= 2:
		return fill(`"POST"`, p.source(args[0]), args[len(args)-1])
	case method == "Do" && len(args) == 1:
		made := p.madeBy(f, args[0])
		switch p.nameOf(made) {
		case "net/http.NewRequest":
			if len(made.Args) < 3 { // of a function that returns them all
				break
			}
			return fill(p.constantOr(made.Args[0]), p.source(made.Args[1]), made.Args[2])
		case "net/http.NewRequestWithContext":
			if len(made.Args) < 4 {
				break
			}
			return fill(p.constantOr(made.Args[1]), p.source(made.Args[2]), made.Args[3])
		}
	}
	return line
}

// constantOr is a text as it is, or the expression for it: "POST" for http.MethodPost.
func (p *program) constantOr(e ast.Expr) string {
	if value := p.pass.TypesInfo.Types[e].Value; value != nil {
		return value.ExactString()
	}
	return p.source(e)
}

// argv returns the arguments of the command that a call runs, or "".
func (p *program) argv(f *function, c *ast.CallExpr) string {
	sel, ok := ast.Unparen(c.Fun).(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	made := p.madeBy(f, sel.X)
	var args []ast.Expr
	switch p.nameOf(made) {
	case "os/exec.Command":
		args = made.Args
	case "os/exec.CommandContext":
		args = made.Args[1:]
	default:
		return ""
	}
	var texts []string
	for _, arg := range args {
		texts = append(texts, p.source(arg))
	}
	if made.Ellipsis.IsValid() {
		return "append([]string{" + strings.Join(texts[:len(texts)-1], ", ") + "}, " + texts[len(texts)-1] + "...)"
	}
	return "[]string{" + strings.Join(texts, ", ") + "}"
}

// madeBy returns the call that made a value: the expression itself, or what its variable was given
// in the function. Where that is not clear it returns nil.
func (p *program) madeBy(f *function, e ast.Expr) (made *ast.CallExpr) {
	e = ast.Unparen(e)
	if c, ok := e.(*ast.CallExpr); ok {
		return c
	}
	id, ok := e.(*ast.Ident)
	if !ok {
		return nil
	}
	obj := p.pass.TypesInfo.ObjectOf(id)
	ast.Inspect(f.body, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || len(assign.Rhs) != 1 || assign.Pos() > e.Pos() {
			return true
		}
		if to, ok := assign.Lhs[0].(*ast.Ident); ok && obj != nil && p.pass.TypesInfo.ObjectOf(to) == obj {
			made, _ = ast.Unparen(assign.Rhs[0]).(*ast.CallExpr)
		}
		return true
	})
	return made
}

// nameOf is the full name of what a call calls, or "".
func (p *program) nameOf(c *ast.CallExpr) string {
	if c == nil {
		return ""
	}
	if f, ok := typeutil.Callee(p.pass.TypesInfo, c).(*types.Func); ok {
		return f.FullName()
	}
	return ""
}

// contextIn is the context that a function has: "r.Context()", "ctx".
func (p *program) contextIn(f *function) string {
	for ; f != nil; f = f.outer {
		for v := range f.sig.Params().Variables() {
			switch name, t := v.Name(), v.Type(); {
			case name == "" || name == "_":
			case isType(t, "context", "Context"):
				return name
			case isType(t, "net/http", "Request"):
				return name + ".Context()"
			case isType(t, "github.com/gin-gonic/gin", "Context"):
				return name + ".Request.Context()"
			case isType(t, "github.com/labstack/echo", "Context"):
				return name + ".Request().Context()"
			case isType(t, "github.com/gofiber/fiber", "Ctx"):
				return name + ".Context()"
			}
		}
	}
	return "ctx"
}

// source is an expression as it is written, in one line.
func (p *program) source(e ast.Expr) string {
	var text strings.Builder
	if err := format.Node(&text, p.pass.Fset, e); err != nil {
		return "…"
	}
	return strings.Join(strings.Fields(text.String()), " ")
}
