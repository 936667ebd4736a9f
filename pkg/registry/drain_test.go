// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// Who was connected when the server ended, and had not asked yet, is answered,
// and told that it was the last answer; who has nothing to ask does not hold it
// up. So it is with connections that net/http has, and with those that a front
// has.
func TestServerDrainsNewConnections(t *testing.T) {
	iso := archivetest.New(t).ISO(t)
	for what, request := range map[string]string{
		"net/http": request, "front": plain("GET", "/v2/"+id+"/example-solution-ui/manifests/1.0.0"),
	} {
		t.Run(what, func(t *testing.T) {
			limits := soon
			limits.header, limits.idle = time.Minute, time.Minute
			r := runWith(t, func(s *Server) {
				withMetrics(s)
				s.limits = &limits
			}, iso)
			r.serving(1)
			idle, fresh := r.dial(), r.dial()
			idle.send(request)
			if a := idle.answer("GET"); a.status != http.StatusOK || a.front != (what == "front") {
				t.Errorf("%+v", a)
			}
			r.eventually("both are connected", func() bool { return slices.Contains(r.scrape(), "solution_bootstrap_connections 2") })
			r.stop()
			idle.ends()
			if !strings.Contains(r.log.String(), "msg=ending") {
				t.Errorf("the log\n%s", r.log)
			}
			fresh.send(request)
			if a := fresh.answer("GET"); a.status != http.StatusOK || a.front || !a.last {
				t.Errorf("%+v", a)
			}
			fresh.ends()
			if err := <-r.done; err != nil {
				t.Error(err)
			}
			if strings.Contains(r.log.String(), "cut off") {
				t.Errorf("the log\n%s", r.log)
			}
		})
	}
}
