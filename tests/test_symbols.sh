#!/bin/sh
# Every public name of snl.h is used in an example or a test; every function stands under a
# comment that says what its kind of function must say; every field of a public struct has one.
# (That no other name is public, and who calls whom, is tests/test_build.sh.)
D=${BUILD:-build}/symbols
pass=0 fail=0
mkdir -p $D
no() { fail=$((fail + 1)); echo "not so: $1"; }

# One line for each name: "fn NAME NEEDS", NEEDS what its comment lacks; "field STRUCT LINE" for
# fields without a comment; "type NAME", "constant NAME".  Paragraphs end at blank lines; a
# comment counts for all declarations below it in its paragraph, or for the next paragraph if
# it ends its own.
cat >$D/names.awk <<'X2'
function declared(text,    name, lacks, said) {     # a prototype or definition, in one line
    name = text
    sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
    said = section note text
    if (note == "" && text !~ /\/\*/ && !(text ~ /^static inline/ && last != "") && name !~ /_defaults$/)
        lacks = lacks " a comment"
    if (text ~ /^static inline/) said = said last
    # a status has reasons, or those of another function
    if (text ~ /snl_status snl_/ && said !~ /SNL_E|Errors: those|as snl_|Refused|Returns the first status/)
        lacks = lacks " its errors"
    # arrays have a shape; the others are single results
    if (text ~ /double \*/ && text !~ /double \*(lnL|error|f|jsd|k|ti|distance|x)[,)]/ && said !~ /\[/)
        lacks = lacks " a shape"
    # what is made can fail to be
    if (name ~ /_create$/ && said !~ /ENOMEM/) lacks = lacks " its memory"
    print "fn " name lacks
}
# a number of a struct is told of on its line, or by name above the struct; the fields of
# the transforms' plans are nobody's business
function field(text,    n, part, j, told) {
    if (text !~ /^ *(const )?(double|size_t|int|unsigned|uint64_t) / || text ~ /\)/ || where ~ /^snl_fft/) return
    sub(/;.*/, "", text); gsub(/\[[^]]*\]/, "", text); gsub(/[*,]/, " ", text)
    n = split(text, part, / +/)
    for (j = 1; j <= n; j++)
        if (part[j] ~ /^[a-zA-Z]/ && part[j] !~ /^(const|double|size_t|int|unsigned|uint64_t)$/)
            if (!(note ~ "(^|[^a-zA-Z])" part[j] "([^a-zA-Z]|$)") && part[j] != "seed") told = told " " part[j]
    if (told != "") print "field " where " " told
}
function constants(text,    n, part, j) {
    gsub(/\/\*[^*]*\*\//, "", text); sub(/\/\*.*/, "", text)
    n = split(text, part, /[^A-Za-z0-9_]+/)
    for (j = 1; j <= n; j++) if (part[j] ~ /^SNL_[A-Z0-9_]+$/ && !seen[part[j]]++) print "constant " part[j]
}
/^\/\* (====|----)/ { section = ""; insection = 1; last = "" }
/^ *$/ { if (insection != 2) insection = 0; if (!carry) note = ""; carry = 0; next }
/^\/\*/ { note = ""; comment = 1 }
comment {
    note = note " " $0
    if (insection) { section = section " " $0; insection = /\*\// && $0 !~ /(====|----) *\*\/$/ ? 0 : 1 }
    if (/\*\//) { comment = 0; carry = 1; last = note; if (note ~ /^ \/\* (====|----)/) { last = note = ""; carry = 0 } }
    next
}
{ carry = 0 }
/^#define SNL_[A-Z]/ { sub(/\(.*/, "", $2); if (!seen[$2]++ && $2 != "SNL_H") print "constant " $2; next }
/^#/ { next }
/^}/ { n = $0; gsub(/[};]/, "", n); gsub(/ /, "", n); if (n ~ /^snl_/) print "type " n
       kind = ""; next }
kind == "struct" {
    if (/;/ && !/\/\*/ && !said) { getline more; if (more !~ /^ *\/\*/) field($0); $0 = more; if (/^}/) { n = $2; sub(/;/, "", n); print "type " n; kind = ""; next } if (/;/ && !/\/\*/) field($0) }
    if (/\/\*/ && !/\*\// ) said = 1
    else said = /^ *\/\*.*\*\/ *$/
    next
}
kind == "enum" { constants($0); next }
/^(typedef )?(struct|enum) ?[a-z_]* *{/ {
    kind = /struct/ ? "struct" : "enum"; where = $3
    if (kind == "enum") { n = $0; sub(/^[^{]*{/, "", n); constants(n) }
    if (/}/) { n = $0; sub(/.*} */, "", n); sub(/;.*/, "", n); if (n ~ /^snl_/) print "type " n; kind = "" }
    next
}
/^enum snl_/ { kind = "enum"; next }
/^typedef/ { n = $0; if (n ~ /\(\*/) { sub(/.*\(\*/, "", n); sub(/\).*/, "", n) } else { sub(/;.*/, "", n); sub(/.* /, "", n) }
             sub(/\(.*/, "", n); print "type " n; next }
/^(SNL_MUST_USE |static inline |const |double |void |size_t |snl_)[^={;]*\(/ && /snl_[a-z0-9_]+\(/ {
    text = $0
    while (text !~ /\)/ || text ~ /,$/) { if ((getline more) <= 0) break; text = text " " more }
    declared(text)
}
X2
awk -f $D/names.awk snl.h | sort -u >$D/names
cat examples/*.c examples/*.h examples/*.py tests/*.c tests/*.h >$D/users
# what other declarations are made of is used by them: the header without its comments
sed 's|/\*.*\*/||; /\/\*/,/\*\//d' snl.h >$D/code
functions=0 others=0
while read kind name lacks; do
    case $kind in
    fn) functions=$((functions + 1))
        [ -z "$lacks" ] && pass=$((pass + 1)) || no "snl.h: $name: lacks $lacks";;
    field) no "snl.h: struct $name: nothing is said of $lacks"; continue;;
    *) others=$((others + 1));;
    esac
    if grep -q -w "$name" $D/users || { [ $kind != fn ] && [ $(grep -c -w "$name" $D/code) -ge 3 ]; }
    then pass=$((pass + 1)); else no "$name is used in no example and no test"; fi
done <$D/names

# that nothing was missed: what the objects export is what was found in the header
if command -v nm >/dev/null && [ -f build/snl.o ]; then
    nm build/snl.o build/waveform.o build/lisa.o build/nn.o build/mcmc.o |
        awk '$2 == "T" { sub(/^_/, "", $3); print $3 }' | sort >$D/exported
    sed -n 's/^fn \([a-z0-9_]*\).*/\1/p' $D/names | sort >$D/found
    comm -23 $D/exported $D/found >$D/missed
    [ -s $D/exported ] && [ ! -s $D/missed ] && pass=$((pass + 1)) || no "exported but not read here: $(tr '\n' ' ' <$D/missed)"
fi
echo "$functions functions, $others types and constants"
[ $functions -ge 80 ] && [ $others -ge 80 ] || no "the header was not read"
echo "$pass passed, $fail failed"
[ $fail -eq 0 ]
