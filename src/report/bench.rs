//! Figures of a benchmark as tables for people, Markdown and CSV.

use super::devices::device_line;
use super::text::{percent, quantity, table, thousands, wrap};
use crate::bench::{AdapterReport, Bench, Change, StartUp, Throughput, Verdict, figures};
use crate::plan::{Clock, Kernels};

/// Longest adapter name in a table, characters: so that a table fits into 100 columns.
const NAME: usize = 28;

/// Most warnings that are printed of an adapter; the JSON has all.
const WARNINGS: usize = 5;

/// A throughput is saturated where it reaches this share of the best.
const SATURATED: f64 = 0.95;

/// A table with a heading, in any of the forms.
struct Table {
    title: String,
    /// Header first.
    rows: Vec<Vec<String>>,
    /// Which columns are numbers.
    right: Vec<bool>,
    /// Sentences below it.
    notes: Vec<String>,
}

impl Table {
    /// `columns` starts with `>` for a column of numbers.
    fn new(title: String, columns: &[&str]) -> Self {
        let header = columns.iter().map(|c| c.trim_start_matches('>').to_owned()).collect();
        let right = columns.iter().map(|c| c.starts_with('>')).collect();
        Self { title, rows: vec![header], right, notes: Vec::new() }
    }

    fn text(&self) -> String {
        let notes: String = self.notes.iter().map(|note| format!("\n{note}")).collect();
        format!("{}\n{}{notes}", self.title, table(&self.rows, &self.right))
    }

    fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let escaped = |row: &Vec<String>| line(row.iter().map(|cell| cell.replace('|', "\\|")).collect());
        let rule = line(self.right.iter().map(|right| if *right { "---:" } else { "---" }.to_owned()).collect());
        let body: String = self.rows[1..].iter().map(escaped).collect();
        let notes: String = self.notes.iter().map(|note| format!("\n{note}\n")).collect();
        format!("**{}**\n\n{}{rule}{body}{notes}", self.title, escaped(&self.rows[0]))
    }
}

/// One adapter, for people: tables of at most 100 columns, sentences of at most 80.
pub fn adapter_text(report: &AdapterReport) -> String {
    let facts = [vec![device_line(&report.device)], facts(report)].concat();
    let mut parts = vec![facts.iter().flat_map(|fact| wrap(fact, 0)).collect::<Vec<_>>().join("\n")];
    parts.extend(tables(report).iter().map(Table::text));
    parts.join("\n\n")
}

/// A row per adapter, for people. At most 100 columns wide.
pub fn side_by_side_text(bench: &Bench) -> String {
    side_by_side(bench).text()
}

/// All adapters as a Markdown document.
pub fn bench_markdown(bench: &Bench) -> String {
    let mut text = format!("# lenet-gpu {} bench, {}\n\n{}", bench.version, bench.date, side_by_side(bench).markdown());
    for report in &bench.adapters {
        let facts: String = facts(report).iter().map(|fact| format!("- {fact}\n")).collect();
        text += &format!("\n## {}\n\n{facts}", device_line(&report.device));
        text.extend(tables(report).iter().map(|table| format!("\n{}", table.markdown())));
    }
    text
}

/// A row per figure, and a row with `error` for an adapter that did not run. Unknown is empty; `samples` are
/// separated by spaces.
pub fn bench_csv(bench: &Bench) -> String {
    let header =
        "adapter,backend,driver,kernel_set,model,kind,name,batch,unit,median,least,most,share,clock,samples,error\n";
    let mut text = header.to_owned();
    for report in &bench.adapters {
        let AdapterReport { device, model, .. } = report;
        let kernels = device.kernels.map_or("", Kernels::name);
        let adapter = [&device.name, &device.backend, &device.driver, kernels, model].map(str::to_owned);
        let mut row = |rest: [String; 11]| {
            let cells: Vec<String> = adapter.iter().chain(&rest).map(|cell| quoted(cell)).collect();
            text += &format!("{}\n", cells.join(","));
        };
        let known = |number: Option<f64>| number.map_or(String::new(), |number| number.to_string());
        for figure in figures(report) {
            let samples: Vec<String> = figure.samples.all().iter().map(f64::to_string).collect();
            row([
                figure.kind.to_owned(),
                figure.name,
                figure.batch.map_or(String::new(), |batch| batch.to_string()),
                figure.unit.to_owned(),
                figure.samples.median().to_string(),
                figure.samples.least().to_string(),
                figure.samples.most().to_string(),
                known(figure.share),
                figure.clock.map_or("", clock).to_owned(),
                samples.join(" "),
                String::new(),
            ]);
        }
        if let Some(error) = &report.error {
            let mut empty: [String; 11] = Default::default();
            empty[10] = error.clone();
            row(empty);
        }
    }
    text
}

/// The verdict on every figure, a table per adapter, and the count of each verdict.
pub fn changes_text(before: &Bench, changes: &[Change]) -> String {
    let mut parts = vec![format!("compared with {} of {}", before.version, before.date)];
    for of_adapter in changes.chunk_by(|a, b| a.adapter == b.adapter) {
        let columns = ["figure", ">before", ">now", ">speed", ">spreads", "verdict"];
        let mut table = Table::new(of_adapter[0].adapter.clone(), &columns);
        for change in of_adapter {
            let (now, then) = (&change.figure.samples, &change.before);
            table.rows.push(vec![
                change.figure.title(),
                quantity(then.median(), change.figure.unit),
                quantity(now.median(), change.figure.unit),
                format!("{:.2}x", change.speed()),
                format!("{}, {}", percent(then.spread(), 1), percent(now.spread(), 1)),
                change.verdict.name().to_owned(),
            ]);
        }
        parts.push(table.text());
    }
    let count = |verdict| changes.iter().filter(|c| c.verdict == verdict).count();
    parts.push(format!(
        "{} faster, {} slower, {} the same within the spread, {} unknown (fewer than 3 samples)",
        count(Verdict::Faster),
        count(Verdict::Slower),
        count(Verdict::Same),
        count(Verdict::Unknown)
    ));
    parts.join("\n\n")
}

/// Lines that fit no table.
fn facts(report: &AdapterReport) -> Vec<String> {
    let mut facts = vec![format!("model {}", report.model)];
    if let Some(error) = &report.error {
        facts.push(format!("error: {error}"));
    }
    if let Some(c) = &report.ceilings {
        facts.push(format!(
            "ceilings: {:.1} GFLOP/s multiply-add; {:.1} GB/s read, {:.1} from a cache, {:.1} written",
            c.fma_gflops, c.read_gb_per_s, c.cached_read_gb_per_s, c.write_gb_per_s
        ));
        let [dispatch, submission, read_back] = [c.dispatch_s, c.submission_s, c.read_back_s].map(|s| quantity(s, "s"));
        let alone = c
            .independent_dispatch_s
            .map_or(String::new(), |s| format!(" ({} per one that does not)", quantity(s, "s")));
        facts.push(format!(
            "costs: {dispatch} per dispatch that needs the one before{alone}, {submission} per submission, {read_back} \
             to read 4 KiB back"
        ));
    }
    let encoded = |t: &Throughput| Some((t.batch, [t.encode_us_per_step?, t.encode_us_per_dispatch?]));
    if let Some((batch, us)) = report.training.iter().find(|t| Some(t.batch) == report.kernel_batch()).and_then(encoded)
    {
        let [step, dispatch] = us.map(|us| quantity(1e-6 * us, "s"));
        facts.push(format!("encoding on the host: {step} per training step, {dispatch} per dispatch, batch {batch}"));
    }
    if let Some(start) = &report.start_up {
        facts.push(format!(
            "start-up to the first training step done, batch {}: {} without the driver's shader cache, {} with it",
            start.batch,
            start.cold_s.map_or("unknown".to_owned(), |s| quantity(s, "s")),
            quantity(start.warm_s, "s")
        ));
    }
    facts.extend(report.warnings.iter().take(WARNINGS).map(|warning| format!("warning: {warning}")));
    if report.warnings.len() > WARNINGS {
        facts.push(format!("warning: and {} more like these; --json has all", report.warnings.len() - WARNINGS));
    }
    facts
}

fn tables(report: &AdapterReport) -> Vec<Table> {
    if report.training.is_empty() { Vec::new() } else { vec![by_batch(report), by_kernel(report)] }
}

fn by_batch(report: &AdapterReport) -> Table {
    let columns = [
        ">batch",
        ">training/s",
        ">spread",
        ">GFLOP/s",
        ">of FMA",
        ">evaluation/s",
        ">spread",
        ">GFLOP/s",
        ">of FMA",
        ">memory",
    ];
    let mut table = Table::new("images a second by batch size".to_owned(), &columns);
    for (training, evaluation) in report.training.iter().zip(&report.evaluation) {
        let mut row = vec![thousands(training.batch as u64)];
        for t in [training, evaluation] {
            row.extend([
                thousands(t.samples_per_s as u64),
                percent(t.samples.spread(), 1),
                format!("{:.1}", t.gflops),
                percent(t.share_of_fma, 1),
            ]);
        }
        row.push(format!("{:.1} MiB", training.device_bytes as f64 / f64::from(1 << 20)));
        table.rows.push(row);
    }
    if let [first, .., last] = &report.training[..] {
        let saturated = |list: &[Throughput]| {
            let best = AdapterReport::best(list).map_or(0.0, |best| best.samples_per_s);
            let enough = list.iter().find(|t| t.samples_per_s >= SATURATED * best);
            enough.map_or("-".to_owned(), |t| thousands(t.batch as u64))
        };
        table.notes.push(format!(
            "within 5 % of its best from batch {} on in training, {} in evaluation",
            saturated(&report.training),
            saturated(&report.evaluation)
        ));
        if last.batch > first.batch {
            let bytes = last.device_bytes.saturating_sub(first.device_bytes) as f64;
            let each = bytes / (last.batch - first.batch) as f64 / 1024.0;
            table.notes.push(format!("memory on the device grows by {each:.0} KiB per image of the batch"));
        }
    }
    table
}

fn by_kernel(report: &AdapterReport) -> Table {
    let batch = report.kernel_batch().unwrap_or(0);
    let columns =
        ["kernel", ">time", ">spread", ">of step", ">GFLOP/s", ">GB/s", ">of ceiling", "which ceiling", "clock"];
    let mut table =
        Table::new(format!("each operation of a training step alone, batch {}", thousands(batch as u64)), &columns);
    for k in &report.kernels {
        table.rows.push(vec![
            k.kernel.clone(),
            quantity(k.seconds, "s"),
            percent(k.samples.spread(), 1),
            percent(k.part_of_step, 1),
            format!("{:.1}", k.gflops),
            format!("{:.1}", k.gb_per_s),
            percent(k.share, 1),
            k.bound.clone().unwrap_or("-".to_owned()),
            clock(k.clock).to_owned(),
        ]);
    }
    let sum: f64 = report.kernels.iter().map(|k| k.seconds).sum();
    if let Some(step) = report.training.iter().find(|t| t.batch == batch) {
        let whole = quantity(batch as f64 / step.samples_per_s, "s");
        table.notes.push(format!("together {}; a whole step takes {whole}", quantity(sum, "s")));
    }
    if report.kernels.iter().any(|k| k.share.is_some_and(|share| share > 1.0)) {
        table.notes.push(
            "over 100 %: faster than the kernels that measure the ceilings, or a busy machine when they did".to_owned(),
        );
    }
    table
}

fn side_by_side(bench: &Bench) -> Table {
    let columns = ["adapter", "backend", ">GFLOP/s", ">training/s", ">batch", ">of FMA", ">eval/s", ">cold", ">warm"];
    let mut table = Table::new(
        "adapters side by side, each at its best batch size; cold and warm: start to the first step".to_owned(),
        &columns,
    );
    for report in &bench.adapters {
        let (training, evaluation) = (AdapterReport::best(&report.training), AdapterReport::best(&report.evaluation));
        let known = |text: Option<String>| text.unwrap_or("-".to_owned());
        let start =
            |of: fn(&StartUp) -> Option<f64>| known(report.start_up.as_ref().and_then(of).map(|s| quantity(s, "s")));
        table.rows.push(vec![
            short(&report.device.name),
            report.device.backend.clone(),
            known(report.ceilings.as_ref().map(|c| format!("{:.1}", c.fma_gflops))),
            if report.error.is_some() {
                "failed".to_owned()
            } else {
                known(training.map(|t| thousands(t.samples_per_s as u64)))
            },
            known(training.map(|t| thousands(t.batch as u64))),
            percent(training.and_then(|t| t.share_of_fma), 1),
            known(evaluation.map(|t| thousands(t.samples_per_s as u64))),
            start(|s| s.cold_s),
            start(|s| Some(s.warm_s)),
        ]);
        if let Some(kernels) = report.device.other_kernels() {
            let (name, backend) = (short(&report.device.name), &report.device.backend);
            table.notes.push(format!("{name}, {backend}: with the {} kernels", kernels.name()));
        }
        if let Some(error) = &report.error {
            table.notes.push(format!("{}, {}: {error}", short(&report.device.name), report.device.backend));
        }
    }
    table
}

/// `name`, cut to [`NAME`] characters.
fn short(name: &str) -> String {
    if name.chars().count() <= NAME { name.to_owned() } else { name.chars().take(NAME - 1).chain(['…']).collect() }
}

fn clock(clock: Clock) -> &'static str {
    match clock {
        Clock::Timestamp => "timestamp",
        Clock::Wall => "wall",
    }
}

/// A cell of CSV (RFC 4180).
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::example::report;
    use crate::bench::{KernelTime, Samples, compare};
    use crate::report::snapshot;

    /// An adapter with every figure and warning, the CPU oracle, and one that failed.
    fn example() -> Bench {
        let full = report("one | two");
        let (small, kernel) = (full.training[0].clone(), full.kernels[0].clone());
        let large = Throughput { batch: 64, device_bytes: 48 << 20, ..small.clone() };
        let training = Throughput {
            samples_per_s: 9_876.5,
            samples: Samples::new(vec![9_876.5, 9_800.0, 9_900.0]),
            gflops: 22.8,
            share_of_fma: Some(0.456),
            ..large.clone()
        };
        let sums = KernelTime {
            kernel: "update sum_gradients".to_owned(),
            seconds: 9e-7,
            samples: Samples::new(vec![9e-7]),
            share: Some(1.2),
            bound: Some("memory".to_owned()),
            part_of_step: 0.006,
            ..kernel.clone()
        };
        let start = StartUp {
            batch: 4,
            cold_s: Some(12.345),
            warm_s: 0.828,
            cold_samples: vec![12.345],
            warm_samples: vec![0.828],
        };
        let full = AdapterReport {
            start_up: Some(start),
            training: vec![small.clone(), training],
            evaluation: vec![small.clone(), large],
            kernels: vec![KernelTime { part_of_step: 0.994, ..kernel.clone() }, sums],
            warnings: (1..=6).map(|number| format!("doubt {number}")).collect(),
            ..full
        };
        let alone = Throughput {
            share_of_fma: None,
            encode_us_per_step: None,
            encode_us_per_dispatch: None,
            encode_us_samples: Vec::new(),
            ..small.clone()
        };
        let oracle = AdapterReport {
            device: crate::cpu::CpuRunner::description(),
            ceilings: None,
            training: vec![alone.clone()],
            evaluation: vec![alone],
            kernels: vec![KernelTime { share: None, bound: None, clock: Clock::Wall, ..kernel.clone() }],
            ..report("oracle")
        };
        let failed = AdapterReport {
            error: Some("limit x is 1, and this needs 2".to_owned()),
            ceilings: None,
            training: Vec::new(),
            evaluation: Vec::new(),
            kernels: Vec::new(),
            ..report("An adapter with a very long name, longer than any column")
        };
        let mut failed = failed;
        failed.device.kernels = Some(Kernels::Gpu);
        let (version, date) = ("1.2.3".to_owned(), "2026-01-31T12:00:00Z".to_owned());
        Bench { version, date, adapters: vec![full, oracle, failed] }
    }

    fn changed() -> String {
        let (old, mut new) = (example(), example());
        let doubled = |samples: &Samples| Samples::new(samples.all().iter().map(|sample| 2.0 * sample).collect());
        for adapter in &mut new.adapters[..2] {
            adapter.training[0].samples = doubled(&adapter.training[0].samples);
        }
        let kernel = &mut new.adapters[0].kernels[0];
        kernel.samples = doubled(&kernel.samples);
        changes_text(&old, &compare(&old, &new))
    }

    #[test]
    fn every_form_is_as_in_its_snapshot() {
        let bench = example();
        let mut text: Vec<String> = bench.adapters.iter().map(adapter_text).collect();
        text.push(side_by_side_text(&bench));
        snapshot::assert("bench_text", &text.join("\n\n"));
        snapshot::assert("bench_markdown", &bench_markdown(&bench));
        snapshot::assert("bench_csv", &bench_csv(&bench));
        snapshot::assert("changes_text", &changed());
    }

    #[test]
    fn tables_fit_100_columns() {
        let bench = example();
        let texts = bench.adapters.iter().map(adapter_text).chain([side_by_side_text(&bench), changed()]);
        for line in texts.collect::<Vec<_>>().join("\n").lines().filter(|line| line.contains("  ")) {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}
