package host

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"bridgehost/capability"
	"bridgehost/store/sqlite"
)

// observed are the scopes on which each capability was used; none when it is needed as a whole.
type observed map[string][]string

// observe sums up what was used. Names that stand in a configuration become ${config.KEY}.
func observe(uses []sqlite.Use, values ...map[string]any) observed {
	o, whole := observed{}, map[string]bool{}
	for _, u := range uses {
		if u.Refused {
			continue
		}
		switch u.Scope {
		case "*":
			whole[u.Capability] = true
			fallthrough
		case "": // any scope will do
			o[u.Capability] = append(o[u.Capability], nil...)
			if o[u.Capability] == nil {
				o[u.Capability] = []string{}
			}
		default:
			o[u.Capability] = append(o[u.Capability], byConfig(u.Capability, u.Scope, values))
		}
	}
	for name := range o {
		if whole[name] {
			o[name] = []string{}
		}
		slices.Sort(o[name])
		o[name] = slices.Compact(o[name])
	}
	return o
}

// smallest is what would have been enough, as a lock has it and as a manifest does.
func smallest(uses []sqlite.Use, values ...map[string]any) (grants []string, manifest string) {
	o := observe(uses, values...)
	grants = []string{}
	var b strings.Builder
	b.WriteString("[permissions]\n")
	for _, name := range capability.Names() {
		scopes, used := o[name]
		if !used {
			continue
		}
		b.WriteString(capability.Line(name, unsaid, scopes...) + "\n")
		if len(scopes) == 0 {
			grants = append(grants, name)
		}
		for _, s := range scopes {
			grants = append(grants, name+" "+s)
		}
	}
	return grants, b.String()
}

// byConfig writes ${config.KEY} for a host, a port or a web address that the owner configured.
func byConfig(name, scope string, values []map[string]any) string {
	switch name {
	case capability.NetConnect.Name(), capability.NetUDP.Name():
		host, port, err := net.SplitHostPort(scope)
		if err != nil {
			return scope
		}
		ref := keyOf(host, values, "")
		if ref == "" {
			return scope
		}
		if p := keyOf(port, values, "port"); p != "" {
			port = p
		}
		return net.JoinHostPort(ref, port)
	case capability.HTTPFetch.Name():
		if key := keyBelow(scope, values); key != "" {
			return key
		}
	}
	return scope
}

// keyOf is ${config.KEY} of the key that has that value; the key's name holds part.
func keyOf(value string, values []map[string]any, part string) string {
	for _, config := range values {
		for _, key := range slices.Sorted(maps.Keys(config)) {
			if strings.Contains(key, part) && slices.Contains(written(config[key]), value) {
				return "${config." + key + "}"
			}
		}
	}
	return ""
}

// keyBelow is the key that holds addresses of that server.
func keyBelow(server string, values []map[string]any) string {
	for _, config := range values {
		for _, key := range slices.Sorted(maps.Keys(config)) {
			for _, v := range written(config[key]) {
				if u, err := url.Parse(v); err == nil && u.Host != "" && u.Scheme+"://"+u.Host+"/" == server {
					return "${config." + key + "}"
				}
			}
		}
	}
	return ""
}

// written are the values of a key of the configuration.
func written(v any) (list []string) {
	switch v := v.(type) {
	case nil, map[string]any:
	case []any:
		for _, item := range v {
			list = append(list, written(item)...)
		}
	default:
		list = append(list, fmt.Sprint(v))
	}
	return list
}
