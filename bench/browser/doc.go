// Package browser tests the dashboard in a real browser, as people use it.
package browser
