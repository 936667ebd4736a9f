// SPDX-License-Identifier: Apache-2.0

package sshserver

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// link is one connection: of a client's, and sshd's end of a socket pair.
type link struct {
	client, server net.Conn
}

func (l *link) cut() {
	_ = l.client.Close()
	_ = l.server.Close()
}

func (s *Server) listen() (err error) {
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err == nil { //nolint:noctx // it ends with close
		s.Port = s.listener.Addr().(*net.TCPAddr).Port
	}
	return err
}

// serve starts an sshd for each connection, as inetd would.
func (s *Server) serve(ctx context.Context) {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return
		}
		if err := s.connect(ctx, client); err != nil {
			_ = client.Close()
		}
	}
}

func (s *Server) connect(ctx context.Context, client net.Conn) error {
	server, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	log, err := os.OpenFile(filepath.Join(s.Folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	words := append(slices.Clone(s.sshd), "-i", "-e", "-f", filepath.Join(s.Folder, "sshd_config"))
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, log
	if err := cmd.Start(); err != nil {
		return err
	}
	l := &link{client: client, server: server}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links = append(s.links, l)
	if s.closed {
		l.cut()
	}
	var copying sync.WaitGroup
	copying.Go(func() { s.copy(server, limited{client, s}); l.cut() })
	copying.Go(func() { s.copy(client, server); l.cut() })
	s.running.Go(func() {
		copying.Wait()
		_ = cmd.Wait() // sshd ends with its connection, and not with status 0
	})
	return nil
}

// copy copies until the connection ends, with pauses while the network is
// silent.
func (s *Server) copy(to io.Writer, from io.Reader) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		s.flow.RLock()
		_, writeErr := to.Write(buffer[:n])
		s.flow.RUnlock()
		if err != nil || writeErr != nil {
			return
		}
	}
}

// socketPair returns a connection, and the file of its other end.
func socketPair() (net.Conn, *os.File, error) {
	syscall.ForkLock.RLock() // no other child is to have them
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		syscall.ForkLock.RUnlock()
		return nil, nil, err
	}
	syscall.CloseOnExec(pair[0])
	syscall.CloseOnExec(pair[1])
	syscall.ForkLock.RUnlock()
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}

// Cut ends all connections, as a network may.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.links {
		l.cut()
	}
}

// CutAfter ends all connections once so many more bytes have come from clients.
func (s *Server) CutAfter(n int64) { s.left.Store(n) }

// Received returns how many bytes have come from clients.
func (s *Server) Received() int64 { return s.received.Load() }

// limited is a client's connection, which ends when CutAfter says so.
type limited struct {
	net.Conn
	server *Server
}

func (l limited) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	l.server.received.Add(int64(n))
	if left := l.server.left.Load(); left > 0 {
		if left <= int64(n) {
			l.server.left.Store(0)
			l.server.Cut()
			return 0, io.EOF
		}
		l.server.left.Store(left - int64(n))
	}
	return n, err
}

// Silence lets nothing through any more, and ends no connection, until the
// function that it returns is called.
func (s *Server) Silence() (resume func()) {
	s.flow.Lock()
	return s.flow.Unlock
}

// Connections returns how many there have been.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.links)
}

// close ends the server with all that it runs. Connections that ssh shares end
// with it.
func (s *Server) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Cut()
	s.running.Wait()
}
