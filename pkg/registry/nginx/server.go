// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Server is a server block for the locations of archives.
type Server struct {
	// Listen are addresses, host:port or :port.
	Listen []string
	// Certificate and Key are the paths of PEM files, "" for plain HTTP.
	Certificate, Key string
	// ClientCAs is the path of the authorities of clients who may read, "" for
	// any client.
	ClientCAs string
	// Include is a file, or a pattern of files, with the locations, "" for none.
	Include string
	// Locations are locations themselves.
	Locations string
}

var hostPattern = regexp.MustCompile(`^[A-Za-z0-9._:-]+$`)

// Block returns the server block, for the http block of nginx's configuration.
func (s Server) Block() (string, error) {
	listen, err := s.listen()
	if err != nil {
		return "", err
	}
	for _, path := range []string{s.Certificate, s.Key, s.ClientCAs, s.Include} {
		if path == "" {
			continue
		}
		if err := CheckPath(path); err != nil {
			return "", err
		}
	}
	w := &writer{}
	w.block("server", func() {
		for _, address := range listen {
			w.line("listen %s;", address)
		}
		s.tls(w)
		w.line("server_tokens off;")
		w.line("sendfile on;")
		w.line("tcp_nopush on;")
		rest(w)
		if s.Include != "" {
			w.line("include %s;", quotePath(s.Include))
		}
		for line := range strings.Lines(s.Locations) {
			w.line("%s", strings.TrimSuffix(line, "\n"))
		}
	})
	return w.String(), nil
}

// rest answers for what no archive does.
func rest(w *writer) {
	const readOnly = "/_error/405"
	w.line("default_type application/json;")
	w.line("gzip off;")
	w.line(apiVersion)
	w.line(`error_page 405 413 = "%s";`, readOnly)
	w.block(`location ~ "^/v2/?$"`, func() {
		w.readOnly()
		w.answer(200, []byte("{}"))
	})
	w.block("location /", func() {
		w.readOnly()
		w.refuse(errUnsupported)
	})
	w.exact(readOnly, func() {
		w.line("internal;")
		w.line(apiVersion)
		w.line(`add_header Allow "GET, HEAD" always;`)
		w.refuse(errReadOnly)
	})
}

func (s Server) tls(w *writer) {
	if s.Certificate != "" {
		w.line("ssl_certificate %s;", quotePath(s.Certificate))
		w.line("ssl_certificate_key %s;", quotePath(s.Key))
		w.line("ssl_protocols TLSv1.2 TLSv1.3;")
	}
	if s.ClientCAs != "" {
		w.line("ssl_client_certificate %s;", quotePath(s.ClientCAs))
		w.line("ssl_verify_client on;")
	}
}

// listen returns the addresses as nginx has them.
func (s Server) listen() ([]string, error) {
	var list []string
	for _, address := range s.Listen {
		host, port, err := net.SplitHostPort(address)
		n, portErr := strconv.ParseUint(port, 10, 16)
		if err != nil || portErr != nil || n == 0 || host != "" && !hostPattern.MatchString(host) {
			return nil, fmt.Errorf("%q is no address that nginx could listen on", address)
		}
		hosts := []string{host}
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() && ip.To4() == nil {
			// What this stands for is both; nginx keeps them apart.
			hosts = []string{"0.0.0.0", "::"}
		}
		for _, host := range hosts {
			entry := net.JoinHostPort(host, port)
			if s.Certificate != "" {
				entry += " ssl"
			}
			if !slices.Contains(list, entry) {
				list = append(list, entry)
			}
		}
	}
	return list, nil
}
