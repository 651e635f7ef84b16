package safedial

import "net/netip"

// A use is what a block of addresses is set aside for.
type use struct {
	prefix netip.Prefix
	is     string
}

func block(prefix, is string) use { return use{netip.MustParsePrefix(prefix), is} }

// not4 are the blocks of IPv4 that are no part of the public internet: IANA's registry of
// special-purpose addresses, with multicast and what is reserved.
var not4 = []use{
	block("0.0.0.0/8", "this host"),
	block("10.0.0.0/8", "private"),
	block("100.64.0.0/10", "shared by a carrier (CGNAT)"),
	block("127.0.0.0/8", "loopback"),
	block("169.254.0.0/16", "link-local"),     // the metadata services of clouds
	block("168.63.129.16/32", "Azure's host"), // metadata and keys, by a public number
	block("172.16.0.0/12", "private"),
	block("192.0.0.0/24", "reserved for protocols"),
	block("192.0.2.0/24", "for documentation"),
	block("192.88.99.0/24", "a 6to4 relay"),
	block("192.168.0.0/16", "private"),
	block("198.18.0.0/15", "for benchmarks"),
	block("198.51.100.0/24", "for documentation"),
	block("203.0.113.0/24", "for documentation"),
	block("224.0.0.0/4", "multicast"),
	block("240.0.0.0/4", "reserved"), // broadcast too
}

// public6 is all that IPv6 has of public unicast. Everything else is refused without a list:
// loopback, fc00::/7, fe80::/10, ff00::/8, ::/96, 64:ff9b:1::/48, 5f00::/16, …
var public6 = netip.MustParsePrefix("2000::/3")

// not6 are the blocks within public6 that are no part of the public internet.
var not6 = []use{
	block("2001::/23", "reserved for protocols"), // Teredo, which hides an IPv4 address, too
	block("2001:db8::/32", "for documentation"),
	block("2002::/16", "6to4, which hides an IPv4 address"),
	block("3fff::/20", "for documentation"),
}

// nat64 is where a network without IPv4 puts the IPv4 internet: the last four bytes count.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// privateUse says what an address is that is not of the public internet, or "".
func privateUse(addr netip.Addr) string {
	switch {
	case !addr.IsValid():
		return "no address"
	case addr.Zone() != "":
		return "of one link only"
	case addr.Is4():
		return within(not4, addr)
	case nat64.Contains(addr):
		return hidden("NAT64", addr)
	case addr.IsLoopback():
		return "loopback"
	case addr.IsPrivate():
		return "private"
	case addr.IsLinkLocalUnicast():
		return "link-local"
	case !public6.Contains(addr):
		return "outside 2000::/3"
	case isISATAP(addr):
		if is := hidden("ISATAP", addr); is != "" {
			return is
		}
	}
	return within(not6, addr)
}

func within(uses []use, addr netip.Addr) string {
	for _, u := range uses {
		if u.prefix.Contains(addr) {
			return u.is
		}
	}
	return ""
}

// isISATAP reports whether the address asks a tunnel for the IPv4 address in its last four
// bytes: an interface id of 0000:5efe or 0200:5efe.
func isISATAP(addr netip.Addr) bool {
	b := addr.As16()
	return b[8]&^0x02 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// hidden judges the IPv4 address in the last four bytes.
func hidden(how string, addr netip.Addr) string {
	b := addr.As16()
	v4 := netip.AddrFrom4([4]byte(b[12:]))
	if is := within(not4, v4); is != "" {
		return how + " of " + v4.String() + ", which is " + is
	}
	return ""
}
