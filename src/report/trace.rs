//! Steps on a time line, in Chrome's trace event format, and their sums for people.

use std::ops::Range;

use serde_json::{Value, json};

use super::devices::device_line;
use super::text::{quantity, table, wrap};
use crate::bench::{PhaseTrace, Trace};
use crate::plan::Clock;

/// Tracks of a device, by `tid`.
const TRACKS: [&str; 3] = ["phase", "host", "device"];

/// Time between two phases (us).
const GAP: f64 = 20.0;

/// The format that ui.perfetto.dev and chrome://tracing open: a process per device, with the tracks of `TRACKS`;
/// `ts` and `dur` in microseconds. A phase begins where the one before it ended: the time line is that of a phase, not
/// that of the whole command.
pub fn trace_json(traces: &[Trace]) -> Value {
    let events: Vec<Value> = (1..).zip(traces).flat_map(|(process, trace)| events(process, trace)).collect();
    json!({ "traceEvents": events, "displayTimeUnit": "ns" })
}

fn events(process: usize, trace: &Trace) -> Vec<Value> {
    let named = |what: &str, track: usize, name: &str| json!({ "ph": "M", "name": what, "pid": process, "tid": track, "args": { "name": name } });
    let title = format!("{}; {}, batch {}", device_line(&trace.device), trace.model, trace.batch);
    let mut events = vec![named("process_name", 0, &title)];
    for (track, name) in TRACKS.iter().enumerate() {
        events.push(named("thread_name", track, name));
        events.push(json!({
            "ph": "M", "name": "thread_sort_index", "pid": process, "tid": track, "args": { "sort_index": track },
        }));
    }
    let mut begin = 0.0_f64;
    for phase in &trace.phases {
        let complete = |track: usize, name: &str, span: &Range<f64>, args: Value| {
            let (start, duration) = (begin + 1e6 * span.start, 1e6 * (span.end - span.start));
            let category = TRACKS[track];
            json!({
                "ph": "X", "name": name, "cat": category, "pid": process, "tid": track, "ts": start, "dur": duration,
                "args": args,
            })
        };
        let name = phase.phase.name();
        let whole = 0.0..end(phase);
        events.push(complete(0, name, &whole, json!({ "batch": trace.batch, "operations": phase.operations.len() })));
        events.extend(phase.host.iter().map(|(part, span)| complete(1, part, span, json!({ "phase": name }))));
        events.extend(phase.operations.iter().map(|op| {
            let args = json!({
                "phase": name,
                "layer": op.layer,
                "kernel": op.kernel,
                "flops": op.flops,
                "bytes": op.bytes,
                "clock": op.clock,
                "alone": op.alone,
            });
            complete(2, &format!("{} {}", op.layer, op.kernel), &op.span, args)
        }));
        begin += 1e6 * whole.end + GAP;
    }
    events
}

/// The end of the last part of `phase` (s).
fn end(phase: &PhaseTrace) -> f64 {
    let spans = phase.host.iter().map(|(_, span)| span).chain(phase.operations.iter().map(|op| &op.span));
    spans.map(|span| span.end).fold(0.0, f64::max)
}

/// Sums per phase, for people: at most 80 columns.
pub fn trace_text(trace: &Trace) -> String {
    let mut rows =
        vec![["phase", "operations", "their time", "until submitted", "whole step"].map(str::to_owned).to_vec()];
    let seconds = |span: &Range<f64>| span.end - span.start;
    for phase in &trace.phases {
        let device: f64 = phase.operations.iter().map(|op| seconds(&op.span)).sum();
        let submitted = phase.host.iter().find(|(part, _)| *part == "submit").map_or(0.0, |(_, span)| span.end);
        rows.push(vec![
            phase.phase.name().to_owned(),
            phase.operations.len().to_string(),
            quantity(device, "s"),
            quantity(submitted, "s"),
            quantity(phase.host.last().map_or(0.0, |(_, span)| span.end), "s"),
        ]);
    }
    let operations = || trace.phases.iter().flat_map(|phase| &phase.operations);
    let how = match (operations().any(|op| op.alone), operations().any(|op| op.clock == Clock::Wall)) {
        (true, true) => "each operation ran alone, timed by the host's clock: its time includes submission and waiting",
        (true, false) => "each operation ran alone, timed by the device's timestamps",
        (false, _) => "each operation in a pass of its own, timed by the device's timestamps within the step",
    };
    let title = format!("one step per phase of {}, batch {}", trace.model, trace.batch);
    let parts =
        [wrap(&device_line(&trace.device), 0).join("\n"), title, table(&rows, &[false, true, true, true, true])];
    format!("{}\n{}", parts.join("\n"), wrap(how, 0).join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::OperationTrace;
    use crate::plan::{Device, Kernels, Phase};
    use crate::report::snapshot;

    fn example(alone: bool, clock: Clock) -> Trace {
        let operation = |layer: &str, kernel, span| {
            let (flops, bytes) = (1_000, 400);
            OperationTrace { layer: layer.to_owned(), kernel, flops, bytes, span, clock, alone }
        };
        let phase = |phase, operations| {
            let host = vec![("record", 0.0..1e-4), ("submit", 1e-4..1.5e-4), ("wait", 1.5e-4..9e-4)];
            PhaseTrace { phase, host, operations }
        };
        let forward = || vec![operation("c1", "conv2d_forward", 2e-4..5e-4), operation("loss", "softmax", 5e-4..8e-4)];
        Trace {
            device: Device {
                index: Some(0),
                name: "A card".to_owned(),
                backend: "vulkan".to_owned(),
                driver: "maker 1.2".to_owned(),
                kind: "discrete gpu".to_owned(),
                kernels: Some(Kernels::Gpu),
                shaders: None,
            },
            model: "lenet5".to_owned(),
            batch: 64,
            phases: vec![
                phase(Phase::Evaluate, forward()),
                phase(Phase::Update, vec![operation("update", "sgd", 2e-4..25e-4)]),
            ],
        }
    }

    #[test]
    fn the_text_is_as_in_its_snapshot() {
        let traces = [(false, Clock::Timestamp), (true, Clock::Timestamp), (true, Clock::Wall)];
        let texts = traces.map(|(alone, clock)| trace_text(&example(alone, clock)));
        snapshot::assert("trace_text", &texts.join("\n\n"));
    }

    #[test]
    fn phases_follow_each_other_and_devices_are_processes() {
        let trace = example(false, Clock::Timestamp);
        let json = trace_json(&[trace.clone(), trace]);
        let complete = |process: usize| {
            let events = json["traceEvents"].as_array().unwrap().iter();
            let of_process = events.filter(move |e| e["ph"] == "X" && e["pid"] == process);
            of_process.map(|e| [&e["ts"], &e["dur"]].map(|us| us.as_f64().unwrap().round())).collect::<Vec<_>>()
        };
        let phase = [[0.0, 900.0], [0.0, 100.0], [100.0, 50.0], [150.0, 750.0], [200.0, 300.0], [500.0, 300.0]];
        let update = [[920.0, 2_500.0], [920.0, 100.0], [1_020.0, 50.0], [1_070.0, 750.0], [1_120.0, 2_300.0]];
        assert_eq!(complete(1), [&phase[..], &update].concat());
        assert_eq!(complete(1), complete(2));
    }
}
