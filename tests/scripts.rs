//! The shell scripts of this repository: their syntax, their pipes, and the report of scripts/test.
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

/// Runs scripts/test where every program that it calls is a stand-in: those of `more` (name, shell script), and by
/// default those of a Debian machine without SwiftShader. Returns its output, and the log of cargo and apt-get.
fn scripts_test(more: &[(&str, &str)]) -> (String, String) {
    let folder = TempDir::new().unwrap();
    let place = |name: &str, body: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
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
        place(name, body);
    }
    let output = Command::new("bash")
        .arg(root().join("scripts/test"))
        .env_clear()
        .env("PATH", folder.path())
        .env("STAND_INS", folder.path())
        .env("SWIFTSHADER", folder.path().join("swiftshader.json"))
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
