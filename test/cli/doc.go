// SPDX-License-Identifier: Apache-2.0

// Package cli has no code, only tests: they are the contract of the command
// line. Each script in testdata/script is what a person would type, and what
// they get to see, on a real API server. TestKill ends the programs at random
// moments; TestEventFaults, TestAPIServerGone and TestTwoAtOnce have a fault at
// each point of a command.
//
// The commands that scripts have besides those of
// github.com/rogpeppe/go-internal/testscript:
//
//	kubectl ARG…            runs it; with ! the exit status must be 1
//	archive FILE [KEY=VALUE…]
//	                        makes a Solution archive, see archiveOptions
//	corrupt FILE            changes one byte of an image's layer in it
//	snapshot                remembers node and cluster
//	unchanged               fails where one of them is not as it was then
//	restored                fails where they have come to something else since,
//	                        be it by way of other objects
//	holds FILE              the objects in FILE are in the cluster, and every
//	                        field of theirs is as FILE has it; ${NAME} in it is
//	                        an environment variable
//	namespace               makes mount and process namespaces, for
//	inside PROGRAM ARG…     which runs a program in them
//	capture NAME            sets a variable to the last command's output
//	sshd [COMMAND]          starts a real sshd, at the address $SSH; its files
//	                        are in $SSH_FOLDER. COMMAND is a forced one
//	pod NAME                makes a pod with the helper in it, which a stand-in
//	                        for a kubelet runs as a process
//	may NAMESPACE SOLUTION VERB RESOURCE
//	                        fails unless the Solution's Operator may do that there
//	manifests FILE          writes the objects of a plan to FILE, as kubectl takes
//	                        them. The last command has printed the plan as data
//	operatorconfig NAMESPACE NAME FILE
//	                        what an Operator reads from that ConfigMap, which
//	                        must decode strictly, is FILE
//
// A Solution or Environment that a script leaves behind is removed before the
// next one. Other namespaces that a script makes have names in cli-.
package cli
