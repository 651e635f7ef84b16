package vet

import "go/types"

// isHandler reports whether a function with this signature answers a request of a user.
func isHandler(sig *types.Signature) bool {
	var params []types.Type
	for v := range sig.Params().Variables() {
		params = append(params, v.Type())
	}
	switch len(params) {
	case 1:
		return isContext(params[0])
	case 2:
		return isWriter(params[0]) && isRequest(params[1]) ||
			isType(params[0], "context", "Context") && isType(params[1], "github.com/cloudwego/hertz/pkg/app", "RequestContext")
	case 3:
		return isWriter(params[0]) && isRequest(params[1]) && isType(params[2], "github.com/julienschmidt/httprouter", "Params")
	}
	return false
}

// isContext reports whether t is the one parameter that a framework's handlers have: one that is
// known, or a struct that has the request and the answer in it.
func isContext(t types.Type) bool {
	return isType(t, "github.com/gin-gonic/gin", "Context") ||
		isType(t, "github.com/labstack/echo", "Context") ||
		isType(t, "github.com/gofiber/fiber", "Ctx") ||
		isType(t, "github.com/valyala/fasthttp", "RequestCtx") ||
		isType(t, "github.com/kataras/iris/context", "Context") ||
		isType(t, "github.com/kataras/iris", "Context") ||
		holdsBoth(t)
}

// maxEmbedded is how deep structs in structs are looked through.
const maxEmbedded = 3

// holdsBoth reports whether t is a pointer to a struct with an http.ResponseWriter and an
// *http.Request, its own or of what it embeds.
func holdsBoth(t types.Type) bool {
	if _, pointer := types.Unalias(t).(*types.Pointer); !pointer || namedOf(t) == nil {
		return false
	}
	var writer, request bool
	var look func(t types.Type, deep int)
	look = func(t types.Type, deep int) {
		named := namedOf(t)
		if named == nil || deep > maxEmbedded {
			return
		}
		fields, ok := named.Underlying().(*types.Struct)
		if !ok {
			return
		}
		for field := range fields.Fields() {
			writer = writer || isWriter(field.Type())
			request = request || isRequest(field.Type())
			if field.Embedded() {
				look(field.Type(), deep+1)
			}
		}
	}
	look(t, 0)
	return writer && request
}

func isWriter(t types.Type) bool { return isType(t, "net/http", "ResponseWriter") }

func isRequest(t types.Type) bool { return isType(t, "net/http", "Request") }
