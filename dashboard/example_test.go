package dashboard_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/dashboard"
	"github.com/offloadhq/offload/store/memory"
)

// The dashboard lies beside the program's own pages, and is open to whom the program knows.
func ExampleNew() {
	app, err := offload.New(context.Background(), memory.New())
	if err != nil {
		panic(err)
	}
	defer app.Close()

	whoIs := func(r *http.Request) (who string, role dashboard.Role) {
		if name, password, ok := r.BasicAuth(); ok && name == "ada" && password == "secret" {
			return name, dashboard.Admin
		}
		return "", ""
	}
	mux := http.NewServeMux()
	mux.Handle("/jobs/", dashboard.New(app, dashboard.Auth(whoIs)))

	for _, password := range []string{"guess", "secret"} {
		r := httptest.NewRequest("GET", "/jobs/queues", nil)
		r.SetBasicAuth("ada", password)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 403
	// 200
}
