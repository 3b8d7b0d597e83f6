package temporald

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

const (
	// clusterName equals that of Temporal's own dev server, so that either can
	// open the other's database.
	clusterName = "active"
	storeName   = "sqlite-default"
	// unlimited is more requests per second than this process can serve. On a
	// development machine only the machine should limit.
	unlimited = 1_000_000
)

// assemble puts the services together; nothing listens until they are started.
func (s *Server) assemble() error {
	a, c, services := s.addresses, serverConfig(s.addresses, s.database), temporal.DefaultServices
	var err error
	if c.Global.Authorization, err = authorizations(s.keys); err != nil {
		return err
	}
	options, err := authorizing(c.Global.Authorization, s.logger)
	if err != nil {
		return err
	}
	if s.keys != nil {
		// A frontend of their own, which asks nothing, for the server's own services.
		services = append(slices.Clone(services), string(primitives.InternalFrontendService))
		c.Services[string(primitives.InternalFrontendService)] = service(a.internal)
		c.PublicClient = config.PublicClient{}
	}
	options = append(options,
		temporal.WithConfig(c),
		temporal.ForServices(services),
		temporal.WithStaticHosts(map[primitives.ServiceName]static.Hosts{
			primitives.FrontendService:         static.SingleLocalHost(dialable(a.frontend).String()),
			primitives.InternalFrontendService: static.SingleLocalHost(a.internal.String()),
			primitives.HistoryService:          static.SingleLocalHost(a.history.String()),
			primitives.MatchingService:         static.SingleLocalHost(a.matching.String()),
			primitives.WorkerService:           static.SingleLocalHost(a.worker.String()),
		}),
		temporal.WithLogger(s.logger),
		temporal.WithDynamicConfigClient(dynamicConfig()),
	)
	if a.metrics.IsValid() {
		// Handed over as an option and not in the config, because only then
		// does the server close the listener when it stops.
		handler, err := metrics.MetricsHandlerFromConfig(s.logger, metricsConfig(a.metrics))
		if err != nil {
			return fmt.Errorf("serving metrics: %w", err)
		}
		options = append(options, temporal.WithCustomMetricsHandler(handler))
	}
	s.temporal, err = temporal.NewServer(options...)
	return err
}

// metricsConfig gives metrics the names that Temporal documents (no suffixes,
// seconds), read at the moment of the scrape.
func metricsConfig(a netip.AddrPort) *metrics.Config {
	return &metrics.Config{
		ClientConfig: metrics.ClientConfig{
			WithoutUnitSuffix:    true,
			WithoutCounterSuffix: true,
			RecordTimerInSeconds: true,
		},
		Prometheus: &metrics.PrometheusConfig{
			Framework:     metrics.FrameworkOpentelemetry,
			ListenAddress: a.String(),
			HandlerPath:   "/metrics",
		},
	}
}

func serverConfig(a addresses, d *database) *config.Config {
	frontend := dialable(a.frontend).String()
	c := &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     storeName,
			VisibilityStore:  storeName,
			NumHistoryShards: 1, // one connection to SQLite has no use for more
			DataStores:       map[string]config.DataStore{storeName: {SQL: d.sql}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
				Enabled:                true,
				InitialFailoverVersion: 1,
				RPCAddress:             frontend,
				HTTPAddress:            a.frontendHTTP.String(),
			}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			string(primitives.FrontendService): service(a.frontend),
			string(primitives.HistoryService):  service(a.history),
			string(primitives.MatchingService): service(a.matching),
			string(primitives.WorkerService):   service(a.worker),
		},
		PublicClient: config.PublicClient{HostPort: frontend},
	}
	http := c.Services[string(primitives.FrontendService)]
	http.RPC.HTTPPort = int(a.frontendHTTP.Port())
	c.Services[string(primitives.FrontendService)] = http
	c.Global.Membership.MaxJoinDuration = 30 * time.Second
	c.Global.Membership.BroadcastAddress = dialable(a.frontend).Addr().String()
	c.Archival.History.State = "disabled"
	c.Archival.Visibility.State = "disabled"
	c.NamespaceDefaults.Archival.History.State = "disabled"
	c.NamespaceDefaults.Archival.Visibility.State = "disabled"
	return c
}

func service(a netip.AddrPort) config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: int(a.Port()), BindOnIP: a.Addr().String()}}
}

// dynamicConfig holds what differs from the server's defaults.
func dynamicConfig() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		// A cancelled activity hears of it at once, not at its next heartbeat.
		// It takes both.
		dynamicconfig.WorkerCommandsEnabled.Key():             true,
		dynamicconfig.EnableCancelActivityWorkerCommand.Key(): true,
		// The default already; an abort relies on it for its latency.
		dynamicconfig.EnableActivityEagerExecution.Key(): true,
		// A worker that hangs, or whose host is gone, does not close its connection.
		// For a minute each poll that it had open would still be given a task, which
		// is lost: an abort beside two such workers of three took 82 s. It is cut off
		// once it does not answer a ping, and the abort takes 4 s, or 1 s after that.
		dynamicconfig.KeepAliveTime.Key():    time.Second,
		dynamicconfig.KeepAliveTimeout.Key(): 2 * time.Second,
		// Events bear the name of the caller, where callers have one.
		dynamicconfig.EnablePrincipalPropagation.Key(): true,

		dynamicconfig.FrontendRPS.Key():                                         unlimited,
		dynamicconfig.FrontendMaxNamespaceRPSPerInstance.Key():                  unlimited,
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key():        unlimited,
		dynamicconfig.FrontendMaxConcurrentLongRunningRequestsPerInstance.Key(): unlimited,
		dynamicconfig.FrontendPersistenceMaxQPS.Key():                           unlimited,
		dynamicconfig.HistoryRPS.Key():                                          unlimited,
		dynamicconfig.HistoryPersistenceMaxQPS.Key():                            unlimited,
		dynamicconfig.MatchingRPS.Key():                                         unlimited,
		dynamicconfig.MatchingPersistenceMaxQPS.Key():                           unlimited,

		// One shard gets all of the work here, and 20 polls a second of it would
		// make every hop wait for up to 50 ms.
		dynamicconfig.TransferProcessorMaxPollRPS.Key():   unlimited,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():      unlimited,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): unlimited,
		// Timers of less than this may fire so much later: it makes up for the
		// clocks of several hosts, and here is one. A dead worker's sticky queue
		// is given up after 400 ms.
		dynamicconfig.TimerProcessorMaxTimeShift.Key(): 50 * time.Millisecond,

		// The default of 128,000 workflows is sized for a server of its own.
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key(): 8192,
	}
}
