// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
)

// breakingProxy is a program that passes connections on, and ends once so many
// bytes have been answered, which breaks what is under way:
//
//	breaking-proxy LISTEN TO BYTES
func breakingProxy() {
	limit, err := strconv.ParseInt(os.Args[3], 10, 64)
	exitOn(err)
	l, err := net.Listen("tcp", os.Args[1]) //nolint:noctx // it ends with the process
	exitOn(err)
	fmt.Println("listening")
	var left atomic.Int64
	left.Store(limit)
	for {
		client, err := l.Accept()
		exitOn(err)
		server, err := net.Dial("tcp", os.Args[2]) //nolint:noctx // it ends with the process
		exitOn(err)
		go pass(server, client, nil)
		go pass(client, server, &left)
	}
}

// pass copies from one connection to the other, as long as there is something
// left, and so that the other end has got all that was read.
func pass(to, from net.Conn, left *atomic.Int64) {
	defer to.Close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if _, writeErr := to.Write(buffer[:n]); writeErr != nil || err != nil {
			return
		}
		if left != nil && left.Add(-int64(n)) < 0 {
			fmt.Println("enough")
			exitOn(to.Close())
			os.Exit(0)
		}
	}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
