// Package dashboard is the web interface: an http.Handler with everything inside.
//
//	mux.Handle("/jobs/", dashboard.New(app, dashboard.Auth(whoIs)))
//
// Each page says whether all is well. There are pages of jobs, errors, queues, limits, schedules, workflows and
// processes; what is done there is done by the verbs of package operate, in the name of whoever is signed in, and listed
// among the operations. Programs add pages of their own. Mounted by a pattern of http.ServeMux it finds its path by itself.
// Without Auth or Login it answers 403 and says how to set it; package access has ways to say who comes in.
//
// Every page is made on the server and works without JavaScript, reading and acting. With it, pages stay
// true by themselves, within a second, while their tab is seen.
package dashboard
