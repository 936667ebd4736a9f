// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

const folder = "/srv/scality/"

// String is a step in words.
func (s step) String() string {
	words := []string{strings.TrimPrefix(s.place.dir, folder) + ":"}
	if s.err != nil {
		return fmt.Sprintf("%s %v (%s)", words[0], s.err, hint.Of(s.err))
	}
	for _, w := range []struct {
		is   bool
		word string
	}{{s.undo, "unmount"}, {s.forget, "forget"}, {s.unit != "", "unit"}, {s.mount, "mount"}} {
		if w.is {
			words = append(words, w.word)
		}
	}
	return strings.Join(append(words, s.archive.Path), " ")
}

// at is a place with mounts, lowest first.
func at(id string, layers ...layer) place { return place{dir: folder + id, layers: layers} }

// fuse and kernel are mounts as they should be.
func fuse(path string) layer {
	return layer{Point: Point{Type: FUSEType, Source: path, Options: strings.Split(options, ",")}, kind: FUSE, ours: true, archive: path, sound: true}
}

func kernel(path string) layer {
	l := fuse(path)
	l.Point.Type, l.Point.Source, l.kind = kernelType, "/dev/loop3", Kernel
	return l
}

func (l layer) with(change func(*layer)) layer {
	change(&l)
	return l
}

func dead(l *layer)   { l.sound = false }
func theirs(l *layer) { l.ours = false }
func rw(l *layer)     { l.Options = []string{"rw"} }
func tmpfs() layer    { return layer{Point: Point{Type: "tmpfs", Source: "none"}} }

func occupied(p place) place {
	p.occupied = true
	return p
}

// unitFor stands for the unit of an archive.
func unitFor(path string) string { return unitMark + `"` + path + `"` + "\n" }

func (p place) unitOf(path string, enabled bool) place {
	p.unit, p.enabled = unitFor(path), enabled
	return p
}

// planCase is a plan for wanted, ids and paths.
type planCase struct {
	mode   Mode
	wanted []string
	keep   []string
	places []place
	want   []string
}

func (c planCase) check(t *testing.T, units bool) {
	t.Helper()
	wanted := map[string]Archive{}
	for _, w := range c.wanted {
		id, path, _ := strings.Cut(w, " ")
		wanted[folder+id] = Archive{ID: id, Path: path}
	}
	p := planner{mode: c.mode, keep: c.keep, unit: func(a Archive, _ string) (string, error) {
		switch {
		case strings.HasPrefix(a.ID, "bad"):
			return "", errors.New("no unit for " + a.ID)
		case units:
			return unitFor(a.Path), nil
		}
		return "", nil
	}}
	var got []string
	for _, s := range p.plan(wanted, c.places) {
		got = append(got, s.String())
	}
	if diff := cmp.Diff(c.want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Without systemd.
func TestPlan(t *testing.T) {
	inUse := func(kind string) string {
		return "a-1: " + folder + "a-1 is in use: " + kind + " is mounted there (" + map[string]string{"none": "tmpfs", "/dev/loop3": kernelType}[kind] + "), and not by solution-bootstrap " +
			"(see what it is for; once it is gone (umount " + folder + "a-1), kubectl solution sync mounts the archive)"
	}
	for name, c := range map[string]planCase{
		"nothing":                    {mode: None},
		"new":                        {FUSE, []string{"a-1 /a.iso", "b-1 /b.iso"}, nil, nil, []string{"a-1: mount /a.iso", "b-1: mount /b.iso"}},
		"folder is left":             {FUSE, []string{"a-1 /a.iso"}, nil, []place{at("a-1")}, []string{"a-1: mount /a.iso"}},
		"as it should be":            {FUSE, []string{"a-1 /a.iso"}, nil, []place{at("a-1", fuse("/a.iso"))}, nil},
		"kernel as it should be":     {Kernel, []string{"a-1 /a.iso"}, nil, []place{at("a-1", kernel("/a.iso"))}, nil},
		"its process is gone":        {FUSE, []string{"a-1 /a.iso"}, nil, []place{at("a-1", fuse("/a.iso").with(dead))}, []string{"a-1: unmount mount /a.iso"}},
		"other options":              {FUSE, []string{"a-1 /a.iso"}, nil, []place{at("a-1", fuse("/a.iso").with(rw))}, []string{"a-1: unmount mount /a.iso"}},
		"another mode":               {Kernel, []string{"a-1 /a.iso"}, nil, []place{at("a-1", fuse("/a.iso"))}, []string{"a-1: unmount mount /a.iso"}},
		"another archive of that id": {FUSE, []string{"a-1 /new.iso"}, nil, []place{at("a-1", fuse("/a.iso"))}, []string{"a-1: unmount mount /new.iso"}},
		"another id of that archive": {FUSE, []string{"a-2 /a.iso"}, nil, []place{at("a-1", fuse("/a.iso"))}, []string{"a-1: unmount forget /a.iso", "a-2: mount /a.iso"}},
		"twice":                      {FUSE, []string{"a-1 /a.iso"}, nil, []place{at("a-1", fuse("/a.iso"), fuse("/a.iso"))}, []string{"a-1: unmount mount /a.iso"}},
		"not wanted":                 {FUSE, nil, nil, []place{at("a-1", fuse("/a.iso")), at("b-1", kernel("/b.iso"))}, []string{"a-1: unmount forget /a.iso", "b-1: unmount forget /b.iso"}},
		"none is wanted":             {None, nil, nil, []place{at("a-1", fuse("/a.iso").with(dead))}, []string{"a-1: unmount forget /a.iso"}},
		"cannot be read now":         {FUSE, nil, []string{"/a.iso"}, []place{at("a-1", fuse("/a.iso").with(dead))}, nil},
		"theirs, and not wanted":     {FUSE, nil, nil, []place{at("metalk8s-2.0", kernel("/m.iso").with(theirs)), at("x", tmpfs()), occupied(at("y"))}, nil},
		"theirs over ours":           {FUSE, nil, nil, []place{at("a-1", fuse("/a.iso"), tmpfs())}, nil},
		"in use":                     {FUSE, []string{"a-1 /a.iso"}, nil, []place{at("a-1", tmpfs())}, []string{inUse("none")}},
		"in use over ours":           {FUSE, []string{"a-1 /a.iso"}, nil, []place{at("a-1", fuse("/a.iso"), tmpfs())}, []string{inUse("none")}},
		"another archive of theirs":  {Kernel, []string{"a-1 /a.iso"}, nil, []place{at("a-1", kernel("/m.iso").with(theirs))}, []string{inUse("/dev/loop3")}},
		"mounted by older tooling":   {Kernel, []string{"a-1 /a.iso"}, nil, []place{at("a-1", kernel("/a.iso").with(theirs))}, nil},
		"the same, in another mode":  {FUSE, []string{"a-1 /a.iso"}, nil, []place{at("a-1", kernel("/a.iso").with(theirs).with(rw))}, nil},
		"no empty folder": {FUSE, []string{"a-1 /a.iso"}, nil, []place{occupied(at("a-1"))}, []string{
			"a-1: " + folder + "a-1 is in use: it is no empty folder (see what is in it; once it is gone, kubectl solution sync mounts the archive)",
		}},
		"no id": {FUSE, []string{".. /a.iso"}, nil, nil, []string{`..: id ".." of /a.iso cannot be the name of a folder ()`}},
	} {
		t.Run(name, func(t *testing.T) { c.check(t, false) })
	}
}

// With systemd.
func TestPlanUnits(t *testing.T) {
	foreign := place{dir: folder + "a-1", unit: "[Mount]\n", enabled: true}
	for name, c := range map[string]planCase{
		"new":                        {FUSE, []string{"a-1 /a.iso"}, nil, nil, []string{"a-1: unit mount /a.iso"}},
		"as it should be":            {FUSE, []string{"a-1 /a.iso"}, nil, []place{at("a-1", fuse("/a.iso")).unitOf("/a.iso", true)}, nil},
		"killed before the mount":    {FUSE, []string{"a-1 /a.iso"}, nil, []place{at("a-1").unitOf("/a.iso", true)}, []string{"a-1: mount /a.iso"}},
		"killed before enabling":     {FUSE, []string{"a-1 /a.iso"}, nil, []place{at("a-1").unitOf("/a.iso", false)}, []string{"a-1: unit mount /a.iso"}},
		"the unit is lost":           {FUSE, []string{"a-1 /a.iso"}, nil, []place{at("a-1", fuse("/a.iso"))}, []string{"a-1: unit /a.iso"}},
		"disabled":                   {FUSE, []string{"a-1 /a.iso"}, nil, []place{at("a-1", fuse("/a.iso")).unitOf("/a.iso", false)}, []string{"a-1: unit /a.iso"}},
		"another archive":            {FUSE, []string{"a-1 /new.iso"}, nil, []place{at("a-1", fuse("/a.iso")).unitOf("/a.iso", true)}, []string{"a-1: unmount unit mount /new.iso"}},
		"not wanted":                 {FUSE, nil, nil, []place{at("a-1", fuse("/a.iso")).unitOf("/a.iso", true)}, []string{"a-1: unmount forget /a.iso"}},
		"killed after unmounting":    {FUSE, nil, nil, []place{at("a-1").unitOf("/a.iso", true)}, []string{"a-1: forget /a.iso"}},
		"cannot be read now":         {FUSE, nil, []string{"/a.iso"}, []place{at("a-1").unitOf("/a.iso", true)}, nil},
		"theirs over ours":           {FUSE, nil, nil, []place{at("a-1", fuse("/a.iso"), tmpfs()).unitOf("/a.iso", true)}, []string{"a-1: forget /a.iso"}},
		"a unit of theirs":           {FUSE, []string{"a-1 /a.iso"}, nil, []place{foreign}, []string{"a-1: systemd has a unit for " + folder + "a-1 that is not by solution-bootstrap (systemctl cat " + folder + "a-1 shows it; once it is gone, kubectl solution sync mounts the archive)"}},
		"a unit of theirs, not ours": {FUSE, nil, nil, []place{foreign}, nil},
		"mounted by their unit":      {Kernel, []string{"a-1 /a.iso"}, nil, []place{{dir: foreign.dir, unit: foreign.unit, layers: []layer{kernel("/a.iso").with(theirs)}}}, nil},
		"mounted by older tooling":   {Kernel, []string{"a-1 /a.iso"}, nil, []place{at("a-1", kernel("/a.iso").with(theirs))}, []string{"a-1: unit /a.iso"}},
		"no name for a unit":         {FUSE, []string{"bad-1 /a.iso"}, nil, nil, []string{"bad-1: no unit for bad-1 ()"}},
	} {
		t.Run(name, func(t *testing.T) { c.check(t, true) })
	}
}
