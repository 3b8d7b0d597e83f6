package data_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/rehearsal/data"
)

func masker(t testing.TB, key string) *data.Masker {
	t.Helper()
	m, err := data.NewMasker([]byte(key))
	require.NoError(t, err)
	return m
}

const key = "0123456789abcdef"

// The masks are permanent: files that were masked in different releases are
// joined by them.
func TestMasksKeepTheirForm(t *testing.T) {
	m := masker(t, key)
	tests := []struct{ as, value, want string }{
		{"text", "Ada Lovelace, 36", "Kyw Fcopmfks, 82"},
		{"text", "ADA LOVELACE, 36", "KYW FCOPMFKS, 82"},
		{"text", "Ümit-7", "Wflw-6"},
		{"email", "ada.lovelace@mail.example.com", "skk.zdycwrdu@ttfw.mbvfwlz.com"},
		{"email", "grace.hopper@mail.example.com", "tyomk.pwkvmo@ttfw.mbvfwlz.com"},
		{"card", "4111 1111 1111 1111", "9801 0626 3438 5381"},
		{"card", "4111-1111-1111-1112", "1030-7585-6466-6924"},
		{"blank", "call Ada on 0171", "xxxx Xxx xx 0000"},
		{"keep", "Ada", "Ada"},
		{"text", "--", "--"},
		{"text", "", ""},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, m.Value(data.Mask{Field: "f", As: tt.as}, tt.value), tt.value)
	}
}

// form is what a value looks like.
func form(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case unicode.IsDigit(c):
			return '0'
		case unicode.IsUpper(c):
			return 'A'
		case unicode.IsLetter(c):
			return 'a'
		}
		return c
	}, s)
}

func TestMaskProperties(t *testing.T) {
	m, other := masker(t, key), masker(t, "another key, as long")
	value := rapid.StringMatching(`[a-zA-ZäÖ0-9 @.-]{0,12}`)
	rapid.Check(t, func(r *rapid.T) {
		a, b := value.Draw(r, "a"), value.Draw(r, "b")
		for _, as := range []string{"text", "email", "card"} {
			mask := data.Mask{As: as, Class: "same"}
			masked := m.Value(mask, a)
			require.Equal(t, form(a), form(masked), as)
			require.Equal(t, masked, m.Value(mask, a), "the same value has the same mask")
			if strings.ContainsFunc(a, func(c rune) bool { return unicode.IsLetter(c) || c > '0' && c <= '9' }) && as == "text" {
				require.NotEqual(t, a, masked)
			}
		}
		mask := data.Mask{As: "text"}
		require.Equal(t, strings.ToLower(m.Value(mask, a)), m.Value(mask, strings.ToLower(a)), "case makes no difference")
		if long := strings.Repeat("x", 8) + b; a != b {
			require.NotEqual(t, m.Value(mask, strings.Repeat("x", 8)+a), m.Value(mask, long), "different values stay different")
			require.NotEqual(t, m.Value(mask, long), other.Value(mask, long), "another key, another mask")
			require.NotEqual(t, m.Value(mask, long), m.Value(data.Mask{As: "text", Class: "other"}, long), "another class, another mask")
		}
	})
}

var allDigits = regexp.MustCompile(`^[0-9]+$`)

func TestNumbersStayDifferentNumbers(t *testing.T) {
	m := masker(t, key)
	seen := map[string]bool{}
	for i := 100_000; i < 120_000; i++ {
		c, err := m.Cell(data.Mask{Field: "n"}, data.Cell{Text: strconv.Itoa(i), Kind: data.Number})
		require.NoError(t, err)
		require.Regexp(t, allDigits, c.Text)
		require.NotEqual(t, byte('0'), c.Text[0], "a number has no leading zero")
		require.False(t, seen[c.Text], "two numbers have one mask")
		seen[c.Text] = true
	}
}

func TestMasksAreConsistentAcrossFiles(t *testing.T) {
	customers := "id,email,card\n1,Ada@example.com,4111 1111 1111 1111\n2,grace@example.com,5500-0000-0000-0004\n"
	logins := `{"who":"ada@example.com","n":4111,"none":null}` + "\n" + `{"who":"grace@example.com","n":-1.5e3,"ok":true}` + "\n"
	files, err := masker(t, key).Files([]data.File{
		{Name: "customers.csv", Format: data.CSV, Body: []byte(customers), Marks: []data.Mask{{Field: "email", As: "email"}, {Field: "card", As: "card"}}},
		{Name: "logins.ndjson", Format: data.NDJSON, Body: []byte(logins), Marks: []data.Mask{{Field: "who", As: "email"}, {Field: "n"}, {Field: "none"}}},
	})
	require.NoError(t, err)
	a, b := columns(t, data.CSV, string(files[0].Body)), columns(t, data.NDJSON, string(files[1].Body))
	require.Equal(t, strings.ToLower(a["email"][0]), b["who"][0])
	require.Equal(t, a["email"][1], b["who"][1])
	require.Equal(t, []string{"1", "2"}, a["id"])
	require.Regexp(t, `^-[1-9]\.[0-9]e3$`, b["n"][1])
	require.Equal(t, []string{"null", ""}, b["none"])
	require.Equal(t, strings.Split(a["email"][0], "@")[1], strings.Split(a["email"][1], "@")[1], "one domain stays one domain")
}

func TestUnmaskedValuesDoNotLeave(t *testing.T) {
	marks := []data.Mask{{Field: "email", As: "email"}, {Field: "name"}, {Field: "card", As: "card"}}
	head := "id,name,email,card,note\n"
	tests := []struct{ name, rows, want string }{
		{"in free text", "1,Ada,ada@example.com,4111111111111111,\n2,Grace,grace@example.com,5500000000000004,ask ADA@example.com first\n",
			"c.csv:3: column note holds an unmasked value of c.csv, field email"},
		{"as a word", "1,Ada,ada@example.com,,\n2,Grace,grace@example.com,,told by Ada.\n", "c.csv:3: column note holds an unmasked value of c.csv, field name"},
		{"with other separators", "1,Ada,a1@example.com,4111111111111111,\n2,Grace,grace@example.com,,card 4111-1111 1111-1111 refused\n", "c.csv:3: column note holds an unmasked value of c.csv, field card"},
		{"in another column", "4111111111111111,Ada,a1@example.com,4111 1111 1111 1111,\n7,Grace,g1@example.com,,\n8,Edsger,e1@example.com,,\n", "c.csv:2: column id holds an unmasked value of c.csv, field card"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := masker(t, key).Files([]data.File{{Name: "c.csv", Format: data.CSV, Body: []byte(head + tt.rows), Marks: marks}})
			require.ErrorContains(t, err, tt.want)
			for _, secret := range []string{"4111", "ada@", "ADA@", "Ada"} {
				require.NotContains(t, err.Error(), secret)
			}
		})
	}
	t.Run("kept on the author's word", func(t *testing.T) {
		_, err := masker(t, key).Files([]data.File{{Name: "c.csv", Format: data.CSV, Body: []byte(head + tests[0].rows), Marks: append(marks, data.Mask{Field: "note", As: "keep"})}})
		require.NoError(t, err)
	})
	t.Run("in another file", func(t *testing.T) {
		_, err := masker(t, key).Files([]data.File{
			{Name: "c.csv", Format: data.CSV, Body: []byte("email\nada@example.com\n"), Marks: marks[:1]},
			{Name: "l.ndjson", Format: data.NDJSON, Body: []byte(`{"text":{"from":["ada@example.com"]}}`)},
		})
		require.ErrorContains(t, err, "l.ndjson:1: column text holds an unmasked value of c.csv, field email")
	})
}

// A card number has one mask, whether a file writes it as a text or as a number.
func TestNumbersAreMaskedAsTheirMarkSays(t *testing.T) {
	marks := []data.Mask{{Field: "card", As: "card"}}
	files, err := masker(t, key).Files([]data.File{
		{Name: "c.csv", Format: data.CSV, Body: []byte("card\n4111 1111 1111 1111\n"), Marks: marks},
		{Name: "c.ndjson", Format: data.NDJSON, Body: []byte(`{"card":4111111111111111}` + "\n"), Marks: marks},
	})
	require.NoError(t, err)
	require.Equal(t, "card\n9801 0626 3438 5381\n", string(files[0].Body))
	require.JSONEq(t, `{"card":9801062634385381}`, string(files[1].Body))
}

// What is masked in one file is looked for in those without rows, too: they are
// restored, and kept as evidence, as they are.
func TestUnmaskedValuesDoNotLeaveInOtherFormats(t *testing.T) {
	customers := data.File{Name: "c.csv", Format: data.CSV, Marks: []data.Mask{{Field: "email", As: "email"}, {Field: "name"}, {Field: "phone"}},
		Body: []byte("email,name,phone\nada@example.com,Ada,+49 (171) 555-0100\nkey@example.com,Key,123456\ngrace@example.com,Grace O'Malley,\n")}
	const email, name, phone = "c.csv, field email", "c.csv, field name", "c.csv, field phone"
	tests := []struct{ name, file, body, want string }{
		{"an insert", "shop.sql", "CREATE TABLE a (b text PRIMARY KEY);\nINSERT INTO a VALUES (1, 'Ada@Example.com');\n", "shop.sql:2: holds an unmasked value of " + email},
		{"a copy", "shop.sql", "COPY a (id, mail) FROM stdin;\n1\tada@example.com\n\\.\n", "shop.sql:2: holds an unmasked value of " + email},
		{"a short name", "shop.sql", "INSERT INTO a VALUES ('Ada');\n", "shop.sql:1: holds an unmasked value of " + name},
		{"an apostrophe", "shop.sql", "INSERT INTO a VALUES ('', 'Grace O''Malley');\n", "shop.sql:1: holds an unmasked value of " + name},
		{"an apostrophe in a copy", "shop.sql", "1\tit's\tGrace O'Malley\n", "shop.sql:1: holds an unmasked value of " + name},
		{"other separators", "shop.sql", "INSERT INTO a VALUES ('+49 171 5550100');\n", "shop.sql:1: holds an unmasked value of " + phone},
		{"another format", "shop.xml", "<a>\n<b mail=\"ada@example.com\"/>\n</a>\n", "shop.xml:2: holds an unmasked value of " + email},
		{"no text", "shop.dump", "PGDMP\x00\x01", "shop.dump: is no text, and cannot be searched"},
		{"words and numbers of SQL's own", "shop.sql", "CREATE TABLE a (b text PRIMARY KEY);\nINSERT INTO a VALUES (123, 456, 'cup');\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			other := data.File{Name: tt.file, Format: data.FormatOf(tt.file), Body: []byte(tt.body)}
			got, err := masker(t, key).Files([]data.File{other, customers})
			if tt.want == "" {
				require.NoError(t, err)
				require.Equal(t, other, got[0], "it stays as it is")
				return
			}
			require.ErrorContains(t, err, tt.want)
			for _, secret := range []string{"ada", "Ada", "Malley", "555"} {
				require.NotContains(t, err.Error(), secret)
			}
		})
	}
}

// A masker that forgot a value is caught: the check does not trust it.
func TestCheckFindsAMarkedFieldThatStayed(t *testing.T) {
	marks := []data.Mask{{Field: "name"}}
	before := "name\nAda\nGrace Hopper\n"
	originals := data.NewOriginals()
	read := func(name, body string) *data.Reader {
		r, err := data.NewReader(name, data.CSV, strings.NewReader(body))
		require.NoError(t, err)
		return r
	}
	require.NoError(t, originals.Collect(read("before.csv", before), marks))
	require.NoError(t, originals.Check(read("before.csv", before), read("after.csv", "name\nXyz\nAbcde Fghijk\n"), marks))
	for line, after := range map[string]string{"2": "name\nada\nAbcde Fghijk\n", "3": "name\nXyz\nMrs Gracehopper\n"} {
		err := originals.Check(read("before.csv", before), read("after.csv", after), marks)
		require.EqualError(t, err, "unmasked values would leave: after.csv:"+line+": column name holds an unmasked value of the same field")
	}
	require.ErrorContains(t, originals.Check(read("before.csv", before), read("after.csv", "name\nXyz\n"), marks), "compare before.csv with what was masked")
}

func TestBadMasksAreRefused(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"forgotten e-mail", "mail\na@example.com\nb@example.com\nnone\n", "f.csv: field mail holds e-mail addresses and is not marked: mask it with as: email, or say as: keep"},
		{"forgotten card", "pan\n4111 1111 1111 1111\n", "f.csv: field pan holds card numbers and is not marked"},
		{"no such field", "a\n1\n", "f.csv: there is no field b to mask"},
		{"empty", "", "f.csv: is empty: a header line is needed"},
		{"torn", "a,b\n1\n", "f.csv:2:1: wrong number of fields"},
		{"twice", "a,a\n1,2\n", "f.csv:1: column a is there twice"},
		{"quote", "b,c\n1,\"x\n", "f.csv:2:6: extraneous or missing"},
	}
	for _, tt := range tests {
		var marks []data.Mask
		if strings.Contains(tt.want, "to mask") {
			marks = []data.Mask{{Field: "b"}}
		}
		_, err := masker(t, key).Files([]data.File{{Name: "f.csv", Format: data.CSV, Body: []byte(tt.body), Marks: marks}})
		require.ErrorContains(t, err, tt.want, tt.name)
	}
	for body, want := range map[string]string{
		`{"b":{"c":1}}`: "f.ndjson:1: column b: a list, an object or a boolean cannot be masked",
		`{"b":1`:        "f.ndjson:1:7: is no JSON object",
		`[1]`:           "f.ndjson:1:2: is no JSON object",
		"\n{\"b\":1}}":  "f.ndjson:2:8: is no JSON object",
		`{"b":1,"b":2}`: "f.ndjson:1:13: column b is there twice",
	} {
		_, err := masker(t, key).Files([]data.File{{Name: "f.ndjson", Format: data.NDJSON, Body: []byte(body), Marks: []data.Mask{{Field: "b"}}}})
		require.ErrorContains(t, err, want, body)
	}
	_, err := data.NewMasker([]byte("short"))
	require.EqualError(t, err, "the key for masks has 5 bytes: at least 16")
	require.Equal(t, `m.as: "mail" is not one of text, email, card, blank, keep`, data.Mask{Field: "a", As: "mail"}.Problems("m")[0].String())
}
