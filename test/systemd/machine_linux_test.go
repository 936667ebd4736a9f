// SPDX-License-Identifier: Apache-2.0

package systemd

import (
	"os"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/test/namespace"
)

func TestMain(m *testing.M) { os.Exit(namespace.Main(m)) }

// What is written on a machine is there after a restart, what it mounts is not,
// and neither is ever on this one.
func TestMachine(t *testing.T) {
	m := Start(t)
	m.Run("sh", "-c", "echo kept > /srv/test-machine; touch /run/test-machine; mount -t tmpfs tmpfs /srv")
	m.Restart()
	if got := m.Run("cat", "/srv/test-machine"); got != "kept\n" {
		t.Errorf("after a restart %q", got)
	}
	if _, err := m.Try("test", "-e", "/run/test-machine"); err == nil {
		t.Error("it was not started again")
	}
	if out, err := m.Try("false"); err == nil || out != "" {
		t.Errorf("false: %v, %q", err, out)
	}
	if _, err := os.Stat("/srv/test-machine"); err == nil {
		t.Error("the file is on this machine")
	}
	if units := m.Run("systemctl", "list-units", "--no-legend", "--type=service", "--state=running"); strings.TrimSpace(units) != "" {
		t.Errorf("services run: %s", units)
	}
}
