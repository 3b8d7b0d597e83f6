package temporald

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/server_options"
)

// ui is the running Temporal UI.
type ui struct {
	server  *uiserver.Server
	address string
	ended   chan struct{}
}

// startUI serves the UI for the frontend in the background. The UI ends the
// process when it cannot listen, which is why addresses are tried before.
func startUI(listen netip.AddrPort, frontend, namespace string) *ui {
	host := listen.Addr().String()
	if listen.Addr().Is6() {
		host = "[" + host + "]" // the UI glues host and port together
	}
	u := &ui{
		address: dialable(listen).String(),
		ended:   make(chan struct{}),
		server: uiserver.NewServer(server_options.WithConfigProvider(&uiconfig.Config{
			TemporalGRPCAddress: frontend,
			Host:                host,
			Port:                int(listen.Port()),
			EnableUI:            true,
			DefaultNamespace:    namespace,
			CORS:                uiconfig.CORS{CookieInsecure: true}, // plain HTTP
			HideLogs:            true,
			DisableNewsFetch:    true,
		})),
	}
	go func() {
		defer close(u.ended)
		_ = u.server.Start() // nil is all that it returns; it exits on errors
	}()
	return u
}

// await returns once the UI answers.
func (u *ui) await(ctx context.Context) error {
	return poll(ctx, "the UI", func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+u.address+"/healthz", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		if err := response.Body.Close(); err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("answers %s", response.Status)
		}
		return nil
	})
}

func (u *ui) stop() {
	u.server.Stop()
	<-u.ended
}
