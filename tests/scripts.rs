//! The shell scripts of this repository: their syntax, their pipes, the report of scripts/test, and the verdicts of
//! scripts/occupancy.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use lenet_gpu::gpu::BACKENDS;
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every shell script below `folder`, without built and fetched files.
fn shell_scripts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
        if kind.is_dir() && !["target", "runs", ".git"].iter().any(|skipped| path.ends_with(skipped)) {
            found.extend(shell_scripts(&path));
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap();
            let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let shebang = first.starts_with(b"#!") && first.ends_with(b"sh");
            if shebang || path.extension().is_some_and(|extension| extension == "sh") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn every_script_parses() {
    let scripts = shell_scripts(root());
    assert!(scripts.contains(&root().join("scripts/test")), "{scripts:?}");
    for script in scripts {
        let output = Command::new("bash").arg("-n").arg(&script).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Pipes into a command that may leave before its input ends. The writer of such a pipe may die of SIGPIPE, and with
/// `pipefail` the whole pipe then fails, now and then.
fn early_leavers(script: &str) -> Vec<String> {
    let joined = script.replace("\\\n", " ").replace("|\n", "| ").replace("||", ";").replace("|&", "|");
    let code = joined.lines().filter(|line| !line.trim_start().starts_with('#'));
    let readers = code.flat_map(|line| line.split('|').skip(1));
    let leaves = |reader: &&str| {
        let words: Vec<&str> = reader.split(|c: char| c.is_whitespace() || "{()\"`".contains(c)).collect();
        let Some(at) = words.iter().position(|word| !word.is_empty() && !word.contains('=')) else { return false };
        let flag = |letters: &[char], long: &[&str]| {
            let short = |word: &&str| word.starts_with('-') && !word.starts_with("--") && word.contains(letters);
            words[at..].iter().any(|word| short(word) || long.iter().any(|long| word.starts_with(long)))
        };
        match words[at] {
            "head" | "read" => true,
            "grep" | "egrep" | "fgrep" => flag(&['q', 'm', 'l', 'L'], &["--quiet", "--silent", "--max", "--files"]),
            "sed" => ["q'", "q\"", "q;", "q}", "Q'"].iter().any(|quit| reader.contains(quit)),
            "awk" => reader.contains("exit"),
            _ => false,
        }
    };
    readers.filter(leaves).map(str::to_owned).collect()
}

#[test]
fn no_pipe_ends_in_a_command_that_leaves_early() {
    for refused in [
        "apt-cache policy x | grep -q y",
        "x=$(a --version | head -n1)",
        "a |\n    head -1",
        "a \\\n    | LC_ALL=C grep -vm1 b",
        "a | tr b c | grep --quiet d",
        "a |& sed -n '/b/{p;q}'",
        "a | awk '{ print; exit }'",
        "a | (read -r b)",
    ] {
        assert_eq!(early_leavers(refused).len(), 1, "{refused}");
    }
    for allowed in
        ["a || head b", "# a | head", "a | tr -d q | cut -d' ' -f2-", "a | grep -c q", "a | sed 's/quick/b/'"]
    {
        assert_eq!(early_leavers(allowed), [""; 0], "{allowed}");
    }
    for script in shell_scripts(root()) {
        let found = early_leavers(&fs::read_to_string(&script).unwrap());
        assert!(found.is_empty(), "{}: {found:?}: read all of it, or capture it in a variable", script.display());
    }
}

/// Makes `name` in `folder` a program: a shell script with `body`.
fn place(folder: &Path, name: &str, body: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs scripts/test where every program that it calls is a stand-in: those of `more` (name, shell script), and by
/// default those of a Debian machine without SwiftShader and RADV. Returns its output, and the log of cargo and apt-get.
fn scripts_test(more: &[(&str, &str)]) -> (String, String) {
    let folder = TempDir::new().unwrap();
    for tool in ["bash", "env", "sed", "uname", "id", "dirname", "sort", "sleep", "touch"] {
        let found = ["/usr/bin", "/bin"].iter().map(|bin| Path::new(bin).join(tool)).find(|path| path.exists());
        symlink(found.expect(tool), folder.path().join(tool)).unwrap();
    }
    for (name, body) in [
        ("cc", ""),
        ("spirv-val", ""),
        ("glslangValidator", ""),
        ("dpkg", ""),
        ("rustup", ""),
        ("sudo", "exec \"$@\""),
        ("apt-get", "echo \"apt-get $*\" >>$STAND_INS/log; case $* in *chromium*) touch $SWIFTSHADER ;; esac"),
        // It goes on writing after the line that matters.
        ("apt-cache", "echo '  Candidate: 156.0'; sleep 0.2; echo '  Version table:'"),
        (
            "cargo",
            "echo \"cargo $*\" >>$STAND_INS/log
             case $* in metadata*) echo \"{\\\"target_directory\\\":\\\"$STAND_INS\\\"}\" ;; 'deny --version') exit 1 ;; esac",
        ),
        (
            "release/lenet-gpu",
            "case $WGPU_BACKEND,$VK_DRIVER_FILES in
                ,*) echo '  0  Pipe, software adapter: runs on the CPU, vulkan, driver P 1  <- auto'
                    echo '       a limit: 1'
                    echo '  1  Pipe, software adapter: runs on the CPU, gl, driver P 1'
                    echo '  2  Board, discrete gpu, gl, driver B 1' ;;
                gl,*) echo '  0  Pipe, software adapter: runs on the CPU, gl, driver P 1  <- auto'
                      echo '  1  Board, discrete gpu, gl, driver B 1' ;;
                *) echo '  0  Swift, software adapter: runs on the CPU, vulkan, driver S 1  <- auto' ;;
            esac
            echo 'cpu  CPU oracle, f64 sums'",
        ),
    ]
    .iter()
    .chain(more)
    {
        place(folder.path(), name, body);
    }
    let output = Command::new("bash")
        .arg(root().join("scripts/test"))
        .env_clear()
        .env("PATH", folder.path())
        .env("STAND_INS", folder.path())
        .env("SWIFTSHADER", folder.path().join("swiftshader.json"))
        .env("RADV", "none.json")
        .env("VK_ICD_FILENAMES", "any")
        .output()
        .unwrap();
    let text = String::from_utf8([output.stderr, output.stdout].concat()).unwrap();
    assert!(output.status.success(), "{text}");
    (text, fs::read_to_string(folder.path().join("log")).unwrap())
}

#[test]
fn scripts_test_says_what_ran_on_which_driver() {
    let (text, log) = scripts_test(&[]);
    let (_, closing) = text.split_once("checked: ").unwrap();
    assert!(log.contains("--no-install-recommends chromium-common\n"), "{log}");
    assert_eq!(log.matches("cargo test --release --test parity\n").count(), 2, "{log}");
    let expected = "not checked: licences, sources and advisories of dependencies: no cargo-deny (cargo install cargo-deny --locked)
built: the library without default features
built: the library for wasm32-unknown-unknown, std from rustup
not checked: registers and occupancy of the GPU's kernels: SKIPPED: no RADV: no none.json; RADV=FILE names another
tested: all tests on Pipe, software adapter: runs on the CPU, vulkan, driver P 1
tested: parity on Pipe, software adapter: runs on the CPU, gl, driver P 1
tested: parity on Swift, software adapter: runs on the CPU, vulkan, driver S 1
not tested: Board, discrete gpu, gl, driver B 1: another adapter was taken
not tested: metal: this machine has no adapter of it
not tested: dx12: this machine has no adapter of it
not tested: a GPU: the tests ran on software adapters alone
";
    assert_eq!(format!("not checked: {closing}"), expected);
}

#[test]
fn scripts_test_says_what_could_not_be_had() {
    let (text, log) = scripts_test(&[
        ("apt-cache", "echo '  Candidate: (none)'"),
        ("dpkg", "exit 1"),
        ("rustup", "exit 1"),
        ("cargo", "echo \"cargo $*\" >>$STAND_INS/log
            case $* in metadata*) echo \"{\\\"target_directory\\\":\\\"$STAND_INS\\\"}\" ;; 'deny fetch'*) exit 1 ;; esac"),
    ]);
    assert!(log.contains(" libvulkan1 libegl1 libgl1-mesa-dri\n") && !log.contains("chromium"), "{log}");
    assert_eq!(log.matches("cargo test --release --test parity\n").count(), 1, "{log}");
    assert!(log.contains("cargo deny check licenses bans sources\n") && !log.contains("check advisories"), "{log}");
    for line in [
        "\nchecked: licences and sources of dependencies\n",
        "\nnot checked: security advisories for dependencies: their list cannot be fetched\n",
        "\nnot tested: SwiftShader: no ",
    ] {
        assert!(text.contains(line), "{text}");
    }
    // A machine may have Debian's compiler.
    assert!(text.contains("built: the library for wasm32-unknown-unknown"), "{text}");
    assert!(!text.contains("std from rustup"), "{text}");
}

#[test]
fn scripts_test_knows_every_backend() {
    let script = fs::read_to_string(root().join("scripts/test")).unwrap();
    assert!(script.contains(&format!("for backend in {}; do\n", BACKENDS.join(" "))));
}

/// A repository with three pipelines, and programs that stand in for cargo, the C compiler and RADV.
struct Occupancy {
    root: TempDir,
}

impl Occupancy {
    fn new() -> Self {
        let this = Self { root: TempDir::new().unwrap() };
        let at = this.root.path();
        for folder in ["scripts", "docs", "assets/models", "bin"] {
            fs::create_dir_all(at.join(folder)).unwrap();
        }
        for script in ["occupancy", "occupancy.awk", "occupancy.c", "common.sh"] {
            fs::copy(root().join("scripts").join(script), at.join("scripts").join(script)).unwrap();
        }
        for model in ["lenet5.toml", "lenet5-keras.toml", "radv.json"] {
            fs::write(at.join("assets/models").join(model), "").unwrap();
        }
        let page = fs::read_to_string(root().join("docs/occupancy.md")).unwrap();
        fs::write(at.join("docs/occupancy.md"), page).unwrap();
        let pipelines = [
            ("light", "lenet5 c5,lenet5 f6,lenet5-keras c5"),
            ("heavy", "lenet5 f6,small layer1"),
            ("small", "small layer2,lenet6 c5"),
        ];
        let line = |(name, runs)| format!("{name}\tdense\t0:storage,7:step\t{runs}\n");
        fs::write(at.join("bin/gpu.txt"), pipelines.map(line).concat()).unwrap();
        place(at, "bin/cargo", "for folder; do :; done; cp bin/gpu.txt \"$folder\"");
        place(at, "bin/cc", "case $* in *-fsyntax-only*) ;; *) cp bin/compiler target/occupancy/occupancy ;; esac");
        place(at, "bin/apt-get", "exit 1");
        this.compiles("48\t0\t0\t0\t$fine\t15360\t10000", "1.2");
        this
    }

    /// From now on RADV of `mesa` has `figures` for the pipeline `heavy`, where `$fine` is as many subgroups as a rule
    /// needs. `light` has the most on each chip.
    fn compiles(&self, figures: &str, mesa: &str) {
        let body = format!(
            "case $RADV_FORCE_FAMILY in navi21) most=32 fine=10 ;; vega10) most=10 fine=3 ;; *) most=8 fine=3 ;; esac
             chip=$(echo $RADV_FORCE_FAMILY | tr a-z A-Z)
             printf \"driver\\tMesa {mesa}\\tNull hardware (RADV $chip)\\n\"
             shift
             while [ $# -gt 0 ]; do
                 [ \"$2 $3\" = 'dense 0:storage,7:step' ] || exit 1
                 case $1 in
                     heavy) printf \"heavy\\t{figures}\\n\" ;;
                     *) printf \"$1\\t16\\t0\\t0\\t0\\t$most\\t0\\t100\\n\" ;;
                 esac
                 shift 3
             done"
        );
        place(self.root.path(), "bin/compiler", &body);
    }

    /// Runs the script. Returns whether it succeeds, and all that it says.
    fn run(&self, argument: &[&str], radv: &str) -> (bool, String) {
        let output = Command::new("bash")
            .arg(self.root.path().join("scripts/occupancy"))
            .args(argument)
            .env("PATH", format!("{}:/usr/bin:/bin", self.root.path().join("bin").display()))
            .env("RADV", self.root.path().join(radv))
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8([output.stderr, output.stdout].concat()).unwrap())
    }

    fn written(&self) -> (bool, String) {
        self.run(&[], "assets/models/radv.json")
    }

    fn checked(&self) -> (bool, String) {
        self.run(&["--check"], "assets/models/radv.json")
    }

    fn page(&self) -> String {
        fs::read_to_string(self.root.path().join("docs/occupancy.md")).unwrap()
    }
}

#[test]
fn occupancy_writes_its_table_and_nothing_else_of_the_page() {
    let occupancy = Occupancy::new();
    let before = occupancy.page();
    let (passes, text) = occupancy.written();
    assert!(passes, "{text}");
    let page = occupancy.page();
    let (head, rest) = page.split_once("<!-- The table: scripts/occupancy writes it. -->").unwrap();
    let (table, tail) = rest.split_once("<!-- The end of the table. -->").unwrap();
    assert!(before.starts_with(head) && before.ends_with(tail), "{page}");
    let head = "| operation | layer | navi21 registers | subgroups of 32 | vega10 registers | subgroups of 10 \
                | polaris10 registers | subgroups of 8 | workgroup memory | code |";
    let rows = "
| dense | c5 | 16 | 32 | 16 | 10 | 16 | 8 | 0 | 100 |
| dense | f6 | 48 | 10 | 48 | 3 | 48 | 3 | 15360 | 10000 |
| dense | other | 16 | 32 | 16 | 10 | 16 | 8 | 0 | 100 |
";
    let rules = "RADV of Mesa 1.2, 3 pipelines.\nRules: no register spilled, no scratch; at least 10 of 32, 3 of 10, \
                 3 of 8 subgroups per SIMD; at most 16384 bytes of workgroup memory, and of code.";
    assert_eq!(table, format!("\n\n{rules}\n\n{head}\n{}{rows}\n", "|---".repeat(10) + "|"));
    occupancy.written();
    assert_eq!(occupancy.page(), page);
    let (passes, text) = occupancy.checked();
    let verdict =
        "checked: registers and occupancy of 3 pipelines for a GPU, by RADV of Mesa 1.2, as in docs/occupancy.md\n";
    assert!(passes && text.ends_with(verdict), "{text}");
}

#[test]
fn occupancy_names_each_broken_rule() {
    let occupancy = Occupancy::new();
    for (figures, broken) in [
        ("48\t7\t0\t0\t$fine\t0\t0", "vega10: 7 registers spilled, none may be"),
        ("48\t0\t2\t0\t$fine\t0\t0", "vega10: 2 scalar registers spilled, none may be"),
        ("48\t0\t0\t64\t$fine\t0\t0", "vega10: 64 bytes of scratch, none may be used"),
        ("48\t0\t0\t0\t9\t0\t0", "navi21: 9 subgroups per SIMD, at least 10 of 32"),
        ("48\t0\t0\t0\t2\t0\t0", "vega10: 2 subgroups per SIMD, at least 3 of 10"),
        ("48\t0\t0\t0\t2\t0\t0", "polaris10: 2 subgroups per SIMD, at least 3 of 8"),
        ("48\t0\t0\t0\t$fine\t16640\t0", "navi21: 16640 bytes of workgroup memory, at most 16384"),
        ("48\t0\t0\t0\t$fine\t0\t16388", "polaris10: 16388 bytes of code, at most 16384"),
    ] {
        occupancy.compiles(figures, "1.2");
        let (passes, text) = occupancy.written();
        assert!(!passes && text.contains(&format!("heavy, {broken}\n")), "{text}");
        assert!(!text.contains("light, ") && occupancy.page().contains("**"), "{text}");
    }
}

#[test]
fn occupancy_compares_tables_of_one_version_of_mesa() {
    let occupancy = Occupancy::new();
    occupancy.written();
    let page = occupancy.page();
    occupancy.compiles("56\t0\t0\t0\t$fine\t0\t0", "1.2");
    let (passes, text) = occupancy.checked();
    assert!(!passes && text.contains("run scripts/occupancy and commit it"), "{text}");
    occupancy.compiles("56\t0\t0\t0\t$fine\t0\t0", "1.20");
    let (passes, text) = occupancy.checked();
    assert!(passes && text.ends_with("by RADV of Mesa 1.20; docs/occupancy.md is of another version\n"), "{text}");
    occupancy.compiles("56\t0\t0\t64\t$fine\t0\t0", "1.20");
    assert!(!occupancy.checked().0);
    assert_eq!(occupancy.page(), page);
}

#[test]
fn occupancy_says_aloud_that_it_checked_nothing() {
    let occupancy = Occupancy::new();
    let (passes, text) = occupancy.run(&["--check"], "missing.json");
    assert!(passes && text.contains("SKIPPED: no RADV: no ") && text.contains("missing.json"), "{text}");
    for (compiler, why) in [
        ("exit 3", "compiles for no device that is not there\n"),
        ("printf 'driver\\tMesa 1.2\\tBoard (RADV RAPHAEL)\\n'", "compiles for Board (RADV RAPHAEL), not for navi21\n"),
    ] {
        place(occupancy.root.path(), "bin/compiler", compiler);
        let (passes, text) = occupancy.checked();
        assert!(passes && text.contains("SKIPPED: ") && text.ends_with(why), "{text}");
    }
    place(occupancy.root.path(), "bin/compiler", "exit 2");
    assert!(!occupancy.checked().0);
}
