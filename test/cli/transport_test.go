// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/test/kubelet"
	"github.com/metalk8s/kubectl-solution/test/sshserver"
)

// podNode is the node of the pod that podCommand makes.
const podNode = "cli-node"

func scriptTest(ts *testscript.TestScript) *testing.T {
	t, ok := ts.Value(testKey{}).(*testing.T)
	if !ok {
		ts.Fatalf("the script has no test")
	}
	return t
}

// sshdCommand starts a real sshd on this machine, which is the bootstrap node as
// well; ssh is given the keys of the test.
func sshdCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: sshd [FORCED-COMMAND]")
	}
	t := scriptTest(ts)
	path := ts.Getenv("PROGRAMS") + ":/usr/bin:/bin"
	server := sshserver.Need(t, sshserver.Options{
		Command:     strings.Join(args, " "),
		Environment: map[string]string{"PATH": path, "SOLUTION_BOOTSTRAP_CONFIG": ts.Getenv("SOLUTION_BOOTSTRAP_CONFIG")},
	})
	ts.Setenv("PATH", server.Wrapper(t)+string(os.PathListSeparator)+ts.Getenv("PATH"))
	ts.Setenv("XDG_RUNTIME_DIR", server.Folder)
	ts.Setenv("SSH", server.Address())
	ts.Setenv("SSH_FOLDER", server.Folder)
}

// podCommand makes a pod with the helper in it. Its kubelet is a stand-in: the
// helper is a process of this machine.
func (c *testCluster) podCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: pod NAME")
	}
	client, err := kubernetes.NewForConfig(c.server.Config)
	ts.Check(err)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Namespace}}
	if _, err := client.CoreV1().Namespaces().Create(context.WithoutCancel(c.ctx), ns, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		ts.Fatalf("%v", err)
	}
	t := scriptTest(ts)
	k := kubelet.Need(t, c.server, podNode, "PATH="+ts.Getenv("PROGRAMS"), "SOLUTION_BOOTSTRAP_CONFIG="+ts.Getenv("SOLUTION_BOOTSTRAP_CONFIG"), "HOME="+filepath.Join(ts.Getenv("WORK"), "home"))
	k.Run(v1alpha1.Namespace, args[0], map[string]string{"app": "helper"}, nil, "helper")
}
