//! One step with the time of every part: the host's work, and each operation by timestamps around a pass of its own.

use std::ops::Range;

use web_time::Instant;

use super::device::Gpu;
use super::dispatch::Dispatch;
use crate::error::Result;
use crate::plan::{Step, Timeline};

/// Runs `dispatches` with the row of `step`, and reads `read` back. None if the device has no timestamps that can be
/// used.
///
/// Errors: those of the device.
pub(super) async fn timeline(
    gpu: &Gpu,
    dispatches: &[&Dispatch],
    step: (&wgpu::Buffer, &Step),
    read: (&wgpu::Buffer, Range<u64>),
) -> Result<Option<Timeline>> {
    let count = 2 * dispatches.len() as u32;
    if !gpu.has_timestamps() || count == 0 || count > wgpu::QUERY_SET_MAX_QUERIES {
        return Ok(None);
    }
    let descriptor = wgpu::QuerySetDescriptor { label: Some("timeline"), ty: wgpu::QueryType::Timestamp, count };
    let set = gpu.device.create_query_set(&descriptor);
    let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
    let resolved = gpu.buffer("timeline", u64::from(count) * 8, usage);
    let bytes = read.1.end - read.1.start;
    let staging = gpu.staging(bytes);

    let mut clock = HostClock { started: Instant::now(), parts: Vec::new() };
    gpu.queue.write_buffer(step.0, 0, bytemuck::bytes_of(step.1));
    clock.end("write the step");
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    clock.end("create the encoder");
    for (first, dispatch) in (0..).step_by(2).zip(dispatches) {
        let timestamp_writes = Some(wgpu::ComputePassTimestampWrites {
            query_set: &set,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        });
        let descriptor = wgpu::ComputePassDescriptor { label: None, timestamp_writes };
        dispatch.record(&mut encoder.begin_compute_pass(&descriptor), 0, 1);
    }
    encoder.resolve_query_set(&set, 0..count, &resolved, 0);
    encoder.copy_buffer_to_buffer(read.0, read.1.start, &staging, 0, bytes);
    let commands = encoder.finish();
    clock.end("record");
    let submission = gpu.queue.submit([commands]);
    clock.end("submit");
    gpu.wait(submission.clone())?;
    clock.end("wait");
    gpu.map(staging, submission).await?;
    clock.end("read back");

    let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&gpu.read(&resolved, 0..resolved.size()).await?);
    let period = f64::from(gpu.queue.get_timestamp_period()) * 1e-9;
    let during = clock.span("submit").start..clock.span("wait").end;
    let operations = placed(&ticks, period, clock.span("submit").end, during);
    Ok(operations.map(|operations| Timeline { host: clock.parts, operations }))
}

/// Times of the host's work, part after part (s).
struct HostClock {
    started: Instant,
    parts: Vec<(&'static str, Range<f64>)>,
}

impl HostClock {
    /// The part `name` began where the one before ended, and ends now.
    fn end(&mut self, name: &'static str) {
        let start = self.parts.last().map_or(0.0, |(_, span)| span.end);
        self.parts.push((name, start..self.started.elapsed().as_secs_f64()));
    }

    fn span(&self, name: &str) -> Range<f64> {
        self.parts.iter().find(|(part, _)| *part == name).map_or(0.0..0.0, |(_, span)| span.clone())
    }
}

/// The spans between pairs of `ticks` of `period` s each, on the host's clock. None if they show no time, go back, or
/// take 1 % longer than `during`.
///
/// The clocks of device and host have no common zero. The first operation is put at `start`, where the host had
/// submitted it, or as much earlier as the last needs to end within `during`. Operations that the device ran side by
/// side are put one after the other: each begins where the one before it ended.
fn placed(ticks: &[u64], period: f64, start: f64, during: Range<f64>) -> Option<Vec<Range<f64>>> {
    let first = *ticks.first()?;
    let seconds = |tick: u64| tick.checked_sub(first).map(|ticks| ticks as f64 * period);
    let mut spans: Vec<Range<f64>> = Vec::new();
    for pair in ticks.chunks_exact(2) {
        let (from, to) = (seconds(pair[0])?, seconds(pair[1])?);
        let before = spans.last().map_or(0.0, |span| span.end);
        if to < from {
            return None;
        }
        spans.push(from.max(before)..to.max(before));
    }
    let all = spans.last()?.end;
    if all <= 0.0 || all > (during.end - during.start) * 1.01 {
        return None;
    }
    let shift = start.min(during.end - all);
    Some(spans.into_iter().map(|span| span.start + shift..span.end + shift).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_lie_between_submission_and_completion() {
        let ticks = [1_000, 1_100, 1_150, 1_200];
        assert_eq!(placed(&ticks, 0.01, 5.0, 4.0..9.0).unwrap(), [5.0..6.0, 6.5..7.0]);
        assert_eq!(placed(&ticks, 0.01, 5.0, 3.0..6.0).unwrap(), [4.0..5.0, 5.5..6.0], "as much earlier as it needs");
        assert_eq!(placed(&[0, 10, 5, 20], 0.1, 0.0, 0.0..9.0).unwrap(), [0.0..1.0, 1.0..2.0], "side by side");
    }

    #[test]
    fn timestamps_that_cannot_be_are_not_used() {
        for ticks in [&[][..], &[7, 7], &[7, 6], &[7, 8, 6, 9], &[0, 200]] {
            assert_eq!(placed(ticks, 1.0, 0.0, 0.0..100.0), None, "{ticks:?}");
        }
    }
}
