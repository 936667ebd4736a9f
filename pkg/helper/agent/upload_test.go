// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/helper/agent"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// payload is what stands for an archive where only its bytes matter.
func payload(n int) []byte {
	data := make([]byte, n)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(data) // never fails
	return data
}

// localFile makes a file of the administrator's, and opens it.
func localFile(t *testing.T, name string, data []byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func (n *node) uploads() string { return n.agent().Configuration.Archives.Upload }

// put makes a file in the folder of uploads.
func (n *node) put(name string, data []byte) string {
	n.t.Helper()
	path := filepath.Join(n.uploads(), name)
	if err := errors.Join(os.MkdirAll(n.uploads(), 0o755), os.WriteFile(path, data, 0o600)); err != nil {
		n.t.Fatal(err)
	}
	return path
}

// holds checks that a file is what was sent, and the only one in its folder.
func (n *node) holds(path string, data []byte) {
	n.t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, data) {
		n.t.Errorf("%s has %d bytes, which are not the %d that were sent: %v", path, len(got), len(data), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		n.t.Errorf("beside it: %v, %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != agent.UploadMode {
		n.t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestUpload(t *testing.T) {
	const size = 3*agent.ChunkBytes + 17
	data := payload(size)
	other := bytes.Clone(data)
	other[size/2] ^= 1
	for name, test := range map[string]struct {
		part     []byte // what an upload before has left, nil for none
		whole    []byte // what is there under that name
		received int64
		action   protocol.Action
	}{
		"nothing there":             {nil, nil, size, protocol.Uploaded},
		"empty part":                {[]byte{}, nil, size, protocol.Uploaded},
		"part":                      {data[:size/2], nil, size - size/2, protocol.Uploaded},
		"all but the name":          {data, nil, 0, protocol.Uploaded},
		"part of something else":    {other[:size-1], nil, size, protocol.Uploaded},
		"longer":                    {append(bytes.Clone(data), 1), nil, size, protocol.Uploaded},
		"there":                     {nil, data, 0, protocol.Unchanged},
		"there, and a part as well": {nil, data, 0, protocol.Unchanged},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			client := realClient(t, n)
			var last protocol.Progress
			client.Progress = func(p protocol.Progress) { last = p }
			if test.part != nil {
				n.put(".a b'c.iso.part", test.part)
			}
			if test.whole != nil {
				if err := os.Chmod(n.put("a b'c.iso", test.whole), agent.UploadMode); err != nil {
					t.Fatal(err)
				}
			}
			result, err := client.Upload(t.Context(), localFile(t, "a b'c.iso", data), false)
			if err != nil {
				t.Fatal(err)
			}
			want := protocol.UploadResult{Path: filepath.Join(n.uploads(), "a b'c.iso"), Action: test.action, Received: test.received}
			if *result != want {
				t.Errorf("%+v, want %+v", *result, want)
			}
			n.holds(want.Path, data)
			if test.received > 0 && (last != protocol.Progress{Step: "uploading a b'c.iso", Done: size, Total: size}) {
				t.Errorf("the last progress is %+v", last)
			}
		})
	}
}

func TestUploadRefused(t *testing.T) {
	n := newNode(t)
	client, data := realClient(t, n), payload(1000)
	there := n.put("there.iso", []byte("shorter"))
	same := n.put("same.iso", payload(999))
	if err := os.WriteFile(same, append(payload(999), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(n.uploads(), "link.iso")
	if err := os.Symlink("/etc/passwd", link); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"there.iso": there, "same.iso": same, "link.iso": link} {
		_, err := client.Upload(t.Context(), localFile(t, name, data), false)
		wantRemote(t, err, "uploading to "+path+": there is another file at "+path+" on the bootstrap node",
			"give the archive another name, or remove that file from the node", protocol.ReasonConflict)
	}
	if got, err := os.ReadFile(there); err != nil || string(got) != "shorter" {
		t.Errorf("%q, %v", got, err)
	}
	// Names are checked on both sides.
	for _, name := range []string{"", ".", "..", ".a.iso", "-a.iso", "a/b.iso", "../a.iso", "/a.iso", "a\nb.iso", "a\x00.iso", strings.Repeat("a", 201)} {
		list := n.serve(n.agent(), protocol.Request{Upload: &protocol.UploadRequest{Name: name, Size: 10}})
		if failure := list[len(list)-1].Error; failure == nil || failure.Reason != protocol.ReasonBadRequest {
			t.Errorf("%q: %+v", name, failure)
		}
	}
	for _, size := range []int64{0, -1} {
		list := n.serve(n.agent(), protocol.Request{Upload: &protocol.UploadRequest{Name: "a.iso", Size: size}})
		if failure := list[len(list)-1].Error; failure == nil || failure.Reason != protocol.ReasonBadRequest {
			t.Errorf("%d bytes: %+v", size, failure)
		}
	}
	if _, err := client.Upload(t.Context(), localFile(t, "-rf", data), false); err == nil || !strings.Contains(err.Error(), `"-rf" cannot be the name`) {
		t.Errorf("-rf: %v", err)
	}
	list := n.serve(n.agent(), protocol.Request{Upload: &protocol.UploadRequest{Name: "big.iso", Size: 1 << 60}})
	if failure := list[len(list)-1].Error; failure == nil || failure.Reason != protocol.ReasonNoSpace ||
		!strings.Contains(failure.Message, "1152921504606846976 bytes are needed, and ") || failure.Hint == "" {
		t.Errorf("%+v", failure)
	}
}

func TestUploadDryRun(t *testing.T) {
	n := newNode(t)
	client, file := realClient(t, n), localFile(t, "a.iso", payload(1000))
	want := protocol.UploadResult{Path: filepath.Join(n.uploads(), "a.iso"), Action: protocol.Uploaded}
	result, err := client.Upload(t.Context(), file, true)
	if err != nil || *result != want {
		t.Fatalf("%+v, %v", result, err)
	}
	n.nothingLeft()
	list := n.serve(n.agent(), protocol.Request{Upload: &protocol.UploadRequest{Name: "big.iso", Size: 1 << 60, DryRun: true}})
	if failure := list[len(list)-1].Error; failure == nil || failure.Reason != protocol.ReasonNoSpace {
		t.Errorf("%+v", failure)
	}
}

// talk says lines and bytes to an agent, one after the other as it answers.
func (n *node) talk(ctx context.Context, size int, then func(offer protocol.Offer) []byte) []protocol.Event {
	n.t.Helper()
	request, err := json.Marshal(protocol.Request{Protocol: protocol.Version, Upload: &protocol.UploadRequest{Name: "a.iso", Size: int64(size)}})
	if err != nil {
		n.t.Fatal(err)
	}
	var events bytes.Buffer
	s := &script{then: then, pending: append(request, '\n')}
	err = n.agent().Serve(ctx, s, io.MultiWriter(&events, s))
	var list []protocol.Event
	for line := range strings.Lines(events.String()) {
		var e protocol.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			n.t.Fatal(err)
		}
		list = append(list, e)
	}
	if (err != nil) != (list[len(list)-1].Error != nil) {
		n.t.Errorf("%v, %+v", err, list[len(list)-1])
	}
	return list
}

// script is an agent's standard input, and sees its output.
type script struct {
	then    func(protocol.Offer) []byte
	pending []byte
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.pending) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error) {
	var e protocol.Event
	if json.Unmarshal(p, &e) == nil && e.Offer != nil {
		s.pending = append(s.pending, s.then(*e.Offer)...)
	}
	return len(p), nil
}

func sum(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// What a client says wrong leaves no archive, and nothing that counts.
func TestUploadWrong(t *testing.T) {
	data := payload(1000)
	whole := fmt.Sprintf("%s{\"digest\":%q}\n", data, sum(data))
	for name, test := range map[string]struct {
		says    string
		message string
		reason  protocol.Reason
		kept    int
	}{
		"silence":          {"", "the connection ended", protocol.ReasonInternal, 500},
		"no JSON":          {"hello\n", "a line of JSON is due: invalid character 'h' looking for beginning of value", protocol.ReasonBadRequest, 500},
		"endless line":     {strings.Repeat("x", 100000), "a line of JSON is due", protocol.ReasonBadRequest, 500},
		"from elsewhere":   {"{\"offset\":499}\n" + whole, "the client goes on at 499, where 500 bytes are", protocol.ReasonBadRequest, 500},
		"before the start": {"{\"offset\":-1}\n" + whole, "the client goes on at -1, where 500 bytes are", protocol.ReasonBadRequest, 500},
		"too little":       {"{\"offset\":500}\n" + string(data[500:900]), "the connection ended after 900 of 1000 bytes", protocol.ReasonInternal, 900},
		"no digest":        {"{\"offset\":500}\n" + string(data[500:]), "the connection ended", protocol.ReasonInternal, 1000},
		"wrong digest":     {"{\"offset\":0}\n" + string(data) + `{"digest":"` + sum(data[1:]) + "\"}\n", "what arrived is not what was sent: nothing of it is kept", protocol.ReasonConflict, 0},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			part := n.put(".a.iso.part", data[:500])
			list := n.talk(t.Context(), len(data), func(offer protocol.Offer) []byte {
				if want := (protocol.Offer{Offset: 500, Digest: sum(data[:500])}); offer != want {
					t.Errorf("offer %+v, want %+v", offer, want)
				}
				return []byte(test.says)
			})
			failure := list[len(list)-1].Error
			target := filepath.Join(n.uploads(), "a.iso")
			if failure == nil || failure.Message != "uploading to "+target+": "+test.message || failure.Reason != test.reason {
				t.Errorf("%+v", failure)
			}
			if info, err := os.Stat(part); err != nil || info.Size() != int64(test.kept) {
				t.Errorf("%v, %v; %d bytes are to be kept", info, err, test.kept)
			}
			if _, err := os.Lstat(target); err == nil {
				t.Error("there is an archive")
			}
		})
	}
}

// Of two uploads of one archive the second is refused.
func TestUploadTwice(t *testing.T) {
	n := newNode(t)
	data := payload(1000)
	list := n.talk(t.Context(), len(data), func(protocol.Offer) []byte {
		second := n.talk(t.Context(), len(data), func(protocol.Offer) []byte { t.Error("the second is offered something"); return nil })
		failure := second[len(second)-1].Error
		if failure == nil || failure.Reason != protocol.ReasonLocked || !strings.Contains(failure.Message, "is being uploaded by someone else") {
			t.Errorf("%+v", failure)
		}
		return fmt.Appendf(nil, "{\"offset\":0}\n%s{\"digest\":%q}\n", data, sum(data))
	})
	if failure := list[len(list)-1].Error; failure != nil {
		t.Errorf("%+v", failure)
	}
	n.holds(filepath.Join(n.uploads(), "a.iso"), data)
}

// cutting runs the real helper, and breaks its input after some bytes.
type cutting struct {
	remote.Runner
	after int64
}

var errCut = errors.New("cut")

func (c cutting) Run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	return c.Runner.Run(ctx, io.MultiReader(io.LimitReader(stdin, c.after), broken{}), stdout)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errCut }

// An upload that is cut off at any point goes on from there. What is sent twice
// is at most what was under way: the chunks that are read ahead, and the pipe.
func TestUploadResumes(t *testing.T) {
	const size, cuts = 24 << 20, 10
	data := payload(size)
	n := newNode(t)
	client, file := realClient(t, n), localFile(t, "a.iso", data)
	whole, sent := client.Runner, int64(0)
	source := rand.New(rand.NewPCG(1, 2))
	for range cuts {
		after := source.Int64N(2 * size / cuts)
		client.Runner = cutting{whole, after}
		if _, err := client.Upload(t.Context(), file, false); err == nil {
			t.Fatalf("cut after %d bytes, and no error", after)
		}
		sent += after
	}
	client.Runner = whole
	result, err := client.Upload(t.Context(), file, false)
	if err != nil {
		t.Fatal(err)
	}
	sent += result.Received
	n.holds(result.Path, data)
	const under = (agent.AheadChunks + 1) * agent.ChunkBytes
	t.Logf("%d bytes, cut %d times: %d bytes sent twice", size, cuts, sent-size)
	if sent-size > cuts*under {
		t.Errorf("%d bytes were sent twice, and at most %d may be", sent-size, cuts*under)
	}
}

// An upload and the check that an import does, by the real helper.
func TestUploadThenImport(t *testing.T) {
	n := newNode(t)
	client, ctx := realClient(t, n), t.Context()
	file, err := os.Open(n.archive("1.0.101"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	result, err := client.Upload(ctx, file, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Import(ctx, protocol.ImportRequest{Archives: []string{result.Path}}); err != nil {
		t.Fatal(err)
	}
	by := n.archive("1.0.102")
	if _, err := client.Import(ctx, protocol.ImportRequest{Archives: []string{by}}); err != nil {
		t.Fatal(err)
	}
	_, err = client.Unimport(ctx, protocol.UnimportRequest{Archives: []string{result.Path, by}, DeleteArchive: true})
	wantRemote(t, err, by+" was not uploaded: it is not in "+n.uploads(), "run the command without --delete-archive, and delete the file by hand", protocol.ReasonInvalid)
	c, err := client.Unimport(ctx, protocol.UnimportRequest{Archives: []string{result.Path}, DeleteArchive: true, DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	n.wantItems(c, "unimported 1.0.101.iso example-solution-1.0.101", "deleted 1.0.101.iso")
	n.holds(result.Path, []byte(mustRead(t, file.Name())))
	if _, err = client.Unimport(ctx, protocol.UnimportRequest{Archives: []string{result.Path}, DeleteArchive: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(result.Path); !os.IsNotExist(err) {
		t.Errorf("the file is there still: %v", err)
	}
}

func TestAllow(t *testing.T) {
	n := newNode(t)
	iso := n.archive("1.0.101")
	outside := filepath.Join(t.TempDir(), "outside.iso")
	if err := os.WriteFile(outside, mustRead(t, iso), 0o600); err != nil {
		t.Fatal(err)
	}
	link, folder := filepath.Join(n.archives, "link.iso"), filepath.Join(n.archives, "folder")
	if err := errors.Join(os.Symlink(outside, link), os.Symlink(filepath.Dir(outside), folder)); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(n.archives, "fifo.iso")
	if out, err := exec.CommandContext(t.Context(), "mkfifo", fifo).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	allow := config.Archives{Upload: n.uploads(), Allow: []string{n.archives}}
	for path, allowed := range map[string]bool{
		iso: true, filepath.Join(n.archives, "none.iso"): true, fifo: true, // who opens these says what is wrong
		outside: false, link: false, filepath.Join(folder, "outside.iso"): false, "/dev/zero": false, "/etc/passwd": false, n.archives: false,
	} {
		if err := allow.Permit(path); (err == nil) != allowed || err != nil && hint.Of(err) == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
	n.allow = allow.Allow
	for _, req := range []protocol.Request{
		{Import: &protocol.ImportRequest{Archives: []string{link}}},
		{Check: &protocol.CheckRequest{Archives: []string{link}}},
		{Read: &protocol.ReadRequest{Archives: []protocol.ReadArchive{{Archive: iso}, {Archive: link, Paths: []string{"manifest.yaml"}}}}},
	} {
		n.refused(req, protocol.ReasonInvalid, "$A/link.iso is in none of the folders in which an archive may be",
			"put it into one of them (archives.allow in the helper's configuration): $A")
	}
	n.importAll(iso)
}
