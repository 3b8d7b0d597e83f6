package temporald

import (
	"fmt"
	"net"
	"net/netip"
)

// addresses are the listening addresses of one server. Those of ui and metrics
// are invalid when there is none.
type addresses struct {
	frontend, ui, metrics     netip.AddrPort
	frontendHTTP              netip.AddrPort // for Nexus callbacks
	internal                  netip.AddrPort // frontend of the services themselves, where callers are asked for tokens
	history, matching, worker netip.AddrPort // inside this process, on loopback
}

// reserveAll finds out all addresses before anything is started, because the
// server and the UI end the process when they cannot listen.
func reserveAll(o Options) (addresses, error) {
	var a addresses
	for _, r := range []struct {
		what, address string
		to            *netip.AddrPort
	}{
		{"address", o.Address, &a.frontend},
		{"UI address", o.UIAddress, &a.ui},
		{"metrics address", o.MetricsAddress, &a.metrics},
		{"internal address", "127.0.0.1:0", &a.frontendHTTP},
		{"internal address", "127.0.0.1:0", &a.internal},
		{"internal address", "127.0.0.1:0", &a.history},
		{"internal address", "127.0.0.1:0", &a.matching},
		{"internal address", "127.0.0.1:0", &a.worker},
	} {
		if r.address == "" {
			continue
		}
		got, err := reserve(r.address)
		if err != nil {
			return addresses{}, fmt.Errorf("reserving %s %s: %w", r.what, r.address, err)
		}
		*r.to = got
	}
	return a, nil
}

// reserve returns address with its host resolved and port 0 replaced by a free
// port. An empty host is every interface. It fails when something listens there.
func reserve(address string) (netip.AddrPort, error) {
	tcp, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if tcp.IP == nil {
		tcp.IP = net.IPv4zero
	}
	listener, err := net.ListenTCP("tcp", tcp)
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer func() { _ = listener.Close() }() // closing a listener loses nothing
	picked := tcp.Port == 0
	tcp.Port = listener.Addr().(*net.TCPAddr).Port
	a := netip.AddrPortFrom(tcp.AddrPort().Addr().Unmap(), uint16(tcp.Port))
	if picked {
		err = keepFromReuse(listener, dialable(a))
	}
	return a, err
}

// keepFromReuse makes a connection and closes it from the listener's side. While
// it lingers in TIME_WAIT, Linux gives the port to nobody else who asks for a free
// one, yet lets it be listened on by its number.
func keepFromReuse(listener *net.TCPListener, a netip.AddrPort) error {
	dialed, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(a))
	if err != nil {
		return err
	}
	defer func() { _ = dialed.Close() }()
	accepted, err := listener.Accept()
	if err != nil {
		return err
	}
	return accepted.Close()
}

// dialable replaces "every interface" by loopback.
func dialable(a netip.AddrPort) netip.AddrPort {
	switch {
	case !a.Addr().IsUnspecified():
		return a
	case a.Addr().Is4():
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), a.Port())
	default:
		return netip.AddrPortFrom(netip.IPv6Loopback(), a.Port())
	}
}
