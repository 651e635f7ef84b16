// Package monitoring tries the monitoring of examples/monitoring and the page of telemetry/prometheus with
// Prometheus's own parsers. It is in this module because they bring much along that no user of
// offload needs.
package monitoring
