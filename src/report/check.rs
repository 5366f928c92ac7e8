//! The verdict on adapters: text with tables of at most 100 columns, and a Markdown table.

use super::devices::device_line;
use super::text::{counted, table, thousands, wrap};
use crate::check::{
    AdapterReport, Finding, KernelReport, Pair, Quantity, Reference, Report, Trial, UNWRITTEN, Verdict,
};
use crate::plan::{Device, Kernels};

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "FAIL",
        Verdict::Known => "known",
        Verdict::Error => "ERROR",
    }
}

fn passes(pass: bool) -> &'static str {
    word(if pass { Verdict::Pass } else { Verdict::Fail })
}

/// A share of an allowance: `0.031`, `1.7e3`, `infinite`.
fn share(used: Option<f64>) -> String {
    match used {
        None => "infinite".to_owned(),
        Some(used) if used < 100.0 => format!("{used:.3}"),
        Some(used) => format!("{used:.1e}"),
    }
}

fn worst<'a>(quantities: impl IntoIterator<Item = &'a Quantity>) -> Option<&'a Quantity> {
    let size = |q: &Quantity| q.worst.unwrap_or(f64::INFINITY);
    quantities.into_iter().max_by(|a, b| size(a).total_cmp(&size(b)))
}

/// The whole report; the last line is for a bug report.
pub fn check_text(report: &Report) -> String {
    let mut lines = vec![format!(
        "lenet-gpu {} check, {}, seed {}\nerrors are in units of their allowance: up to 1 passes",
        report.version,
        report.effort.name(),
        report.seed
    )];
    if let Some(worst) = worst(&report.oracle) {
        let all = report.oracle.iter().all(Quantity::passes);
        lines.push(format!(
            "oracle    {}: {} against finite differences in f64, worst error {}",
            passes(all),
            counted(report.oracle.len() as u64, "network"),
            share(worst.worst)
        ));
        lines.extend(
            report.oracle.iter().filter(|q| !q.passes()).map(|q| format!("  {} FAILS: {}", q.name, share(q.worst))),
        );
    }
    for adapter in &report.adapters {
        lines.push(String::new());
        lines.extend(adapter_lines(adapter));
    }
    if !report.pairs.is_empty() {
        lines.push(String::new());
        lines.extend(pair_lines(report));
    }
    lines.push(String::new());
    lines.push(last_line(report));
    lines.join("\n")
}

fn adapter_lines(adapter: &AdapterReport) -> Vec<String> {
    let index = adapter.device.index.map_or(String::new(), |index| format!(" {index}"));
    let mut lines = vec![format!("adapter{index}: {}", word(adapter.verdict))];
    lines.extend(wrap(&device_line(&adapter.device), 2));
    for part in [kernel_lines, training_lines, bits_lines, memory_lines, soak_lines] {
        let part = part(adapter);
        if !part.is_empty() {
            lines.push(String::new());
            lines.extend(part);
        }
    }
    if let Some(error) = &adapter.error {
        lines.extend(wrap(&format!("ERROR: {error}"), 2));
    }
    lines
}

/// A heading and rows, indented; nothing if there are no rows.
fn section(heading: &[&str], right: &[bool], rows: Vec<Vec<String>>) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let heading = heading.iter().map(|cell| (*cell).to_owned()).collect();
    let all = [vec![heading], rows].concat();
    table(&all, right).lines().map(|line| format!("  {line}")).collect()
}

fn kernel_lines(adapter: &AdapterReport) -> Vec<String> {
    let row = |kernel: &KernelReport| {
        vec![
            kernel.kernel.clone(),
            word(kernel.verdict).to_owned(),
            share(kernel.worst),
            format!("{:.3}", kernel.mean_ulps),
            thousands(kernel.runs as u64),
            thousands(kernel.elements),
        ]
    };
    let heading = ["kernel", "verdict", "worst error", "mean, ulps", "runs", "elements"];
    let right = [false, false, true, true, true, true];
    let mut lines = section(&heading, &right, adapter.kernels.iter().map(row).collect());
    lines.extend(adapter.kernels.iter().filter(|k| k.verdict != Verdict::Pass).flat_map(finding_lines));
    lines
}

fn training_lines(adapter: &AdapterReport) -> Vec<String> {
    let row = |reference: &Reference| {
        let worst = worst(&reference.quantities)?;
        let verdict = passes(reference.quantities.iter().all(Quantity::passes));
        Some(vec![reference.name.clone(), verdict.to_owned(), share(worst.worst), worst.name.clone()])
    };
    let heading = ["step or run", "verdict", "worst error", "of"];
    let rows = adapter.training.iter().filter_map(row).collect();
    let mut lines = section(&heading, &[false, false, true, false], rows);
    let all = adapter.training.iter().flat_map(|r| r.quantities.iter().map(move |q| (r, q)));
    for (reference, quantity) in all.filter(|(_, q)| !q.passes()).take(SHOWN) {
        lines.push(format!("  {} FAILS in {}:", quantity.name, reference.name));
        let (device, expected) = (value(quantity.device), quantity.expected);
        lines.push(format!("    device {device}, expected {expected:.9e}, allowance {:.2e}", quantity.allowance));
    }
    lines
}

fn bits_lines(adapter: &AdapterReport) -> Vec<String> {
    let row = |trial: &Trial| vec![trial.name.clone(), passes(trial.difference.is_none()).to_owned()];
    let rows = adapter.bits.iter().map(row).collect();
    let mut lines = section(&["the same bits", "verdict"], &[false, false], rows);
    for (trial, d) in adapter.bits.iter().filter_map(|t| t.difference.as_ref().map(|d| (t, d))) {
        lines.push(format!("  {} FAILS in {},", trial.name, counted(d.words as u64, "word")));
        lines.push(format!("    first {}: {:#010x}, then {:#010x}", d.place, d.first, d.again));
    }
    lines
}

fn memory_lines(adapter: &AdapterReport) -> Vec<String> {
    if adapter.kernels.is_empty() {
        return Vec::new();
    }
    let broken = adapter.kernels.iter().filter(|kernel| kernel.broken_guard.is_some()).count() as u64;
    let guards = if broken == 0 { "intact".to_owned() } else { format!("BROKEN by {}", counted(broken, "kernel")) };
    wrap(&format!("memory: guards of 256 bytes around every buffer {guards}; outputs were NaN before each run"), 2)
}

fn soak_lines(adapter: &AdapterReport) -> Vec<String> {
    let Some(soak) = &adapter.soak else { return Vec::new() };
    let (verdict, steps) = (passes(soak.flips.is_empty()), thousands(soak.steps));
    let mut lines = vec![format!(
        "  soak: {verdict}, {steps} times the same step in {:.0} s, {}",
        soak.seconds,
        counted(soak.flips.len() as u64, "flip")
    )];
    for flip in soak.flips.iter().take(SHOWN) {
        let d = &flip.difference;
        lines.push(format!(
            "    after {:.1} s, repetition {}: {},",
            flip.seconds,
            thousands(flip.repetition),
            counted(d.words as u64, "word")
        ));
        lines.push(format!("      first {}: {:#010x}, not {:#010x}", d.place, d.again, d.first));
    }
    lines
}

/// Failures of one part that are shown; the JSON has all.
const SHOWN: usize = 5;

fn value(value: Option<f64>) -> String {
    value.map_or("not finite".to_owned(), |value| format!("{value:.9e}"))
}

fn finding_lines(kernel: &KernelReport) -> Vec<String> {
    let mut lines = vec![format!(
        "  {} {}: {} of {} elements",
        kernel.kernel,
        if kernel.known.is_some() { "fails as known" } else { "FAILS" },
        thousands(kernel.bad_elements),
        thousands(kernel.elements)
    )];
    if let Some(Finding { layer, buffer, word, place, device, device_bits, oracle, allowance, .. }) =
        &kernel.worst_element
    {
        let place = if place.is_empty() { String::new() } else { format!(", {place}") };
        lines.push(format!("    layer {layer}, {buffer}[{word}]{place}"));
        let oracle = match (oracle, *device_bits == UNWRITTEN) {
            (None, _) => "should not have been written".to_owned(),
            (Some(oracle), true) => format!("was not written; oracle {oracle:.9e}"),
            (Some(oracle), false) => format!("oracle {oracle:.9e}, allowance {allowance:.2e}"),
        };
        lines.push(format!("    device {} ({device_bits:#010x}), {oracle}", value(*device)));
    }
    if let Some(guard) = &kernel.broken_guard {
        lines.push(format!("    guard broken at {guard}"));
    }
    if let Some(known) = &kernel.known {
        lines.push(format!("    known: {known}"));
    }
    if let Some(replay) = &kernel.replay {
        let broken = |text: String, flag| text.replace(flag, &format!(" \\\n     {flag}"));
        let replay = [" --shaders", " --case"].into_iter().fold(replay.clone(), broken);
        lines.push(format!("    {replay}"));
    }
    lines
}

fn pair_lines(report: &Report) -> Vec<String> {
    let name = |index: usize, kernels: Option<Kernels>| {
        let is_it = |a: &&AdapterReport| a.device.index == Some(index) && a.device.kernels == kernels;
        let other = report.adapters.iter().find(is_it).and_then(|a| a.device.other_kernels());
        other.map_or(index.to_string(), |kernels| format!("{index} ({} kernels)", kernels.name()))
    };
    let row = |pair: &Pair| {
        let [a, b] = [0, 1].map(|of| name(pair.adapters[of], pair.kernels[of]));
        let equal = 100.0 * (1.0 - pair.different as f64 / pair.words.max(1) as f64);
        vec![
            format!("{a} and {b}"),
            if pair.different == 0 { "all".to_owned() } else { format!("{equal:.3} %") },
            pair.largest_ulps.map_or("infinite".to_owned(), |ulps| format!("{ulps:.2}")),
            pair.first.clone().unwrap_or_else(|| "never".to_owned()),
        ]
    };
    let mut lines = vec!["across adapters: every kernel on the same inputs".to_owned()];
    let heading = ["adapters", "equal words", "largest, ulps", "first part at"];
    lines.extend(section(&heading, &[false, true, true, false], report.pairs.iter().map(row).collect()));
    lines
}

/// One line that says it all.
fn last_line(report: &Report) -> String {
    let adapters: Vec<String> = report
        .adapters
        .iter()
        .map(|a| {
            let driver = if a.device.driver.is_empty() { "driver unknown" } else { &a.device.driver };
            let failed: Vec<&str> =
                a.kernels.iter().filter(|k| k.verdict == Verdict::Fail).map(|k| k.kernel.as_str()).collect();
            let what = match (a.verdict, failed.as_slice()) {
                (Verdict::Fail, []) => " (runs)".to_owned(),
                (Verdict::Fail, failed) => format!(" ({})", failed.join(", ")),
                _ => String::new(),
            };
            let mut kernels = a.device.other_kernels().map_or(String::new(), |set| format!(", {} kernels", set.name()));
            kernels.extend(a.device.shaders.iter().map(|own| format!(", shaders of {}", own.title())));
            let verdict = word(a.verdict).to_uppercase();
            format!("{verdict}{what} {} {} [{driver}{kernels}]", a.device.name, a.device.backend)
        })
        .collect();
    format!(
        "lenet-gpu {} check {} ({}, seed {}, {:.0} s, {}): {}",
        report.version,
        word(report.verdict).to_uppercase(),
        report.effort.name(),
        report.seed,
        report.seconds,
        report.date,
        adapters.join("; ")
    )
}

/// A table of adapters, drivers, sets of kernels, verdicts and dates.
pub fn check_markdown(report: &Report) -> String {
    let mut text =
        "| adapter | backend | driver | kernels | verdict | largest error of a kernel | checked |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for a in &report.adapters {
        let size = |k: &KernelReport| k.worst.unwrap_or(f64::INFINITY);
        let kernel = a.kernels.iter().max_by(|a, b| size(a).total_cmp(&size(b)));
        let kernel = kernel.map_or("-".to_owned(), |k| format!("{} of its allowance, {}", share(k.worst), k.kernel));
        let cell = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.replace('|', "\\|") };
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {kernel} | {}, {} |\n",
            cell(&a.device.name),
            a.device.backend,
            cell(&a.device.driver),
            cell(&kernels(&a.device)),
            word(a.verdict),
            report.date,
            report.version
        ));
    }
    text
}

fn kernels(device: &Device) -> String {
    let set = device.kernels.map_or("-", Kernels::name);
    device.shaders.as_ref().map_or(set.to_owned(), |own| format!("{set}, shaders of {}", own.title()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::check_example::{faulty, passing, quantity, refused, report};
    use crate::report::snapshot;

    #[test]
    fn every_form_is_as_in_its_snapshot() {
        let right = quantity("conv2d, relu", Some(0.031));
        let wrong = quantity("dense, sigmoid", Some(12.0));
        let pair = |adapters, different, largest_ulps, first: Option<&str>| {
            let first = first.map(str::to_owned);
            Pair { adapters, kernels: [Some(Kernels::Gpu); 2], words: 1_000_000, different, largest_ulps, first }
        };
        let equal = pair([0, 1], 0, Some(0.0), None);
        let apart = pair([0, 2], 1_234, Some(1.75), Some("conv2d_forward of dense-nesterov"));
        let infinite = pair([1, 2], 999_999, None, Some("adam of dense-adam"));
        let pass = report(vec![passing(0, "A card", "maker 1.2")], Vec::new(), std::slice::from_ref(&right));
        let fail = report(
            vec![passing(0, "A card", "maker 1.2"), faulty(), refused()],
            vec![equal, apart, infinite],
            &[right.clone(), wrong],
        );
        let runs = AdapterReport { kernels: Vec::new(), ..faulty() };
        let mut other = AdapterReport { soak: None, ..refused() };
        other.device.kernels = Some(Kernels::Software);
        let sets = Pair { kernels: [Some(Kernels::Gpu), Some(Kernels::Software)], ..pair([1, 2], 1, Some(0.5), None) };
        let others = report(vec![runs, other], vec![sets], &[]);
        snapshot::assert("check_text_pass", &check_text(&pass));
        snapshot::assert("check_text_fail", &check_text(&fail));
        snapshot::assert("check_text_runs", &check_text(&others));
        snapshot::assert("check_markdown", &check_markdown(&fail));
        for report in [pass, fail, others] {
            let text = check_text(&report);
            for line in text.lines().rev().skip(1) {
                assert!(line.chars().count() <= 100, "{line}");
            }
        }
    }
}
