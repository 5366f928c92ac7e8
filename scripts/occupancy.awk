# Judges the figures of scripts/occupancy.c: for scripts/occupancy.
#
#   awk -F'\t' -v models='PRESET...' -v table=FILE -f occupancy.awk PIPELINES CHIP.txt...
#
# PIPELINES has name, entry point, bindings and layers of each; the chips are navi21, vega10 and polaris10. Writes the
# table to FILE and prints each broken rule.

# The rules; docs/occupancy.md has the reasons.
BEGIN {
    # Of the subgroups that a SIMD of each chip holds, the share that a kernel must leave room for.
    share[1] = 10 / 32
    share[2] = 3 / 10
    share[3] = 3 / 8
    # Of workgroup memory, and of code.
    most_bytes = 16384
    presets = split(models, named, " ")
    for (p = 1; p <= presets; p++) preset[named[p]]
}

FNR == 1 { file++ }

# A row of the table is an entry point and a layer of presets, or an entry point and its other pipelines.
file == 1 {
    runs = split($4, run, ",")
    for (r = 1; r <= runs; r++) {
        space = index(run[r], " ")
        if (substr(run[r], 1, space - 1) in preset) add_row($2 " | " substr(run[r], space + 1), 1)
    }
    if (!rows_of[$1]) add_row($2 " | other", 2)
    next
}

function add_row(row, list) {
    if (!((row, $1) in has)) row_of[$1, ++rows_of[$1]] = row
    has[row, $1] = 1
    if (!seen[row]++) rows[list, ++count[list]] = row
}

$1 == "driver" {
    mesa = $2
    chips++
    # As in `Null hardware (RADV NAVI21)`.
    chip[chips] = tolower($3)
    gsub(/.*radv |\)/, "", chip[chips])
    next
}

# NAME, then registers, spilled ones of two kinds, scratch, subgroups, workgroup memory, code.
{
    if (chips == 1) names[++pipelines] = $1
    figures[chips, $1] = $0
    if ($6 > holds[chips]) holds[chips] = $6
}

# Keeps the worst value of a cell in each row of the pipeline, and whether a rule is broken there.
function put(cell, value, unit, breaks, rule,    r, row) {
    for (r = 1; r <= rows_of[name]; r++) {
        row = row_of[name, r]
        if (!((row, cell) in worst) || (cell ~ /subgroups/ ? value < worst[row, cell] : value > worst[row, cell])) {
            worst[row, cell] = value
        }
        if (breaks) broken[row, cell] = 1
    }
    if (breaks) print "  " name ", " chip[c] ": " value " " unit ", " rule
}

function shown(cell) {
    return " | " (broken[row, cell] ? "**" worst[row, cell] "**" : worst[row, cell])
}

END {
    for (p = 1; p <= pipelines; p++) {
        name = names[p]
        for (c = 1; c <= chips; c++) {
            split(figures[c, name], f, "\t")
            least = share[c] * holds[c]
            put("registers" c, f[2] + 0, "registers")
            put("spilled" c, f[3] + 0, "registers spilled", f[3] > 0, "none may be")
            put("scalar" c, f[4] + 0, "scalar registers spilled", f[4] > 0, "none may be")
            put("scratch" c, f[5] + 0, "bytes of scratch", f[5] > 0, "none may be used")
            put("subgroups" c, f[6] + 0, "subgroups per SIMD", f[6] < least, "at least " least " of " holds[c])
            put("memory", f[7] + 0, "bytes of workgroup memory", f[7] > most_bytes, "at most " most_bytes)
            put("code", f[8] + 0, "bytes of code", f[8] > most_bytes, "at most " most_bytes)
        }
    }

    subgroups = ""
    for (c = 1; c <= chips; c++) subgroups = subgroups (c > 1 ? ", " : "") share[c] * holds[c] " of " holds[c]
    print "RADV of " mesa ", " pipelines " pipelines.\nRules: no register spilled, no scratch; at least " subgroups \
        " subgroups per SIMD; at most " most_bytes " bytes of workgroup memory, and of code.\n" >table
    head = "| operation | layer"
    for (c = 1; c <= chips; c++) head = head " | " chip[c] " registers | subgroups of " holds[c]
    print head " | workgroup memory | code |" >table
    gsub(/[^|]+/, "---", head)
    print head "|---|---|" >table
    for (list = 1; list <= 2; list++) {
        for (r = 1; r <= count[list]; r++) {
            row = rows[list, r]
            line = "| " row
            for (c = 1; c <= chips; c++) {
                cell = "registers" c
                if (worst[row, "spilled" c]) worst[row, cell] = worst[row, cell] " + " worst[row, "spilled" c]
                if (worst[row, "scalar" c]) worst[row, cell] = worst[row, cell] " + " worst[row, "scalar" c] " scalar"
                broken[row, cell] = broken[row, "spilled" c] + broken[row, "scalar" c] + broken[row, "scratch" c]
                line = line shown(cell) shown("subgroups" c)
            }
            print line shown("memory") shown("code") " |" >table
        }
    }
}
