// SPDX-License-Identifier: Apache-2.0

// Package e2e has no code, only tests: Solutions on a real Kubernetes node, that
// of hack/node.sh, whose containerd pulls from solution-bootstrap serve and runs
// what it gets. It takes root and some packages of Debian; `make e2e` sees to
// them. The scripts in testdata/script run one after the other, each on a node of
// its own.
//
// The commands that they have besides those of
// github.com/rogpeppe/go-internal/testscript:
//
//	registry start NAME     starts a registry in the node; that NAME's helper has
//	                        its configuration in $WORK/NAME.yaml, and its files
//	                        below $WORK/NAME
//	registry stop NAME      ends it
//	proxy NAME TO BYTES     starts what passes on to registry TO, and is gone once
//	                        that has answered so many bytes
//	hosts NAME…             has containerd ask these, in order, for $ENDPOINT
//	node COMMAND ARG…       runs a command in the node
//	start NAME COMMAND ARG… starts one there, whose log is NAME's
//	stop NAME               ends it
//	ctr ARG…                containerd's client, in the node, for what the kubelet uses
//	pull REFERENCE ARG…     has ctr pull an image
//	logged NAME REGEXP      waits until a line of a registry's log matches; with !
//	                        none must
//	pulled NAME ARCHIVE IMAGE:TAG [PLATFORM…]
//	                        containerd has taken all that is in an image, and in no
//	                        other, from a registry by digest, and holds it as it is
//	                        in the archive; of an index, what is for the node, or
//	                        those platforms
//	capture VARIABLE        sets one to the last command's output
//	answers URL REGEXP      waits until what a URL answers matches
//	ask URL REGEXP          goes on asking a URL, each time over a new connection
//	asked FILE              ends that: every answer must have been had, and the
//	                        different matches, in order, are in FILE
//	objects                 remembers what is in the cluster
//	left FILE               waits until FILE lists what has come to the cluster since
//
// $ADDRESS is the node's, $EXAMPLES the folder of the sample Solution, $ONE and
// $TWO are its archives, and $ENDPOINT is the registry's name, which only
// containerd's configuration leads anywhere.
package e2e
