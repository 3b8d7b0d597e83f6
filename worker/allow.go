package main

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"bakeoff/activities"
)

// urlKeys are the parameters that name a place even when they hold no scheme.
var urlKeys = []string{"url", "admin"}

// permits says whether a driver may be used at all.
func (a allowConfig) permits(driver string) error {
	if len(a.Drivers) == 0 || slices.Contains(a.Drivers, driver) {
		return nil
	}
	return fmt.Errorf("driver %q is not allowed: the worker's allow.drivers has %s", driver, strings.Join(a.Drivers, ", "))
}

// permitsAll says whether every URL among the parameters may be reached: those
// of urlKeys and every text that looks like a URL, however deep. A URL that
// the worker's own configuration names for this driver always may.
func (a allowConfig) permitsAll(with activities.With, own driverConfig) error {
	if len(a.URLs) == 0 {
		return nil
	}
	var known []string
	_ = eachURL("", map[string]any(own), func(_, u string) error { known = append(known, u); return nil })
	return eachURL("", map[string]any(with), func(name, u string) error {
		if slices.ContainsFunc(known, func(k string) bool { return sameURL(k, u) }) {
			return nil
		}
		if err := a.permitsURL(u); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

// eachURL calls visit for every text that names a place, in a fixed order, and
// stops at the first error.
func eachURL(name string, value any, visit func(name, u string) error) error {
	switch value := value.(type) {
	case string:
		key := name[strings.LastIndex(name, ".")+1:]
		if slices.Contains(urlKeys, key) || strings.Contains(value, "://") {
			return visit(name, value)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if err := eachURL(strings.TrimPrefix(name+"."+key, "."), value[key], visit); err != nil {
				return err
			}
		}
	case []any:
		for i, item := range value {
			if err := eachURL(fmt.Sprintf("%s.%d", name, i), item, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// permitsURL says whether one of the patterns allows the URL.
func (a allowConfig) permitsURL(u string) error {
	parsed, err := url.Parse(u)
	switch {
	case err != nil || parsed.Scheme == "" || parsed.Host == "":
		return fmt.Errorf("%q is not a URL: write scheme://host:port/path", u)
	case parsed.User != nil:
		return fmt.Errorf("the URL for %s has a user in it: credentials are the worker's configuration", parsed.Host)
	case parsed.Path != "" && strings.TrimRight(path.Clean(parsed.Path), "/") != strings.TrimRight(parsed.Path, "/"):
		return fmt.Errorf("%q has . or .. or // in its path", u)
	}
	host, place := strings.ToLower(parsed.Scheme+"://"+parsed.Host), strings.TrimRight(parsed.Path, "/")
	for _, pattern := range a.URLs {
		hosts, places := splitPattern(pattern)
		if glob(strings.ToLower(hosts), host) && (places == "" || glob(places, place)) {
			return nil
		}
	}
	return fmt.Errorf("%q is not allowed: the worker's allow.urls has %s", u, strings.Join(a.URLs, ", "))
}

// splitPattern cuts a pattern into scheme and host, and path. No path allows
// every path.
func splitPattern(pattern string) (host, place string) {
	scheme, rest, _ := strings.Cut(pattern, "://")
	host, place, _ = strings.Cut(rest, "/")
	if place = strings.TrimRight(place, "/"); place != "" {
		place = "/" + place
	}
	return scheme + "://" + host, place
}

// checkPattern refuses patterns that cannot match any URL.
func checkPattern(pattern string) error {
	host, _ := splitPattern(pattern)
	if !strings.Contains(pattern, "://") || strings.HasPrefix(host, "://") || strings.HasSuffix(host, "://") || strings.Contains(host, "@") {
		return fmt.Errorf("%q is not a pattern of URLs: write scheme://host:port, such as http://127.0.0.1:*", pattern)
	}
	return nil
}

// glob matches text against a pattern in which * stands for any text.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	matched, err := regexp.MatchString("(?s)^"+strings.Join(parts, ".*")+"$", text)
	return err == nil && matched
}
