//! An opened adapter: its queue, its faults, reading back, and timing.

use std::sync::{Arc, Mutex};

use futures_channel::oneshot;
use web_time::Instant;

use super::Adapter;
use crate::error::{Error, Result};
use crate::plan::Clock;

/// An opened adapter.
pub(super) struct Gpu {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    /// The first error outside a call: the device was lost, or no error scope caught an error.
    fault: Arc<Mutex<Option<Error>>>,
    /// Two timestamps and the buffer that they are resolved to; `None` if the adapter has no timestamps.
    timestamps: Option<(wgpu::QuerySet, wgpu::Buffer)>,
}

impl Gpu {
    /// Opens `adapter` with `limits`.
    ///
    /// Errors: an adapter that will not open.
    pub async fn open(adapter: &Adapter, limits: wgpu::Limits) -> Result<Self> {
        let features = adapter.handle.features() & wgpu::Features::TIMESTAMP_QUERY;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("lenet-gpu"),
            required_features: features,
            required_limits: limits,
            ..Default::default()
        };
        let (device, queue) = adapter.handle.request_device(&descriptor).await.map_err(|e| {
            Error::input(
                format!("adapter {} does not open: {e}", adapter.device.name),
                "choose another: lenet-gpu devices",
            )
        })?;

        let fault = Arc::new(Mutex::new(None));
        let (on_lost, on_error) = (fault.clone(), fault.clone());
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                note(&on_lost, device_lost(&message));
            }
        });
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| note(&on_error, device_error(&error, ""))));
        let timestamps = (!features.is_empty()).then(|| {
            let set = device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("timestamps"),
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            });
            let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
            (set, buffer(&device, "timestamps", 16, usage))
        });
        Ok(Self { device, queue, fault, timestamps })
    }

    /// A buffer of `size` bytes, zeroed.
    pub fn buffer(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        buffer(&self.device, label, size, usage)
    }

    /// A buffer that the host can map once the device has written it.
    pub fn staging(&self, bytes: u64) -> wgpu::Buffer {
        self.buffer("staging", bytes, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)
    }

    /// Whether the adapter has timestamps.
    pub fn has_timestamps(&self) -> bool {
        self.timestamps.is_some()
    }

    /// Waits for `submission`. In a browser it returns at once: there the awaited callbacks do the waiting.
    pub fn wait(&self, submission: wgpu::SubmissionIndex) -> Result<()> {
        let waited = self.device.poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: None });
        self.check()?;
        waited.map(|_| ()).map_err(|e| device_lost(&e.to_string()))
    }

    /// Waits for `submission`, the last that writes `staging`. Returns the words of `staging`.
    pub async fn map(&self, staging: wgpu::Buffer, submission: wgpu::SubmissionIndex) -> Result<Vec<u32>> {
        let (told, mapped) = oneshot::channel();
        let slice = staging.slice(..);
        slice.map_async(wgpu::MapMode::Read, move |result| {
            // Sending fails only if the future was dropped.
            let _ = told.send(result);
        });
        self.wait(submission)?;
        let mapped = mapped.await.map_err(|e| device_lost(&e.to_string()))?;
        self.check()?;
        mapped.map_err(|e| device_lost(&e.to_string()))?;
        let view = slice.get_mapped_range().map_err(|e| device_lost(&e.to_string()))?;
        Ok(bytemuck::pod_collect_to_vec(&view))
    }

    /// The words of `bytes` of `buffer`.
    pub async fn read(&self, buffer: &wgpu::Buffer, bytes: std::ops::Range<u64>) -> Result<Vec<u32>> {
        let size = bytes.end - bytes.start;
        let staging = self.staging(size);
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, bytes.start, &staging, 0, size);
        let submission = self.queue.submit([encoder.finish()]);
        self.map(staging, submission).await
    }

    /// Submits `commands` and waits until they are done.
    pub async fn finish(&self, commands: wgpu::CommandBuffer) -> Result<()> {
        let submission = self.queue.submit([commands]);
        let (told, done) = oneshot::channel();
        self.queue.on_submitted_work_done(move || {
            let _ = told.send(());
        });
        self.wait(submission)?;
        done.await.map_err(|e| device_lost(&e.to_string()))?;
        self.check()
    }

    /// Runs the commands of `record` as one pass and waits for it. Returns the time of the pass (s): by the device's
    /// timestamps if it has them, else from submission to completion.
    pub async fn time(&self, record: impl FnOnce(&mut wgpu::ComputePass)) -> Result<(f64, Clock)> {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        {
            let timestamp_writes = self.timestamps.as_ref().map(|(set, _)| wgpu::ComputePassTimestampWrites {
                query_set: set,
                beginning_of_pass_write_index: Some(0),
                end_of_pass_write_index: Some(1),
            });
            let descriptor = wgpu::ComputePassDescriptor { label: None, timestamp_writes };
            record(&mut encoder.begin_compute_pass(&descriptor));
        }
        let started = Instant::now();
        let Some((set, resolved)) = &self.timestamps else {
            self.finish(encoder.finish()).await?;
            return Ok((started.elapsed().as_secs_f64(), Clock::Wall));
        };
        encoder.resolve_query_set(set, 0..2, resolved, 0);
        self.finish(encoder.finish()).await?;
        let wall = started.elapsed().as_secs_f64();
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&self.read(resolved, 0..resolved.size()).await?);
        let seconds = ticks[1].saturating_sub(ticks[0]) as f64 * f64::from(self.queue.get_timestamp_period()) * 1e-9;
        // Timestamps that show no time, or 1 % more than the whole call took, are unusable.
        if seconds > 0.0 && seconds <= wall * 1.01 { Ok((seconds, Clock::Timestamp)) } else { Ok((wall, Clock::Wall)) }
    }

    /// The error that the device reported outside a call, if any.
    pub fn check(&self) -> Result<()> {
        match &*self.fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }
}

fn buffer(device: &wgpu::Device, label: &str, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false })
}

/// Keeps the first fault; later ones follow from it.
fn note(fault: &Mutex<Option<Error>>, error: Error) {
    fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
}

fn device_lost(message: &str) -> Error {
    Error::input(
        format!("the device was lost: {message}"),
        "resume from the last checkpoint with --resume; if it happens again, check the driver or use another --adapter",
    )
}

/// `error` with a hint for the user; `need` is the memory that was asked for, in words.
pub(super) fn device_error(error: &wgpu::Error, need: &str) -> Error {
    match error {
        wgpu::Error::OutOfMemory { .. } => Error::input(
            format!("out of device memory{need}"),
            "use a smaller --batch or data set, another --adapter, or --backend cpu",
        ),
        other => Error::input(
            format!("the device reports: {}", one_line(&other.to_string())),
            "this is a defect of lenet-gpu or of the driver: report it with the output of `lenet-gpu devices`",
        ),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
