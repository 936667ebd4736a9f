// SPDX-License-Identifier: Apache-2.0

package crdcheck

// drop is a field that one schema keeps and another one drops.
type drop struct {
	field string
	// unnamed is for fields that no schema names, with a field that ends in *.
	unnamed bool
	// typeDiffers means that by the new schema there are no fields there at all.
	typeDiffers bool
}

// drops collects fields. One whose parent is dropped is not listed.
type drops []drop

func (d *drops) walk(before, after view, path string) {
	if after == everything {
		return
	}
	if before.mayBe("object") {
		d.walkFields(before, after, path)
	}
	if before.mayBe("array") && (before.itemSchema() != nil || after.itemSchema() != nil) {
		d.walk(before.item(), after.item(), joinItems(path))
	}
}

func (d *drops) walkFields(before, after view, path string) {
	for _, name := range namesOfBoth(before, after) {
		d.walkField(before, after, path, name)
	}
	if b, kept := before.unnamedField(); kept {
		if a, kept := after.unnamedField(); kept {
			d.walk(b, a, join(path, anyKey))
		} else {
			*d = append(*d, drop{join(path, anyKey), true, !after.mayBe("object")})
		}
	}
}

func (d *drops) walkField(before, after view, path, name string) {
	b, kept := before.field(name)
	if !kept {
		return
	}
	if a, kept := after.field(name); kept {
		d.walk(b, a, join(path, name))
	} else {
		*d = append(*d, drop{join(path, name), false, !after.mayBe("object")})
	}
}

// mayBe reports whether the schema allows values of a type.
func (v view) mayBe(name string) bool {
	return v.schema == nil || typeOf(v.schema) == "" || typeOf(v.schema) == name
}
